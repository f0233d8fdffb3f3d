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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from tests.reference_answers import BUCKETS, METRICS, UNKNOWN_TYPE, hours, percent, ratio, render, rendered, shown
from tests.reference_states import (
    HOUR,
    SECOND,
    STATES,
    Event,
    Interval,
    Stretch,
    cut,
    distinct,
    instant,
    local_date,
    read_event,
    rfc3339,
    start_of_day,
    winner,
    worker_intervals,
)

__all__ = ["BUCKETS", "METRICS", "BadRequest", "Event", "Reference", "instant", "read_event", "rfc3339"]

DEFINITIONS_VERSION = 1
MAX_BUCKETS = 10_000


class BadRequest(Exception):
    """The specification calls for a 400."""


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

    def intervals_of(self, worker: str) -> list[Interval]:
        """Gapless from before all time to after it."""
        return self._intervals[worker]

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
        """Cut the station's time where anybody comes, goes or changes, then join it where the state is the same."""
        there = [
            (i, worker)
            for worker, intervals in self._intervals.items()
            for i in cut(intervals, start, end)
            if i.state in ("working", "idle") and i.workstation_id == station
        ]
        edges = sorted({start, end, *(i.start for i, _ in there), *(i.end for i, _ in there)})
        result: list[Stretch] = []
        for left, right in pairwise(edges):
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
        unknown = sum(times[w]["unknown"] for w in expected)
        events = self._seen(start, end)
        units = sum(e.units for e in events)
        return {
            "total_productive_time_hours": hours(active),
            "total_idle_time_hours": hours(sum(times[w]["idle"] for w in expected)),
            "total_absent_time_hours": hours(sum(times[w]["absent"] for w in expected)),
            "unknown_time_hours": hours(unknown),
            "total_production_count": units,
            "average_production_rate": ratio(units, hours(active)),
            "average_utilization_percentage": ratio(sum(defined, Fraction(0)), len(defined)),
            "pooled_utilization_percentage": percent(active, active + idle),
            "pooled_utilization_lower_percentage": percent(active, active + idle + unknown),
            "pooled_utilization_upper_percentage": percent(active + unknown, active + idle + unknown),
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
        """Return the exact values of one entity over one window that is already cut."""
        if entity == "factory":
            return self.factory(start, end)
        assert entity_id is not None
        return self.worker(entity_id, start, end) if entity == "worker" else self.workstation(entity_id, start, end)

    # Answers

    def metrics(
        self, entity: str, entity_id: str | None = None, start: int | None = None, end: int | None = None
    ) -> dict[str, Any]:
        """Return `data` and `window` of a metrics route; all entities in code-point order without an id."""
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
        """Return the buckets of a cut window, the first and the last cut to it."""
        if start == end:
            return []
        zone = ZoneInfo(self.time_zone)
        edges = sorted({start, end, *(e for e in self._edges(bucket, start, end, zone) if start < e < end)})
        if len(edges) - 1 > MAX_BUCKETS:
            raise BadRequest("more than 10,000 buckets")
        return list(pairwise(edges))

    def _edges(self, bucket: str, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
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
