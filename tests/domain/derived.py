"""The domain's derivation of a history's events, in memory: the same steps as the product's, without a store."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.reference import Event, Reference

from factory.domain.event import EVENT_TYPES, NO_CONFIDENCE, PRODUCT_COUNT, UNKNOWN
from factory.domain.states.intervals import Changes, Evidence, Spans, derive_changes, spans_of, split
from factory.domain.states.ranges import take
from factory.domain.states.simultaneous_events import rank, winning_state_events
from factory.domain.states.totals import (
    OccupancyRows,
    PresenceRows,
    occupancy_of_pieces,
    presence_of_counts,
    presence_of_pieces,
)
from factory.domain.timestamp import SECOND

Ints = npt.NDArray[np.int64]


def ints(values: Any) -> Ints:
    return np.array(list(values), dtype=np.int64)


@dataclass
class Derived:
    """Keys of workers and stations are their places in code-point order, from 1."""

    reference: Reference

    def __post_init__(self) -> None:
        self.events: list[Event] = self.reference.events
        self.workers = sorted(self.reference.workers)
        self.stations = sorted(self.reference.workstations)
        self.worker = ints(self.workers.index(e.worker_id) + 1 for e in self.events)
        self.time = ints(e.timestamp for e in self.events)
        self.kind = ints(EVENT_TYPES[e.event_type] for e in self.events)
        self.station = ints(self.stations.index(e.workstation_id) + 1 for e in self.events)
        self.units = ints(e.units for e in self.events)
        self.confidence = np.array([NO_CONFIDENCE if e.confidence is None else e.confidence for e in self.events])

    @cached_property
    def winners(self) -> npt.NDArray[np.bool_]:
        return winning_state_events(
            self.worker, self.time, self.kind, self.station, self.confidence.astype(np.float64), self._by_texts
        )

    def _by_texts(self, rows: Ints) -> tuple[Ints, Ints]:
        def best(row: int) -> int:
            rivals = np.flatnonzero(
                (self.worker == self.worker[row]) & (self.time == self.time[row]) & (self.kind != PRODUCT_COUNT)
            )
            return min(rivals.tolist(), key=self._rank)

        winners = ints(map(best, rows.tolist()))
        return self.kind[winners], self.station[winners]

    def _rank(self, row: int) -> tuple[Any, ...]:
        event = self.events[row]
        confidence, source = float(self.confidence[row]), event.source_id or ""
        return rank(int(self.kind[row]), confidence, event.workstation_id, source, event.event_id or "")

    @cached_property
    def changes(self) -> Changes:
        keep = self.winners | (self.kind == PRODUCT_COUNT)
        evidence = Evidence(*(column[keep] for column in (self.worker, self.time, self.kind, self.station)))
        return derive_changes(evidence, self.reference.state_timeout_seconds * SECOND)

    @cached_property
    def spans(self) -> Spans:
        """The known states; the group is the worker."""
        spans = spans_of(self.changes)
        return take(spans, spans.state != UNKNOWN)

    def presence(self, starts: Ints, ends: Ints) -> PresenceRows:
        """Return the presence rows of buckets that are ascending and without gaps."""
        pieces, bucket = split(self.spans, starts, ends)
        inside = (self.time >= starts[0]) & (self.time < ends[-1])
        worker, time, station, units = (c[inside] for c in (self.worker, self.time, self.station, self.units))
        bucket_of_event = np.searchsorted(starts, time, side="right") - 1
        counted = presence_of_counts(bucket_of_event, worker, station, units, np.ones_like(time))
        return PresenceRows.concat([presence_of_pieces(pieces, bucket), counted])

    def occupancy(self, starts: Ints, ends: Ints) -> OccupancyRows:
        pieces, bucket = split(self.spans, starts, ends)
        return occupancy_of_pieces(pieces, bucket, starts)
