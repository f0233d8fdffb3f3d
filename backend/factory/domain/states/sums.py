"""What happened in the buckets of a series, as columns to be added up exactly; a window is a series of one.

A bucket is known by its place in the series. *Presence* rows have the columns `bucket`, `worker`, `station`,
the microseconds `active`, `idle` and `absent`, `units` and `events`; *occupancy* rows have `bucket`, `station`
and the microseconds `occupied` and `productive`. Several rows of one key add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from factory.domain.event import ABSENT, IDLE, WORKING
from factory.domain.states.intervals import Spans, occupancy
from factory.domain.states.ranges import run_starts

Ints = npt.NDArray[np.int64]


PRESENCE_COLUMNS = ("bucket", "worker", "station", "active", "idle", "absent", "units", "events")


class Columns(Protocol):
    """Rows, a column of which is made when it is asked for."""

    def __getitem__(self, name: str, /) -> Ints: ...


class Joined:
    """The rows of all parts."""

    def __init__(self, parts: Sequence[Columns]) -> None:
        self._parts = parts
        self._made: dict[str, Ints] = {}

    def __getitem__(self, name: str) -> Ints:
        if name not in self._made:
            self._made[name] = np.concatenate([part[name] for part in self._parts])
        return self._made[name]


class Chosen:
    """The rows of a mask."""

    def __init__(self, rows: Columns, mask: npt.NDArray[np.bool_]) -> None:
        self._rows = rows
        self._chosen = np.flatnonzero(mask)

    def __getitem__(self, name: str) -> Ints:
        return self._rows[name][self._chosen]


class Sums:
    """The sums of columns by a key; `keys` are the distinct ones, ascending."""

    def __init__(self, rows: Columns, key: Ints) -> None:
        self._rows = rows
        self._order = None if (key[1:] >= key[:-1]).all() else np.argsort(key, kind="stable")
        ordered = key if self._order is None else key[self._order]
        self._first = np.flatnonzero(run_starts(ordered))
        self.keys = ordered[self._first]
        self._made: dict[str, Ints] = {}

    def __getitem__(self, name: str) -> Ints:
        if name not in self._made:
            column = self._rows[name]
            ordered = column if self._order is None else column[self._order]
            self._made[name] = np.add.reduceat(ordered, self._first) if len(column) else column
        return self._made[name]

    def of(self, wanted: Ints, name: str) -> Ints:
        """The sums of a column by each of the wanted keys, 0 where there is no row."""
        sums = np.zeros(len(wanted), dtype=np.int64)
        if len(self.keys):
            place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
            found = self.keys[place] == wanted
            sums[found] = self[name][place[found]]
        return sums


def presence_of_pieces(pieces: Spans, bucket: Ints) -> dict[str, Ints]:
    """The presence rows of spans that lie in one bucket each; the group is the worker."""
    length = pieces.end - pieces.start
    rows: dict[str, Ints] = dict.fromkeys(PRESENCE_COLUMNS, np.zeros(len(bucket), dtype=np.int64))
    rows |= {"bucket": bucket, "worker": pieces.group, "station": pieces.station}
    states = {"active": WORKING, "idle": IDLE, "absent": ABSENT}
    return rows | {name: np.where(pieces.state == state, length, 0) for name, state in states.items()}


def occupancy_of_pieces(pieces: Spans, bucket: Ints, starts: Ints) -> dict[str, Ints]:
    """The occupancy rows of spans that lie in one bucket each; `starts` are those of the buckets."""
    there = (pieces.state == WORKING) | (pieces.state == IDLE)
    pieces, bucket = pieces.take(there), bucket[there]
    # Counted from the beginning of its bucket a time is small, however long the series.
    pieces = pieces._replace(start=pieces.start - starts[bucket], end=pieces.end - starts[bucket])
    code, place = np.unique((bucket << 32) | pieces.station, return_inverse=True)
    occupied, productive = occupancy(pieces, place, len(code))
    return {"bucket": code >> 32, "station": code & 0xFFFFFFFF, "occupied": occupied, "productive": productive}
