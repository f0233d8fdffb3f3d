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

from factory.domain.event import ABSENT, PRODUCT_COUNT, UNKNOWN
from factory.domain.states.calendar import Calendar
from factory.domain.states.intervals import FOREVER, Changes, Evidence, derive_changes, differing
from factory.domain.states.ranges import begins
from factory.domain.timestamp import HOUR, MINUTE
from factory.operations.derive.rollups import refresh_pages
from factory.operations.derive.rows import DerivedRows
from factory.operations.derive.simultaneous_events import counting_state_events
from factory.store.derived import retention
from factory.store.derived.pending import Cells
from factory.store.engine.database import Store
from factory.store.events import event_log
from factory.store.events.event_log import FoundEvents, Stretches, join

Ints = npt.NDArray[np.int64]

_NEAR = 5 * MINUTE
_MOST_EVENTS = 100_000


class Target(NamedTuple):
    """Which derived rows to write, and the settings that they follow."""

    factory_key: int
    generation: int
    timeout: int
    calendar: Calendar
    retained_from: int | None = None
    """Raw events before this instant are no longer kept; what was derived from them stands."""

    def rows(self, store: Store, tx: Connection) -> DerivedRows:
        """The derived rows in a transaction."""
        return DerivedRows(store, tx, self.factory_key, self.generation, self.calendar, self.retained_from)


def derive(store: Store, tx: Connection, target: Target, cells: Cells) -> None:
    """Bring the derived rows of a generation up to date where the cells were touched.

    All events that the transaction sees of these workers must have been derived before, be in the cells, or
    come later than the cells.
    """
    if len(cells):
        for portion in _portions(cells):
            _derive_workers(store, tx, target, portion)


def _portions(cells: Cells) -> list[Cells]:
    """The cells of some workers each, with about as many events as fit into memory; no worker is torn apart."""
    cells = cells[np.argsort(cells["worker"], kind="stable")]
    first = np.flatnonzero(begins(cells["worker"]))
    events_before = (np.cumsum(cells["events"]) - cells["events"])[first]
    return np.split(cells, first[begins(events_before // _MOST_EVENTS)][1:])


def _derive_workers(store: Store, tx: Connection, target: Target, cells: Cells) -> None:
    rows = target.rows(store, tx)
    touched = _merge_cells(cells)
    workers = np.unique(touched.worker)
    tails_before = rows.last_starts(workers)
    changed, found = _refresh_changes(rows, target.timeout, touched)
    tails = rows.last_starts(workers)
    # Pages show a state only up to the worker's last change; where that moved, time was closed or opened.
    tails_before = np.where(tails_before == FOREVER, tails, tails_before)
    moved = Stretches(workers, np.minimum(tails_before, tails), np.maximum(tails_before, tails))
    moved = _take(moved, (moved.low < moved.high) & (moved.high < FOREVER))
    last = np.maximum(tails, tails_before)[np.searchsorted(workers, changed.worker)]
    changed = changed._replace(high=np.where(changed.high == FOREVER, last, changed.high))
    changed = _take(changed, changed.low < changed.high)
    refresh_pages(rows, join(changed, moved), touched._replace(high=touched.high + 1), found)


def _take(stretches: Stretches, rows: npt.NDArray[np.bool_]) -> Stretches:
    return Stretches(*(column[rows] for column in stretches))


def _merge_cells(cells: Cells) -> Stretches:
    """The touched stretches, ordered; both ends are instants of touched events.

    Cells of a worker that are near each other become one: to read the few events between them costs less
    than to look for what is around each.
    """
    order = np.lexsort((cells["first"], cells["worker"]))
    worker, low, high = (cells[name][order].astype(np.int64) for name in ("worker", "first", "last"))
    same_hour = np.flatnonzero(begins(worker, low // HOUR))
    worker, low, high = worker[same_hour], low[same_hour], np.maximum.reduceat(high, same_hour)
    first = np.ones(len(worker), dtype=bool)
    first[1:] = (worker[1:] != worker[:-1]) | (low[1:] - high[:-1] > _NEAR)
    return Stretches(worker[first], low[first], high[np.append(first[1:], True)])


def _refresh_changes(rows: DerivedRows, timeout: int, touched: Stretches) -> tuple[Stretches, FoundEvents]:
    """Derive the changes of the touched stretches anew.

    Answers where the states differ now, [low, high), and the events of the stretches by worker.

    A stretch reaches from its first touched event to the next state event after its last one: there the
    state is set anew, whatever was before. FOREVER stands for a stretch without such an end.
    """
    before, following = event_log.around(rows.store, rows.tx, rows.factory_key, touched)
    first = np.ones(len(following), dtype=bool)
    first[1:] = (touched.worker[1:] != touched.worker[:-1]) | (touched.low[1:] > following[:-1])
    stretches = Stretches(touched.worker[first], touched.low[first], following[np.append(first[1:], True)])
    stored = rows.changes_covering(stretches)
    evidence = _carry_in(stretches, stored, _with_removed(rows, timeout, stretches, before[first]))
    found = event_log.in_stretches(rows.store, rows.tx, rows.factory_key, stretches)
    keep = counting_state_events(rows.store, rows.tx, rows.factory_key, stretches, found)
    keep |= found.kind == PRODUCT_COUNT
    told = (found.place, found.time, found.kind, found.station)
    derived = derive_changes(
        Evidence(*(np.concatenate([carried, column[keep]]) for carried, column in zip(evidence, told, strict=True))),
        timeout,
    )
    was, now = _inside(stored, stretches), _inside(derived, stretches)
    is_gone, is_new = differing(was, now)
    gone, new = was.take(is_gone), now.take(is_new)
    worker = stretches.worker
    rows.replace_changes(gone._replace(group=worker[gone.group]), new._replace(group=worker[new.group]))
    low = np.full(len(stretches.low), FOREVER)
    for changes in (gone, new):
        np.minimum.at(low, changes.group, changes.start)
    return _take(stretches._replace(low=low), low < FOREVER), found._replace(place=worker[found.place])


def _with_removed(rows: DerivedRows, timeout: int, stretches: Stretches, before: Ints) -> Ints:
    """The last event before each stretch, where it is no longer raw too."""
    cut = rows.retained_from
    if cut is None or not timeout:
        return before
    # Later than a timeout after the cut, a state from before it has ended, or needs no evidence.
    wanted = np.flatnonzero((before == event_log.BEFORE_ALL) & (stretches.low < cut + timeout))
    if len(wanted):
        before[wanted] = evidence_before_cut(rows, timeout, cut, stretches.worker[wanted])
    return before


def evidence_before_cut(rows: DerivedRows, timeout: int, cut: int, workers: Ints) -> Ints:
    """The latest evidence for a state in which a worker is at the cut.

    What was derived before the cut stands, also under another timeout: the state lasts until the cut at least.
    """
    return retention.latest(rows.store, rows.tx, rows.factory_key, workers, cut - timeout, cut)


def _inside(changes: Changes, stretches: Stretches) -> Changes:
    low, high = stretches.low[changes.group], stretches.high[changes.group]
    return changes.take((changes.start >= low) & (changes.start <= high))


def _carry_in(stretches: Stretches, stored: Changes, evidence_before: Ints) -> Evidence:
    """The known states before the stretches, each at its latest evidence.

    While a worker's state is known, every event of theirs has been evidence for it.
    """
    known = stored.take((stored.start < stretches.low[stored.group]) & (stored.state != UNKNOWN))
    latest = np.maximum(known.start, evidence_before[known.group])
    return Evidence(known.group, np.where(known.state == ABSENT, known.start, latest), known.state, known.station)
