"""Make derived rows follow the events again, for just the stretches that deliveries touched.

From touched cells to changes of state, from these to the pages of the hours they reach, from hours to
days and months. Everything is replaced, nothing added to, so doing it twice does no harm. The caller
owns the factory's derived rows in the transaction.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.calendar import Calendar
from factory.domain.event import ABSENT, PRODUCT_COUNT, UNKNOWN
from factory.domain.intervals import FOREVER, Changes, Evidence, derive_changes
from factory.domain.timestamp import HOUR
from factory.operations.derive_pages import refresh_pages
from factory.operations.derived_rows import DerivedRows
from factory.operations.settle_ties import counting_state_events
from factory.store import event_log, intervals
from factory.store.database import Store
from factory.store.event_log import Stretches, join
from factory.store.pending import Cells

Ints = npt.NDArray[np.int64]


class Target(NamedTuple):
    """Which derived rows to write, and the settings that they follow."""

    factory_key: int
    generation: int
    timeout: int
    calendar: Calendar


def derive(store: Store, tx: Connection, target: Target, cells: Cells) -> None:
    """Bring the derived rows of a generation up to date where the cells were touched."""
    if len(cells) == 0:
        return
    touched = _merge_cells(cells)
    workers = np.unique(touched.worker)
    tails_before = intervals.last_starts(store, tx, target.factory_key, target.generation, workers)
    changed = _refresh_changes(store, tx, target, touched)
    tails = intervals.last_starts(store, tx, target.factory_key, target.generation, workers)
    # Pages show a state only up to the worker's last change; where that moved, time was closed or opened.
    tails_before = np.where(tails_before == FOREVER, tails, tails_before)
    moved = Stretches(workers, np.minimum(tails_before, tails), np.maximum(tails_before, tails))
    moved = _take(moved, (moved.low < moved.high) & (moved.high < FOREVER))
    last = tails[np.searchsorted(workers, changed.worker)]
    before = tails_before[np.searchsorted(workers, changed.worker)]
    changed = changed._replace(high=np.where(changed.high == FOREVER, np.maximum(last, before), changed.high))
    changed = _take(changed, changed.low < changed.high)
    rows = DerivedRows(store, tx, target.factory_key, target.generation, target.calendar)
    refresh_pages(rows, join(changed, moved), touched._replace(high=touched.high + 1))


def _take(stretches: Stretches, rows: npt.NDArray[np.bool_]) -> Stretches:
    return Stretches(*(column[rows] for column in stretches))


def _merge_cells(cells: Cells) -> Stretches:
    """One stretch a worker and hour, ordered; both ends are instants of touched events."""
    order = np.lexsort((cells["first"], cells["worker"]))
    worker, first, last = (cells[name][order].astype(np.int64) for name in ("worker", "first", "last"))
    hour = first // HOUR
    begins = np.ones(len(worker), dtype=bool)
    begins[1:] = (worker[1:] != worker[:-1]) | (hour[1:] != hour[:-1])
    starts = np.flatnonzero(begins)
    return Stretches(worker[starts], first[starts], np.maximum.reduceat(last, starts))


def _refresh_changes(store: Store, tx: Connection, target: Target, touched: Stretches) -> Stretches:
    """Derive the changes of the touched stretches anew; where the states differ now, [low, high).

    A stretch reaches from its first touched event to the next state event after its last one: there the
    state is set anew, whatever was before. FOREVER stands for a stretch without such an end.
    """
    before, following = event_log.around(store, tx, target.factory_key, touched)
    evidence_before = np.array([-1 if t is None else t for t in before], dtype=np.int64)
    reach = np.array([FOREVER if t is None else t for t in following], dtype=np.int64)
    begins = np.ones(len(reach), dtype=bool)
    begins[1:] = (touched.worker[1:] != touched.worker[:-1]) | (touched.low[1:] > reach[:-1])
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(reach)) - 1
    stretches = Stretches(touched.worker[starts], touched.low[starts], reach[ends])
    stored = intervals.covering(store, tx, target.factory_key, target.generation, stretches)
    carried = _carry_in(stretches, stored, evidence_before[starts])
    found = event_log.in_stretches(store, tx, target.factory_key, stretches)
    counting = counting_state_events(tx, target.factory_key, stretches, found)
    keep = (found.kind == PRODUCT_COUNT) | counting
    evidence = Evidence(
        np.concatenate([carried.group, found.place[keep]]),
        np.concatenate([carried.time, found.time[keep]]),
        np.concatenate([carried.kind, found.kind[keep]]),
        np.concatenate([carried.station, found.station[keep]]),
    )
    derived = derive_changes(evidence, target.timeout)
    # What was carried in stands already, from carried.time on at the latest.
    beginning = stretches.low.copy()
    beginning[carried.group] = carried.time + 1
    derived = derived.take(_inside(derived, beginning, stretches.high))
    return _write_difference(
        store, tx, target, stretches, stored.take(_inside(stored, beginning, stretches.high)), derived
    )


def _inside(changes: Changes, low: Ints, high: Ints) -> npt.NDArray[np.bool_]:
    return (changes.start >= low[changes.group]) & (changes.start <= high[changes.group])


def _carry_in(stretches: Stretches, stored: Changes, evidence_before: Ints) -> Evidence:
    """The known states before the stretches, each at its latest evidence.

    While a worker's state is known, every event of theirs has been evidence for it.
    """
    is_before = stored.start < stretches.low[stored.group]
    known = stored.take(is_before & (stored.state != UNKNOWN))
    time = np.where(known.state == ABSENT, known.start, evidence_before[known.group])
    return Evidence(known.group, time, known.state, known.station)


def _write_difference(
    store: Store, tx: Connection, target: Target, stretches: Stretches, stored: Changes, derived: Changes
) -> Stretches:
    was = set(zip(*(column.tolist() for column in stored), strict=True))
    now = set(zip(*(column.tolist() for column in derived), strict=True))
    gone, new = was - now, now - was
    worker = stretches.worker.tolist()
    intervals.replace(
        store,
        tx,
        target.factory_key,
        target.generation,
        sorted((worker[group], start) for group, start, _, _ in gone),
        sorted((worker[group], start, state, station) for group, start, state, station in new),
    )
    first: dict[int, int] = {}
    for group, start, _, _ in gone | new:
        first[group] = min(start, first.get(group, start))
    groups = np.array(sorted(first), dtype=np.int64)
    low = np.array([first[group] for group in groups.tolist()], dtype=np.int64)
    return Stretches(stretches.worker[groups], low, stretches.high[groups])
