"""A second implementation of what the numbers mean (sections 2 to 4 of the specification).

It is written from the specification alone, imports nothing of the product, walks every event for
every answer and computes with whole microseconds and Fraction. Slow, and easy to check by eye.

Where the specification is silent this chooses:
- A window that lies wholly in the future is empty: its `to` is its `from`.
- Without `from` and without an event before the cut `to`, the window is empty at the cut `to`.
- A worker who has sent only product counts before the window, and nothing in it, is not expected.
- The instant at which a clock change skips local midnight is where that day begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

SECOND = 1_000_000
HOUR = 3600 * SECOND
FOREVER = 10**30
STATES = ("working", "idle", "absent")  # in the order that decides a tie
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DEFINITIONS_VERSION = 1
MAX_BUCKETS = 10_000


class BadRequest(Exception):
    """The specification calls for a 400."""


# --- Time -----------------------------------------------------------------------------------------

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
    """The instant at which the local date begins (of two midnights the first)."""
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
    """Which of several state events of one worker at one instant counts."""
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
    """The intervals of one worker, gapless from before all time to after it. `timeout` 0: no limit."""

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
    """The parts inside `[start, end)`."""
    parts = (Interval(max(i.start, start), min(i.end, end), i.state, i.event) for i in intervals)
    return [part for part in parts if part.length > 0]


@dataclass(frozen=True)
class Stretch:
    start: int
    end: int
    state: str  # productive, occupied or free
    worker_ids: frozenset[str]


# --- Numbers --------------------------------------------------------------------------------------


def ratio(numerator: Fraction | int, denominator: Fraction | int) -> Fraction | None:
    return None if denominator == 0 else Fraction(numerator) / Fraction(denominator)


def percent(numerator: Fraction | int, denominator: Fraction | int) -> Fraction | None:
    return ratio(100 * Fraction(numerator), denominator)


def hours(us: int) -> Fraction:
    return Fraction(us, HOUR)


def rendered(name: str, value: Any) -> Any:
    """Hours with 4 decimals, rates and percentages with 2, half-even (as Fraction rounds); the rest as it is."""
    if isinstance(value, Fraction):
        return float(round(value, 4 if name.endswith("_hours") else 2))
    return value


def render(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: rendered(name, value) for name, value in values.items()}


WORKER_METRICS = (
    "total_active_time_hours", "total_idle_time_hours", "total_absent_time_hours", "unknown_time_hours",
    "utilization_percentage", "utilization_lower_percentage", "utilization_upper_percentage",
    "coverage_percentage", "total_units_produced", "units_per_hour", "event_count",
)  # fmt: skip
WORKSTATION_METRICS = (
    "occupancy_time_hours", "productive_time_hours", "utilization_percentage", "productive_percentage",
    "total_units_produced", "throughput_rate", "event_count",
)  # fmt: skip
FACTORY_METRICS = (
    "total_productive_time_hours", "total_production_count", "average_production_rate",
    "average_utilization_percentage", "pooled_utilization_percentage", "coverage_percentage", "total_events",
)  # fmt: skip
METRICS = {"factory": FACTORY_METRICS, "worker": WORKER_METRICS, "workstation": WORKSTATION_METRICS}
BUCKETS = ("15m", "hour", "day", "week", "month")


@dataclass
class Reference:
    """Every answer about one factory, from its accepted events. Instants are microseconds."""

    events: list[Event]
    now: int
    time_zone: str = "UTC"
    state_timeout_seconds: int = 3600
    workers: dict[str, str] = field(default_factory=dict)  # id to name, where given one
    workstations: dict[str, tuple[str, str]] = field(default_factory=dict)  # id to name and type

    def __post_init__(self) -> None:
        self.events = distinct(self.events)
        self.workers, self.workstations = dict(self.workers), dict(self.workstations)
        for event in self.events:  # registered on sight
            self.workers.setdefault(event.worker_id, event.worker_id)
            self.workstations.setdefault(event.workstation_id, (event.workstation_id, UNKNOWN_TYPE))
        timeout = self.state_timeout_seconds * SECOND
        self._intervals = {
            worker: worker_intervals([e for e in self.events if e.worker_id == worker], timeout)
            for worker in self.workers
        }

    # The window

    def window(self, start: int | None, end: int | None) -> tuple[int, int]:
        if start is not None and end is not None and start > end:
            raise BadRequest("from after to")
        to = self.now if end is None else min(end, self.now)
        if start is None:
            start = min([e.timestamp for e in self.events] + [to])
        return start, max(start, to)

    def describe(self, start: int, end: int) -> dict[str, Any]:
        return render({
            "from": rfc3339(start),
            "to": rfc3339(end),
            "elapsed_hours": hours(end - start),
            "evaluated_at": rfc3339(self.now),
            "time_zone": self.time_zone,
            "state_timeout_seconds": self.state_timeout_seconds,
            "definitions_version": DEFINITIONS_VERSION,
        })  # fmt: skip

    def _seen(self, start: int, end: int, **named: str) -> list[Event]:
        inside = [e for e in self.events if start <= e.timestamp < end]
        return [e for e in inside if all(getattr(e, name) == value for name, value in named.items())]

    # Exact values

    def worker_times(self, worker: str, start: int, end: int) -> dict[str, int]:
        times = dict.fromkeys((*STATES, "unknown"), 0)
        for interval in cut(self._intervals[worker], start, end):
            times[interval.state] += interval.length
        assert sum(times.values()) == end - start
        return times

    def worker(self, worker: str, start: int, end: int) -> dict[str, Any]:
        times = self.worker_times(worker, start, end)
        active, idle, absent, unknown = (times[s] for s in (*STATES, "unknown"))
        events = self._seen(start, end, worker_id=worker)
        units = sum(e.units for e in events)
        return {
            "worker_id": worker,
            "name": self.workers[worker],
            "total_active_time_hours": hours(active),
            "total_idle_time_hours": hours(idle),
            "total_absent_time_hours": hours(absent),
            "unknown_time_hours": hours(unknown),
            "utilization_percentage": percent(active, active + idle),
            "utilization_lower_percentage": percent(active, active + idle + unknown),
            "utilization_upper_percentage": percent(active + unknown, active + idle + unknown),
            "coverage_percentage": percent(active + idle + absent, end - start),
            "total_units_produced": units,
            "units_per_hour": ratio(units, hours(active)),
            "event_count": len(events),
        }

    def stretches(self, station: str, start: int, end: int) -> list[Stretch]:
        """The station's time cut where anybody comes, goes or changes, then joined where the state is the same."""
        there = [
            (i, worker)
            for worker, intervals in self._intervals.items()
            for i in cut(intervals, start, end)
            if i.state in ("working", "idle") and i.workstation_id == station
        ]
        edges = sorted({start, end, *(i.start for i, _ in there), *(i.end for i, _ in there)})
        result: list[Stretch] = []
        for left, right in zip(edges, edges[1:]):
            present = [(i.state, worker) for i, worker in there if i.start <= left and right <= i.end]
            states = {state for state, _ in present}
            state = "productive" if "working" in states else "occupied" if states else "free"
            workers = frozenset(worker for _, worker in present)
            if result and result[-1].state == state:
                result[-1] = Stretch(result[-1].start, right, state, result[-1].worker_ids | workers)
            else:
                result.append(Stretch(left, right, state, workers))
        return result

    def workstation(self, station: str, start: int, end: int) -> dict[str, Any]:
        stretches = self.stretches(station, start, end)
        productive = sum(s.end - s.start for s in stretches if s.state == "productive")
        occupied = productive + sum(s.end - s.start for s in stretches if s.state == "occupied")
        events = self._seen(start, end, workstation_id=station)
        units = sum(e.units for e in events)
        name, kind = self.workstations[station]
        return {
            "station_id": station,
            "workstation_id": station,
            "name": name,
            "type": kind,
            "occupancy_time_hours": hours(occupied),
            "productive_time_hours": hours(productive),
            "utilization_percentage": percent(occupied, end - start),
            "productive_percentage": percent(productive, occupied),
            "total_units_produced": units,
            "throughput_rate": ratio(units, hours(occupied)),
            "event_count": len(events),
        }

    def is_expected(self, worker: str, start: int, end: int) -> bool:
        if self._seen(start, end, worker_id=worker):
            return True
        before = [
            e for e in self.events
            if e.worker_id == worker and e.timestamp < start and e.event_type != "product_count"
        ]  # fmt: skip
        if not before:
            return False
        last = max(e.timestamp for e in before)
        return winner([e for e in before if e.timestamp == last]).event_type != "absent"

    def factory(self, start: int, end: int) -> dict[str, Any]:
        times = {worker: self.worker_times(worker, start, end) for worker in self.workers}
        active = sum(t["working"] for t in times.values())
        idle = sum(t["idle"] for t in times.values())
        utilizations = [percent(t["working"], t["working"] + t["idle"]) for t in times.values()]
        defined = [u for u in utilizations if u is not None]
        expected = [worker for worker in self.workers if self.is_expected(worker, start, end)]
        known = sum(times[w][state] for w in expected for state in STATES)
        events = self._seen(start, end)
        units = sum(e.units for e in events)
        return {
            "total_productive_time_hours": hours(active),
            "total_production_count": units,
            "average_production_rate": ratio(units, hours(active)),
            "average_utilization_percentage": ratio(sum(defined, Fraction(0)), len(defined)),
            "pooled_utilization_percentage": percent(active, active + idle),
            "coverage_percentage": percent(known, len(expected) * (end - start)),
            "worker_count": len(self.workers),
            "station_count": len(self.workstations),
            "active_worker_count": sum(1 for t in times.values() if t["working"] + t["idle"] > 0),
            "active_station_count": sum(
                1 for s in self.workstations if any(x.state != "free" for x in self.stretches(s, start, end))
            ),
            "total_events": len(events),
        }

    def values(self, entity: str, entity_id: str | None, start: int, end: int) -> dict[str, Any]:
        """The exact values of one entity over one window that is already cut."""
        if entity == "factory":
            return self.factory(start, end)
        assert entity_id is not None
        return self.worker(entity_id, start, end) if entity == "worker" else self.workstation(entity_id, start, end)

    # Answers

    def metrics(
        self, entity: str, entity_id: str | None = None, start: int | None = None, end: int | None = None
    ) -> dict[str, Any]:
        """`data` and `window` of a metrics route; all workers or workstations in code-point order without an id."""
        start, end = self.window(start, end)
        data: Any
        if entity != "factory" and entity_id is None:
            registered: Iterable[str] = self.workers if entity == "worker" else self.workstations
            data = [render(self.values(entity, each, start, end)) for each in sorted(registered)]
        else:
            data = render(self.values(entity, entity_id, start, end))
        return {"data": data, "window": self.describe(start, end)}

    def intervals(
        self, entity: str, entity_id: str, start: int | None = None, end: int | None = None
    ) -> dict[str, Any]:
        start, end = self.window(start, end)
        data: list[dict[str, Any]]
        if entity == "worker":
            data = [
                {
                    "start": rfc3339(i.start),
                    "end": rfc3339(i.end),
                    "state": i.state,
                    "workstation_id": i.workstation_id,
                    "duration_seconds": i.length / SECOND,
                    "event": shown(i.event),
                }
                for i in cut(self._intervals[entity_id], start, end)
            ]
        else:
            data = [
                {
                    "start": rfc3339(s.start),
                    "end": rfc3339(s.end),
                    "state": s.state,
                    "worker_ids": sorted(s.worker_ids),
                    "duration_seconds": (s.end - s.start) / SECOND,
                }
                for s in self.stretches(entity_id, start, end)
            ]
        return {"data": data, "window": self.describe(start, end)}

    def timeseries(
        self, metric: str, entity: str, entity_id: str | None, bucket: str,
        start: int | None = None, end: int | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        if metric not in METRICS[entity]:
            raise BadRequest(f"no metric of a {entity}")
        start, end = self.window(start, end)
        data = [
            {
                "start": rfc3339(left),
                "end": rfc3339(right),
                "value": rendered(metric, self.values(entity, entity_id, left, right)[metric]),
            }
            for left, right in self.buckets(bucket, start, end)
        ]
        return {"data": data, "window": self.describe(start, end)}

    def buckets(self, bucket: str, start: int, end: int) -> list[tuple[int, int]]:
        """The buckets of a cut window, the first and the last cut to it."""
        if start == end:
            return []
        zone = ZoneInfo(self.time_zone)
        edges = sorted({start, end, *(e for e in self._edges(bucket, start, end, zone) if start < e < end)})
        if len(edges) - 1 > MAX_BUCKETS:
            raise BadRequest("more than 10,000 buckets")
        return list(zip(edges, edges[1:]))

    def _edges(self, bucket: str, start: int, end: int, zone: ZoneInfo) -> Iterable[int]:
        step = {"15m": HOUR // 4, "hour": HOUR}.get(bucket)
        day = local_date(start, zone) - timedelta(days=1)
        while (begins := start_of_day(day, zone)) < end:
            day += timedelta(days=1)
            if bucket == "week" and (day - timedelta(days=1)).isoweekday() != 1:
                continue
            if bucket == "month" and (day - timedelta(days=1)).day != 1:
                continue
            yield begins
            if step and start_of_day(day, zone) > start:
                yield from range(begins, min(start_of_day(day, zone), end), step)


UNKNOWN_TYPE = "unknown"
"""The type of a workstation that was registered on sight."""


def shown(event: Event | None) -> dict[str, Any] | None:
    """The event of an interval, as much of it as the sender said."""
    if event is None:
        return None
    return {
        "timestamp": rfc3339(event.timestamp),
        "worker_id": event.worker_id,
        "workstation_id": event.workstation_id,
        "event_type": event.event_type,
        "confidence": event.confidence,
        "event_id": event.event_id,
        "source_id": event.source_id,
        "model_version": event.model_version,
    }
