"""The reference's first half: from what senders say to each worker's states (sections 2 and 3).

Like `reference.py` it is written from the specification alone and imports nothing of the product.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

SECOND = 1_000_000
HOUR = 3600 * SECOND
FOREVER = 10**30
STATES = ("working", "idle", "absent")  # in the order that decides a tie
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)?")


def instant(text: str) -> int:
    """Microseconds since the epoch; no offset means UTC, digits past the microsecond are cut off."""
    match = _TIMESTAMP.fullmatch(text)
    assert match is not None, text
    day, time, fraction, offset = match.groups()
    if offset is None or offset in "Zz":
        offset = "+00:00"
    whole = datetime.fromisoformat(f"{day}T{time}{offset}")
    return (whole - EPOCH) // timedelta(microseconds=1) + int((fraction or "").ljust(6, "0")[:6])


def rfc3339(us: int) -> str:
    """UTC with `Z`, microseconds only where there are any."""
    return (EPOCH + timedelta(microseconds=us)).isoformat().replace("+00:00", "Z")


def start_of_day(day: date, zone: ZoneInfo) -> int:
    """Return the instant at which the local date begins (of two midnights the first)."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return (midnight.astimezone(timezone.utc) - EPOCH) // timedelta(microseconds=1)


def local_date(us: int, zone: ZoneInfo) -> date:
    return (EPOCH + timedelta(microseconds=us)).astimezone(zone).date()


# --- Events ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    timestamp: int
    worker_id: str
    workstation_id: str
    event_type: str
    count: int
    confidence: float | None
    source_id: str | None
    event_id: str | None
    model_version: str | None

    @property
    def identity(self) -> tuple[Any, ...]:
        return (
            self.worker_id, self.timestamp, self.event_type, self.workstation_id, self.source_id, self.event_id
        )  # fmt: skip

    @property
    def units(self) -> int:
        return self.count if self.event_type == "product_count" else 0


def read_event(said: Mapping[str, Any]) -> Event:
    """One valid event as a sender writes it."""
    is_count = said["event_type"] == "product_count"
    count, confidence = said.get("count"), said.get("confidence")
    return Event(
        timestamp=instant(said["timestamp"]),
        worker_id=said["worker_id"],
        workstation_id=said["workstation_id"],
        event_type=said["event_type"],
        count=(1 if count is None else count) if is_count else 0,
        confidence=None if confidence is None else float(confidence),
        source_id=said.get("source_id"),
        event_id=said.get("event_id"),
        model_version=said.get("model_version"),
    )


def distinct(events: Iterable[Event]) -> list[Event]:
    """Each event once, however often it was delivered; the set must hold no conflict."""
    known: dict[tuple[Any, ...], Event] = {}
    for event in events:
        assert known.setdefault(event.identity, event) == event, "a conflict: the outcome depends on the order"
    return list(known.values())


def _missing_first(text: str | None) -> tuple[bool, str]:
    return (text is not None, text or "")


def winner(at_one_instant: list[Event]) -> Event:
    """Return the state event that counts of several of one worker at one instant."""
    return min(
        at_one_instant,
        key=lambda event: (
            -(-1.0 if event.confidence is None else event.confidence),
            STATES.index(event.event_type),
            event.workstation_id,
            _missing_first(event.source_id),
            _missing_first(event.event_id),
        ),
    )


# --- From events to states ------------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    start: int
    end: int
    state: str
    event: Event | None  # the one that opened it; none for unknown

    @property
    def workstation_id(self) -> str | None:
        return self.event.workstation_id if self.event else None

    @property
    def length(self) -> int:
        return self.end - self.start


def worker_intervals(events: list[Event], timeout: int) -> list[Interval]:
    """Return the intervals of one worker, gapless from before all time to after it. `timeout` 0: no limit."""

    def until(t: int) -> int:
        return t + timeout if timeout else FOREVER

    found: list[Interval] = []
    opened, known_until = -FOREVER, -FOREVER
    event: Event | None = None  # of the present state; none before the first

    def close(at: int) -> None:
        if event is not None:
            found.append(Interval(opened, min(known_until, at), event.event_type, event))
        if known_until < at:
            found.append(Interval(known_until, at, "unknown", None))

    for t, group in groupby(sorted(events, key=lambda e: e.timestamp), key=lambda e: e.timestamp):
        together = list(group)
        states = [e for e in together if e.event_type != "product_count"]
        if states:
            close(t)
            opened, event = t, winner(states)
            known_until = FOREVER if event.event_type == "absent" else until(t)
        if len(states) < len(together) and event is not None and event.event_type != "absent" and t < known_until:
            known_until = until(t)
    close(FOREVER)
    return _join(found)


def _join(intervals: list[Interval]) -> list[Interval]:
    joined: list[Interval] = []
    for interval in intervals:
        last = joined[-1] if joined else None
        if last and (last.state, last.workstation_id) == (interval.state, interval.workstation_id):
            assert last.end == interval.start
            joined[-1] = Interval(last.start, interval.end, last.state, last.event)
        elif interval.length > 0:
            joined.append(interval)
    return joined


def cut(intervals: list[Interval], start: int, end: int) -> list[Interval]:
    """Return the parts inside `[start, end)`."""
    parts = (Interval(max(i.start, start), min(i.end, end), i.state, i.event) for i in intervals)
    return [part for part in parts if part.length > 0]


@dataclass(frozen=True)
class Stretch:
    """The state of a station for a while."""

    start: int
    end: int
    state: str  # productive, occupied or free
    worker_ids: frozenset[str]
