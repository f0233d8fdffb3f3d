"""Roll-ups: what happened in a stretch of time, as whole microseconds and units.

A *page* holds the totals of one bucket for all workers or all workstations that have any. Pages add up:
the page of a day is the sum of the pages of its hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from factory.domain.event import ABSENT, IDLE, WORKING
from factory.domain.states.intervals import Spans
from factory.domain.states.ranges import run_starts

Ints = npt.NDArray[np.int64]
Page = npt.NDArray[Any]

PRESENCE = np.dtype(
    [("worker", "<i4"), ("station", "<i4")]
    + [(name, "<i8") for name in ("active", "idle", "absent", "units", "events")]
)
"""Of one worker at one station: microseconds in each known state, units, events."""

OCCUPANCY = np.dtype([("station", "<i4"), ("occupied", "<i8"), ("productive", "<i8")])
"""Of one station: microseconds in which somebody was there, and in which somebody worked."""

KEPT = np.dtype([("at", "<i8"), ("worker", "<i4"), ("station", "<i4"), ("units", "<i8")])
"""What stays of one removed raw event: microseconds from the beginning of the page, who, where, units."""

_STATE_COLUMNS = ((WORKING, "active"), (IDLE, "idle"), (ABSENT, "absent"))


def keys_of(dtype: np.dtype[Any]) -> tuple[str, ...]:
    """The columns of a page that say whose totals a row holds."""
    return ("worker", "station") if dtype == PRESENCE else ("station",)


class Rows(NamedTuple):
    """Rows of the pages of several buckets, and beside each the start of its bucket."""

    start: Ints
    row: Page

    def take(self, chosen: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Rows:
        """The chosen rows."""
        return Rows(self.start[chosen], self.row[chosen])


def add_up(pages: Sequence[Page], dtype: np.dtype[Any]) -> Page:
    """The sum of pages: one row a key, ordered by key."""
    rows = np.concatenate([np.empty(0, dtype), *pages])
    return add_up_each(Rows(np.zeros(len(rows), np.int64), rows)).row


def add_up_each(rows: Rows) -> Rows:
    """The sum of the rows of each bucket: one row a key, ordered by bucket and key."""
    if len(rows.row) == 0:
        return rows
    keys = keys_of(rows.row.dtype)
    ordered = rows.take(np.lexsort([*(rows.row[name] for name in reversed(keys)), rows.start]))
    first = np.flatnonzero(run_starts(ordered.start, *(ordered.row[name] for name in keys)))
    total = ordered.take(first)
    for name in rows.row.dtype.names or ():
        if name not in keys:
            total.row[name] = np.add.reduceat(ordered.row[name], first)
    return total


def stack(pages: dict[int, Page], dtype: np.dtype[Any]) -> Rows:
    """The rows of pages given by the start of their buckets."""
    starts = np.array(list(pages), dtype=np.int64)
    lengths = [len(page) for page in pages.values()]
    return Rows(np.repeat(starts, lengths), np.concatenate([np.empty(0, dtype), *pages.values()]))


def unstack(rows: Rows, starts: Ints) -> dict[int, Page]:
    """The page of each of the buckets (`starts` and the rows ordered by start); empty where there are no rows."""
    bounds = np.searchsorted(rows.start, starts, side="left")[1:]
    return dict(zip(starts.tolist(), np.split(rows.row, bounds), strict=True))


def presence_of_spans(spans: Spans) -> Page:
    """Presence rows (not added up) of spans whose group is the worker; unknown time has none."""
    known = spans.take(spans.state > 0)
    rows = np.zeros(len(known.start), PRESENCE)
    rows["worker"], rows["station"] = known.group, known.station
    for state, column in _STATE_COLUMNS:
        rows[column] = np.where(known.state == state, known.end - known.start, 0)
    return rows


def presence_of_counts(worker: Any, station: Any, units: Any, events: Any) -> Page:
    """Presence rows (not added up) of counted events."""
    rows = np.zeros(len(worker), PRESENCE)
    rows["worker"], rows["station"], rows["units"], rows["events"] = worker, station, units, events
    return rows
