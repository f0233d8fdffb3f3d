"""The sample factories: who works there, at which stations, in which shifts, and what goes wrong.

SMALL has six people at six stations. Two teams change weekly between the early shift (06:00 to 14:00) and the late
shift (14:00 to 22:00); one person tests through the night, Sunday to Thursday. On Saturday two people work a short
morning, on Sunday one.

LARGE has a hundred people at 32 stations, in four lines of eight. Three teams change weekly between early, late and
night shift, Monday to Friday; a fourth has early shifts. Station ST-07 is the bottleneck of its line. Two cameras are
dead, and many a leaving is not seen.
"""

from __future__ import annotations

from collections.abc import Callable
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


@dataclass(frozen=True)
class Planned:
    """Something that goes wrong at a station, at its own people's shift.

    `back` counts working days before today from 0, `after` and `lasts` are minutes; without `lasts` it goes on.
    """

    station: str
    back: int
    after: int
    lasts: int | None


@dataclass(frozen=True)
class Plant:
    """A factory of the sample.

    `hours` gives the local hours of a person's shift on a day, which may end on the next day (over 24), or None.
    `sightings` are the least and most minutes between two sightings, `unseen` the share of leavings that nobody sees,
    `falls_ill` the home of who does and the working day, counted as in `Planned`.
    """

    stations: tuple[Station, ...]
    people: tuple[Person, ...]
    hours: Callable[[Person, date], tuple[int, int] | None]
    days: int
    sightings: tuple[float, float]
    unseen: float
    outages: tuple[Planned, ...]
    jams: tuple[Planned, ...]
    falls_ill: tuple[str, int] | None

    def shift_of(self, person: Person, day: date, zone: ZoneInfo) -> Shift | None:
        """Return the shift that the person begins on this local day, or None on a day off."""
        hours = self.hours(person, day)
        if hours is None:
            return None
        begins, ends = hours
        return Shift(_local(day, begins, zone), _local(day, ends, zone), slow_start=begins < 12)


_SIX_STATIONS = (
    Station("S1", "Assembly Line 1", "assembly", 38, 1, 0.8),
    Station("S2", "Assembly Line 2", "assembly", 34, 1, 1.4),
    Station("S3", "Quality Check", "inspection", 52, 1, 1.9),
    Station("S4", "Packaging", "packaging", 96, 4, 1.1),
    Station("S5", "Welding Station", "welding", 22, 1, 1.7),
    Station("S6", "Testing Station", "testing", 28, 1, 2.8),
)

_SIX_PEOPLE = (
    Person("W1", "Alice Johnson", "S1", "S4", "red", 1.08),
    Person("W2", "Bob Smith", "S2", "S5", "red", 0.94),
    Person("W3", "Carol Davis", "S3", "S6", "red", 1.02),
    Person("W4", "David Wilson", "S5", "S1", "blue", 0.97),
    Person("W5", "Emma Brown", "S4", "S2", "blue", 1.05),
    Person("W6", "Frank Miller", "S6", "S3", "night", 0.9),
)


def _hours_of_six(person: Person, day: date) -> tuple[int, int] | None:
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


SMALL = Plant(
    stations=_SIX_STATIONS,
    people=_SIX_PEOPLE,
    hours=_hours_of_six,
    days=14,
    sightings=(0.8, 1.2),
    unseen=0.0,
    outages=(Planned("S1", 1, 90, 210),),
    jams=(Planned("S2", 0, 180, 60),),
    falls_ill=("S4", 4),
)

_TYPES = ("cutting", "bending", "welding", "cleaning", "painting", "assembly", "inspection", "packaging")
_FIRST = ("Ada", "Ben", "Cem", "Dora", "Elif", "Finn", "Gina", "Hugo", "Ines", "Jan")
_LAST = ("Adler", "Brandt", "Costa", "Demir", "Eriksen", "Fischer", "Grau", "Horn", "Iwanow", "Koch")
_BOTTLENECK = "ST-07"


def _station_of_the_large(number: int) -> Station:
    line, place = divmod(number, len(_TYPES))
    workstation_id = f"ST-{number + 1:02}"
    # What stands behind the bottleneck waits for it; all others keep its line's pace.
    waits = line == 0 and workstation_id > _BOTTLENECK
    slow = workstation_id == _BOTTLENECK
    name = f"{_TYPES[place].capitalize()} {line + 1}"
    return Station(workstation_id, name, _TYPES[place], 18 if slow else 40, 2, 3.2 if waits else 0.9)


def _person_of_the_large(number: int, stations: tuple[Station, ...]) -> Person:
    home, relief = (stations[n % len(stations)].workstation_id for n in (number, number + 1))
    # Two people have one name, as in many a plant.
    named = 0 if number == 77 else number
    name = f"{_FIRST[named % 10]} {_LAST[named // 10 % 10]}"
    team = ("red", "blue", "green", "day")[number // len(stations)]
    return Person(f"P{number + 1:03}", name, home, relief, team, 0.9 + number % 7 / 30)


def _hours_of_three_shifts(person: Person, day: date) -> tuple[int, int] | None:
    if day.weekday() >= SATURDAY:
        return None
    shifts = ((6, 14), (14, 22), (22, 30))
    if person.team == "day":
        return shifts[0]
    week = (day.toordinal() - 1) // 7
    return shifts[(("red", "blue", "green").index(person.team) + week) % 3]


def _large() -> Plant:
    stations = tuple(_station_of_the_large(number) for number in range(32))
    return Plant(
        stations=stations,
        people=tuple(_person_of_the_large(number, stations) for number in range(100)),
        hours=_hours_of_three_shifts,
        days=7,
        sightings=(3.0, 4.5),
        unseen=0.2,
        outages=(Planned("ST-11", 0, 120, None), Planned("ST-23", 1, 30, None)),
        jams=(),
        falls_ill=None,
    )


LARGE = _large()

PLANTS = {"small": SMALL, "large": LARGE}
