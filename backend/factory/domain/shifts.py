"""A factory's daily shifts: names for stretches of the local day. No number depends on them."""

from __future__ import annotations

import re
from typing import Any

from factory.domain.names import name_of

MAX_SHIFTS = 24
MAX_SHIFT_NAME = 64
TIME_OF_DAY = "^([01][0-9]|2[0-3]):[0-5][0-9]$"

Shift = dict[str, str]
"""`name`, `start` and `end` as HH:MM in local time; an end that is not after its start is of the next day."""

DEFAULT_SHIFTS: list[Shift] = [
    {"name": "Early", "start": "06:00", "end": "14:00"},
    {"name": "Late", "start": "14:00", "end": "22:00"},
    {"name": "Night", "start": "22:00", "end": "06:00"},
]


def shifts_of(value: Any) -> list[Shift]:
    """Return the shifts that a value from outside lists; raises ValueError with what they must be."""
    if not isinstance(value, list) or len(value) > MAX_SHIFTS or not all(isinstance(one, dict) for one in value):
        raise ValueError(f"must be a list of at most {MAX_SHIFTS} objects with name, start and end")
    names = [_name_of(one.get("name")) for one in value]
    for one in value:
        start, end = one.get("start"), one.get("end")
        if not _is_time(start) or not _is_time(end):
            raise ValueError("each must have a start and an end from 00:00 to 23:59")
        if start == end:
            raise ValueError("none may end at the time at which it starts")
    if len(set(names)) < len(names):
        raise ValueError("must have distinct names")
    return [{"name": name, "start": one["start"], "end": one["end"]} for name, one in zip(names, value, strict=True)]


def _name_of(value: Any) -> str:
    try:
        return name_of(value, MAX_SHIFT_NAME)
    except ValueError as error:
        raise ValueError(f"each must have a name, which {error}") from None


def is_running(shifts: list[Shift], minute: int) -> bool:
    """Whether any shift runs in a minute of the local day; without shifts every minute is one of work."""
    return not shifts or any(_holds(_minute(one["start"]), _minute(one["end"]), minute) for one in shifts)


def _holds(start: int, end: int, minute: int) -> bool:
    return start <= minute < end if start < end else minute >= start or minute < end


def _minute(time_of_day: str) -> int:
    hours, minutes = time_of_day.split(":")
    return 60 * int(hours) + int(minutes)


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(TIME_OF_DAY.strip("^$"), value) is not None
