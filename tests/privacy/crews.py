"""Plants of two weeks, for the test of inference: who works where and when, and the events of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

FIRST = datetime(2026, 1, 1, tzinfo=timezone.utc)
DAYS = 14


@dataclass(frozen=True)
class Turn:
    """One person at one station in one shift."""

    person: int
    station: str
    day: int
    start_hour: int
    hours: int


@dataclass(frozen=True)
class Crew:
    """The plan of a plant; `persons` are all who are registered."""

    name: str
    persons: int
    stations: tuple[str, ...]
    turns: tuple[Turn, ...]


def lone() -> Crew:
    """Eight people, three stations: one person at each in the early and in the late shift, by rotation."""
    stations = ("K1", "K2", "K3")
    turns = [
        Turn((day + slot) % 8, stations[(slot + day // 3) % 3], day, 6 if slot < 3 else 14, 8)
        for day in range(DAYS)
        for slot in range(6)
    ]
    return Crew("lone", 8, stations, tuple(turns))


def teams() -> Crew:
    """Twenty people, two stations: eight at each, by rotation, and an odd one out at a third."""
    stations = ("A", "B", "C")
    turns = []
    for day in range(DAYS):
        for place in range(17):
            station = "A" if place < 8 else "B" if place < 16 else "C"
            turns.append(Turn((3 * day + place) % 20, station, day, 6, 8))
    return Crew("teams", 20, stations, tuple(turns))


def uneven() -> Crew:
    """Twelve people: a team of six, two single places in two shifts, a break's relief, and two at a weekend."""
    stations = ("T", "L1", "L2")
    turns = []
    for day in range(DAYS):
        if day % 7 >= 5:
            turns += [Turn((day + n) % 12, stations[n], day, 6, 6) for n in range(2)]
            continue
        turns += [Turn((day + n) % 12, "T", day, 6, 8) for n in range(6)]
        turns += [Turn((day + 6 + n) % 12, ("L1", "L2")[n % 2], day, 6 if n < 2 else 14, 8) for n in range(4)]
        turns += [Turn((day + 10) % 12, "L1", day, 14, 2)]
    return Crew("uneven", 12, stations, tuple(turns))


def person(number: int) -> str:
    return f"anna.{number:02}"


def events_of(crew: Crew, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the events of a plan: people come early or late, work, pause and count units at paces of their own."""
    chance = random.Random(seed)
    pace = {n: chance.uniform(8, 20) for n in range(crew.persons)}
    idles = {n: chance.uniform(0.1, 0.45) for n in range(crew.persons)}
    for turn in crew.turns:
        at = FIRST + timedelta(days=turn.day, hours=turn.start_hour, minutes=chance.uniform(2, 40))
        end = FIRST + timedelta(days=turn.day, hours=turn.start_hour + turn.hours, minutes=-chance.uniform(2, 40))
        who = {"worker_id": person(turn.person), "workstation_id": turn.station}
        while at < end:
            length = chance.uniform(25, 55)
            idle = length * idles[turn.person] * chance.uniform(0.5, 1.5)
            yield {**who, "timestamp": at.isoformat(), "event_type": "working"}
            made = max(1, round((length - idle) / 60 * pace[turn.person] * chance.uniform(0.7, 1.3)))
            counted = at + timedelta(minutes=(length - idle) / 2)
            if counted < end:
                yield {**who, "timestamp": counted.isoformat(), "event_type": "product_count", "count": made}
            at += timedelta(minutes=length - idle)
            if at < end:
                yield {**who, "timestamp": at.isoformat(), "event_type": "idle"}
            at += timedelta(minutes=idle)
        yield {**who, "timestamp": end.isoformat(), "event_type": "absent"}
