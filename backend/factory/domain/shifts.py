"""A factory's daily shifts: names for stretches of the local day. No number depends on them."""

from __future__ import annotations

import re
from typing import Any

from factory.domain.event import is_label

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
    for one in value:
        name, start, end = one.get("name"), one.get("start"), one.get("end")
        if not isinstance(name, str) or not is_label(name, MAX_SHIFT_NAME):
            raise ValueError(f"each must have a name of 1 to {MAX_SHIFT_NAME} characters without control characters")
        if not _is_time(start) or not _is_time(end):
            raise ValueError("each must have a start and an end from 00:00 to 23:59")
        if start == end:
            raise ValueError("none may end at the time at which it starts")
    if len({one["name"] for one in value}) < len(value):
        raise ValueError("must have distinct names")
    return [{field: one[field] for field in ("name", "start", "end")} for one in value]


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
