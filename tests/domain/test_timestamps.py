"""Many timestamps read at once are the same as each read alone."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from factory.domain.timestamp import INVALID, parse_timestamp, parse_timestamps

LAYOUTS = (
    "2026-01-15T10:15:00Z",
    "2026-01-15T10:15:00.5Z",
    "2026-01-15T10:15:00.123456Z",
    "2024-02-29T23:59:59.12Z",
    "2000-02-29t23:59:59Z",
    "2026-01-15 10:15:00+02:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
)


def alone(text: str) -> int:
    try:
        return parse_timestamp(text)
    except ValueError:
        return int(INVALID)


@st.composite
def nearly_timestamps(draw: st.DrawFn) -> str:
    text = list(draw(st.sampled_from(LAYOUTS)))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(text) - 1))
        text[place : place + draw(st.integers(0, 1))] = draw(st.sampled_from("0123456789TZ:-.+ \né"))
    return "".join(text)


@given(st.lists(nearly_timestamps(), min_size=1, max_size=6), st.sampled_from((1, 20)))
@example(["2026-01-15T10:15:00", "Z\n2026-01-15T10:15:00Z"], 20)
@settings(max_examples=300)
def test_many_timestamps_are_read_as_each_of_them_is(texts: list[str], times: int) -> None:
    assert parse_timestamps(texts * times).tolist() == [alone(text) for text in texts] * times


@pytest.mark.parametrize("day", ["2023-02-29", "2100-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "0000-01-01"])
def test_days_that_no_calendar_has_are_invalid_in_many_as_in_one(day: str) -> None:
    assert parse_timestamps([f"{day}T00:00:00Z"] * 20).tolist() == [INVALID] * 20
