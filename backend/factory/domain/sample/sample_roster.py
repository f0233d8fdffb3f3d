"""The sample factory: who works there, at which stations, and in which shifts.

Two teams change weekly between the early shift (06:00 to 14:00) and the late shift (14:00 to
22:00); one person tests through the night, Sunday to Thursday. On Saturday two people work a
short morning, on Sunday one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from factory.domain.timestamp import to_us

FRIDAY, SATURDAY, SUNDAY = 4, 5, 6


@dataclass(frozen=True)
class Station:
    """`waiting` scales how long people wait there for material or for the machine."""

    workstation_id: str
    name: str
    type: str
    units_per_hour: float
    units_per_count: int
    waiting: float


@dataclass(frozen=True)
class Person:
    """`home` is the usual station, `relief` where the person helps out; `pace` scales the output."""

    worker_id: str
    name: str
    home: str
    relief: str
    team: str
    pace: float


@dataclass(frozen=True)
class Shift:
    """`[start, end)` in microseconds; `slow_start` for mornings, when machines are still cold."""

    start: int
    end: int
    slow_start: bool


STATIONS = (
    Station("S1", "Assembly Line 1", "assembly", 38, 1, 0.8),
    Station("S2", "Assembly Line 2", "assembly", 34, 1, 1.4),
    Station("S3", "Quality Check", "inspection", 52, 1, 1.9),
    Station("S4", "Packaging", "packaging", 96, 4, 1.1),
    Station("S5", "Welding Station", "welding", 22, 1, 1.7),
    Station("S6", "Testing Station", "testing", 28, 1, 2.8),
)

PEOPLE = (
    Person("W1", "Alice Johnson", "S1", "S4", "red", 1.08),
    Person("W2", "Bob Smith", "S2", "S5", "red", 0.94),
    Person("W3", "Carol Davis", "S3", "S6", "red", 1.02),
    Person("W4", "David Wilson", "S5", "S1", "blue", 0.97),
    Person("W5", "Emma Brown", "S4", "S2", "blue", 1.05),
    Person("W6", "Frank Miller", "S6", "S3", "night", 0.9),
)


def shift_of(person: Person, day: date, zone: ZoneInfo) -> Shift | None:
    """Return the shift that the person begins on this local day, or None on a day off."""
    hours = _hours(person, day)
    if hours is None:
        return None
    begins, ends = hours
    return Shift(_local(day, begins, zone), _local(day, ends, zone), slow_start=begins < 12)


def _hours(person: Person, day: date) -> tuple[int, int] | None:
    weekday = day.weekday()
    if person.team == "night":
        return None if weekday in (FRIDAY, SATURDAY) else (22, 30)
    early = (person.team == "red") == ((day.toordinal() - 1) // 7 % 2 == 0)
    if weekday == SATURDAY:
        return (6, 12) if early and person.home in ("S1", "S2", "S4", "S5") else None
    if weekday == SUNDAY:
        return (8, 14) if not early and person.home in ("S3", "S5") else None
    return (6, 14) if early else (14, 22)


def _local(day: date, hour: int, zone: ZoneInfo) -> int:
    at = datetime.combine(day + timedelta(days=hour // 24), time(hour % 24), zone)
    return to_us(at)
