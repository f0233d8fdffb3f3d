"""The texts of a small form, such as that of a sign-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from factory.domain.errors import FieldError, InvalidInput

LONGEST = 1000


def text_fields(values: Mapping[str, Any], *required: str, optional: tuple[str, ...] = ()) -> dict[str, str]:
    """The fields as texts of up to 1000 characters; an optional one that is absent or null is empty.

    Raises InvalidInput, which never repeats what was sent.
    """
    missing = [name for name in required if values.get(name) in (None, "")]
    if missing:
        raise missing_fields(missing)
    texts = {name: values[name] for name in (*required, *optional) if values.get(name) is not None}
    faults: list[FieldError] = [
        {"field": name, "code": "invalid_text", "message": f"must be a text of 1 to {LONGEST} characters"}
        for name, text in texts.items()
        if not isinstance(text, str) or len(text) > LONGEST or "\x00" in text
    ]
    if faults:
        message = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
        raise InvalidInput(message, code="invalid_text", errors=faults)
    return {**dict.fromkeys(optional, ""), **texts}


def missing_fields(names: Sequence[str]) -> InvalidInput:
    """The refusal of a form that lacks these fields."""
    faults: list[FieldError] = [{"field": name, "code": "missing_field", "message": "is required"} for name in names]
    return InvalidInput(f"Missing required fields: {', '.join(names)}", code="missing_fields", errors=faults)
