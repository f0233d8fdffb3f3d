"""The texts of a small form, such as that of a sign-in."""

from __future__ import annotations

from typing import Any

from factory.api.http.body import read_object
from factory.domain.form import Form

LONGEST = 1000


def read_texts(*required: str, optional: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the fields of the body as texts of up to 1000 characters; an optional one that is absent is empty.

    Raises InvalidInput, which never repeats what was sent.
    """
    form = Form({name: value for name, value in read_object().items() if value != ""})
    form.require(*required)
    for name in (*required, *optional):
        form.read(name, "invalid_text", _text)
    return {**dict.fromkeys(optional, ""), **form.done()}


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST or "\x00" in value:
        raise ValueError(f"must be a text of 1 to {LONGEST} characters")
    return value
