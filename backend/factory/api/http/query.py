"""Query parameters to values. All faults of a request are reported at once.

A parameter that the route's contract does not declare, or that is given twice and is no list, is refused: a misspelt
`form=` would otherwise answer with the numbers of another window. A list is repeated, or has commas in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TypeVar

from flask import request

from factory.api.http.request import route_contract
from factory.domain.errors import FieldError, InvalidInput
from factory.domain.event import ID_RULE, is_id
from factory.domain.form import choice_of, id_of, label_of
from factory.domain.timestamp import parse_timestamp

T = TypeVar("T")

_BARE_PLUS = re.compile(r"(.+[T t]\d\d:\d\d:\d\d(?:\.\d+)?) (\d\d:\d\d)")


def refuse_undeclared() -> None:
    """Refuse the parameters that a contract does not declare. A handler that has parameters does so by Query."""
    contract = route_contract()
    if contract is not None and not contract.any_query and contract.query <= {"factory"}:
        Query().done()


class Query:
    """The query parameters of this request. `done` raises InvalidInput with every fault that was met."""

    def __init__(self) -> None:
        contract = route_contract()
        assert contract is not None
        self._declared = contract.query
        self._lists = contract.lists
        self._faults: list[FieldError] = []
        if "factory" in self._declared:
            self._value("factory", str)  # its value is read by request.requested_factory

    def text(self, name: str) -> str | None:
        return self._value(name, _text)

    def label(self, name: str, *, longest: int) -> str | None:
        """Return a text that a sender chose, such as the name of a source."""
        return self._value(name, lambda text: label_of(text, longest))

    def required(self, name: str) -> str:
        value = self.text(name)
        if name not in request.args:
            self._fault(name, "missing_parameter", "is required")
        return value or ""

    def identity(self, name: str) -> str | None:
        return self._value(name, id_of)

    def identities(self, name: str, *, most: int) -> list[str] | None:
        """Distinct ids with commas between them."""

        def parse(text: str) -> list[str]:
            ids = text.split(",")
            if not all(map(is_id, ids)) or len(set(ids)) < len(ids) or len(ids) > most:
                raise ValueError(f"must be 1 to {most} distinct ids with commas between them; an id is {ID_RULE}")
            return ids

        return self._value(name, parse)

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        return self._value(name, lambda text: choice_of(text, choices))

    def required_choice(self, name: str, choices: Collection[str]) -> str:
        value = self.choice(name, choices)
        if name not in request.args:
            self._fault(name, "missing_parameter", "is required")
        return value or ""

    def instant(self, name: str) -> int | None:
        return self._value(name, _instant)

    def boolean(self, name: str) -> bool:
        return self._value(name, _boolean) or False

    def integer(self, name: str, *, low: int, high: int, default: int) -> int:
        def parse(text: str) -> int:
            if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
                raise ValueError(f"must be a whole number from {low} to {high}")
            return int(text)

        value = self._value(name, parse)
        return default if value is None else value

    def done(self) -> None:
        for name in sorted(set(request.args) - self._declared):
            self._fault(name, "unknown_parameter", "is not a parameter of this address")
        if self._faults:
            message = "; ".join(f"{fault['field']} {fault['message']}" for fault in self._faults)
            raise InvalidInput(message, code="invalid_parameter", errors=self._faults)

    def _value(self, name: str, parse: Callable[[str], T]) -> T | None:
        assert name in self._declared, f"the contract does not declare {name}"
        values = request.args.getlist(name)
        if name in self._lists:
            values = [",".join(values)] if values else []
        elif len(values) > 1:
            self._fault(name, "repeated_parameter", "is given more than once")
            return None
        try:
            return parse(values[0]) if values else None
        except ValueError as error:
            self._fault(name, "invalid_parameter", str(error))
            return None

    def _fault(self, field: str, code: str, message: str) -> None:
        self._faults.append({"field": printable(field), "code": code, "message": message})


def printable(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", "�", text)[:100]


def _text(text: str) -> str:
    if not text or len(text) > 1000 or printable(text[:100]) != text[:100] or "\x00" in text:
        raise ValueError("must be a text of 1 to 1000 characters without control characters")
    return text


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _instant(text: str) -> int:
    # An unescaped + of an offset arrives as a space; no valid timestamp ends like that.
    if escaped := _BARE_PLUS.fullmatch(text):
        text = f"{escaped[1]}+{escaped[2]}"
    try:
        return parse_timestamp(text)
    except ValueError:
        raise ValueError("must be an RFC 3339 timestamp such as 2026-01-15T10:15:00Z") from None
