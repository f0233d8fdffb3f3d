"""Roll-ups: what happened in a stretch of time, as whole microseconds and units.

A *page* holds the totals of one bucket for all workers or all workstations that have any. Pages add up:
the page of a day is the sum of the pages of its hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from factory.domain.event import ABSENT, IDLE, WORKING
from factory.domain.intervals import Spans

Page = npt.NDArray[Any]

PRESENCE = np.dtype(
    [("worker", "<i4"), ("station", "<i4")]
    + [(name, "<i8") for name in ("active", "idle", "absent", "units", "events")]
)
"""Of one worker at one station: microseconds in each known state, units, events."""

OCCUPANCY = np.dtype([("station", "<i4"), ("occupied", "<i8"), ("productive", "<i8")])
"""Of one station: microseconds in which somebody was there, and in which somebody worked."""

_STATE_COLUMNS = ((WORKING, "active"), (IDLE, "idle"), (ABSENT, "absent"))


def keys_of(dtype: np.dtype[Any]) -> tuple[str, ...]:
    """The columns of a page that say whose totals a row holds."""
    return ("worker", "station") if dtype == PRESENCE else ("station",)


def add_up(pages: Sequence[Page], dtype: np.dtype[Any]) -> Page:
    """The sum of pages: one row a key, ordered by key."""
    rows = np.concatenate([np.empty(0, dtype), *pages])
    if len(rows) == 0:
        return rows
    keys = keys_of(dtype)
    code = rows[keys[0]].astype(np.int64)
    if len(keys) == 2:
        code = (code << 32) | rows[keys[1]]
    distinct, place = np.unique(code, return_inverse=True)
    total = np.zeros(len(distinct), dtype)
    total[keys[-1]] = distinct & 0xFFFFFFFF
    total[keys[0]] = distinct >> 32 if len(keys) == 2 else distinct
    for column in dtype.names or ():
        if column not in keys:
            np.add.at(total[column], place, rows[column])
    return total


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


def grouped(key: npt.NDArray[np.int64], rows: npt.NDArray[Any]) -> dict[int, npt.NDArray[Any]]:
    """The rows by key."""
    order = np.argsort(key, kind="stable")
    keys, first = np.unique(key[order], return_index=True)
    return dict(zip(keys.tolist(), np.split(rows[order], first[1:]), strict=True))
