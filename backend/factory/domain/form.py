"""Forms: the fields of a JSON object from outside, checked by shared rules, with all faults reported at once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from factory.domain.errors import FieldError, InvalidInput
from factory.domain.event import ID_RULE, is_id, is_label
from factory.domain.names import name_of


def id_of(value: Any) -> str:
    """Return a value that is an id; raises ValueError with the rule, as all of these do."""
    if not isinstance(value, str) or not is_id(value):
        raise ValueError(f"must be {ID_RULE}")
    return value


def label_of(value: Any, longest: int) -> str:
    """Return a text of 1 to `longest` characters, none of them a control character."""
    if not isinstance(value, str) or not is_label(value, longest):
        raise ValueError(f"must be 1 to {longest} characters without control characters")
    return value


def choice_of(value: Any, choices: Collection[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ValueError("must be one of " + ", ".join(choices))
    return value


def invalid_field(field: str, code: str, message: str) -> InvalidInput:
    """Return the refusal of an input with one faulty field."""
    return InvalidInput(f"{field}: {message}", code=code, errors=[{"field": field, "code": code, "message": message}])


class Form:
    """The fields of one object. Absent fields and null are the same; fields that no method names are ignored."""

    def __init__(self, values: Any) -> None:
        if not isinstance(values, dict):
            raise InvalidInput("Expected a JSON object", code="not_an_object")
        self.given: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
        self._null = values.keys() - self.given.keys()
        self._checked: dict[str, Any] = {}
        self._faults: list[FieldError] = []

    def done(self) -> dict[str, Any]:
        """Return the fields that were given and checked. Raises InvalidInput with every fault that was met."""
        if missing := [fault["field"] for fault in self._faults if fault["code"] == "missing_field"]:
            message = "Missing required fields: " + ", ".join(missing)
            raise InvalidInput(message, code="missing_fields", errors=self._faults)
        if self._faults:
            message = "; ".join(f"{fault['field']}: {fault['message']}" for fault in self._faults)
            raise InvalidInput(message, code=self._faults[0]["code"], errors=self._faults)
        return self._checked

    def fault(self, field: str, code: str, message: str) -> None:
        """Add a fault that the form's own rules found."""
        self._faults.append({"field": field, "code": code, "message": message})

    def require(self, *names: str) -> None:
        """Report the fields that are absent."""
        for name in names:
            if name not in self.given:
                self.fault(name, "missing_field", "is required")

    def read(self, name: str, code: str, parse: Callable[[Any], Any]) -> None:
        """Check a field by a function that returns the value to take, or raises ValueError with a message."""
        if name in self.given:
            try:
                self._checked[name] = parse(self.given[name])
            except ValueError as error:
                self.fault(name, code, str(error))

    def identity(self, name: str) -> None:
        self.read(name, "invalid_id", id_of)

    def text(self, name: str, *, longest: int) -> None:
        self.read(name, "invalid_text", lambda value: label_of(value, longest))

    def name(self, field: str, *, longest: int) -> None:
        self.read(field, "invalid_text", lambda value: name_of(value, longest))

    def choice(self, name: str, choices: Collection[str], *, code: str) -> None:
        self.read(name, code, lambda value: choice_of(value, choices))

    def integer(self, name: str, low: int, high: int, *, kind: str = "a whole number") -> None:
        def parse(value: Any) -> int:
            if type(value) is not int or not low <= value <= high:
                raise ValueError(f"must be {kind} from {low} to {high}")
            return value

        self.read(name, "out_of_range", parse)

    def boolean(self, name: str, *, or_null: bool = False) -> None:
        """With `or_null`, null is a value of its own and not the same as absence."""

        def parse(value: Any) -> bool:
            if type(value) is not bool:
                raise ValueError("must be true, false or null" if or_null else "must be true or false")
            return value

        if or_null and name in self._null:
            self._checked[name] = None
        self.read(name, "invalid_boolean", parse)
