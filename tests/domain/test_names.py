"""Names that people read: what cannot be seen is refused or left out, and what can is kept."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.domain.names import NAME_PATTERN, name_of

UNSEEN = {
    "blanks": "   ",
    "no-break spaces": "\u00a0\u2003",
    "a right-to-left override": "Bob\u202eecila",
    "an isolate": "\u2066Bob\u2069",
    "a left-to-right mark": "Bob\u200e",
    "a zero-width space": "Bo\u200bb",
    "a byte order mark": "\ufeffBob",
    "a soft hyphen": "Bo\u00adb",
    "a filler": "\u3164",
    "a joiner alone": "\u200d",
    "a selector alone": "\ufe0f",
    "a separator of lines": "Bob\u2028Smith",
    "a control character": "Bob\x07",
    "half a character": "Bob\ud800",
    "nothing": "",
}


@pytest.mark.parametrize("name", UNSEEN.values(), ids=UNSEEN.keys())
def test_what_cannot_be_seen_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="characters that can be seen"):
        name_of(name, 200)


@pytest.mark.parametrize("value", [None, 7, ["Bob"], "x" * 201])
def test_what_is_no_name_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="must be 1 to 200 characters"):
        name_of(value, 200)


@pytest.mark.parametrize(
    "name", ["Jürgen Groß", "علی\u200cرضا", "क्\u200dष", "👩\u200d🔧 Anna", "⚙\ufe0f Press", "O'Neil 3/4", "李"]
)
def test_what_people_are_called_stays(name: str) -> None:
    assert name_of(name, 200) == name


def test_names_that_look_alike_are_alike() -> None:
    looks_alike = ["Zoë", "Zoe\u0308", " Zoë ", "Zoë\u200d", "Z\u200coë", "Zoë\ufe0f"]

    assert {name_of(name, 200) for name in looks_alike} == {"Zoë"}


@given(st.text(max_size=8))
def test_a_stored_name_is_a_name_and_the_documented_pattern_holds_it(text: str) -> None:
    try:
        name = name_of(text, 200)
    except ValueError:
        assert not re.search(NAME_PATTERN, text)
        return
    assert re.search(NAME_PATTERN, text)
    assert name_of(name, 200) == name == unicodedata.normalize("NFC", name).strip()
