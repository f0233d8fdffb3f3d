"""Make derived rows follow the events again, for just the ranges that deliveries touched.

From touched cells to changes of state, from these to the roll-ups of the hours they reach, from hours to
days and months. Everything is replaced, nothing added to, so doing it twice does no harm. The caller
owns the factory's derived rows in the transaction.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.event import ABSENT, PRODUCT_COUNT, UNKNOWN
from factory.domain.states.intervals import FOREVER, Changes, Evidence, derive_changes, differing
from factory.domain.states.ranges import run_starts, take
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.states.worker_hours import Cells
from factory.domain.timestamp import HOUR, MINUTE
from factory.operations.derive.rollups import refresh_rollups
from factory.operations.derive.rows import Generation, GenerationRows
from factory.operations.derive.simultaneous_events import winning_state_events
from factory.store.derived import retention
from factory.store.engine.database import Store
from factory.store.events import event_log
from factory.store.events.event_log import FoundEvents

Ints = npt.NDArray[np.int64]

_NEAR = 5 * MINUTE
_MOST_EVENTS = 100_000


def derive(store: Store, tx: Connection, generation: Generation, cells: Cells) -> None:
    """Bring the derived rows of a generation up to date where the cells were touched.

    All events that the transaction sees of these workers must have been derived before, be in the cells, or
    come later than the cells.
    """
    if len(cells):
        for portion in _portions(cells):
            _derive_workers(generation.rows(store, tx), portion)


def _portions(cells: Cells) -> list[Cells]:
    """Return the cells of some workers each, with about as many events as fit into memory; no worker is torn apart."""
    cells = cells[np.argsort(cells["worker"], kind="stable")]
    first = np.flatnonzero(run_starts(cells["worker"]))
    events_before = (np.cumsum(cells["events"]) - cells["events"])[first]
    return np.split(cells, first[run_starts(events_before // _MOST_EVENTS)][1:])


def _derive_workers(rows: GenerationRows, cells: Cells) -> None:
    touched = _merge_cells(cells)
    workers = np.unique(touched.worker)
    tails_before = rows.last_starts(workers)
    changed, found = _refresh_changes(rows, touched)
    tails = rows.last_starts(workers)
    # Roll-ups show a state only up to the worker's last change; where that moved, time was closed or opened.
    tails_before = np.where(tails_before == FOREVER, tails, tails_before)
    moved = TimeRanges(workers, np.minimum(tails_before, tails), np.maximum(tails_before, tails))
    moved = take(moved, (moved.start < moved.end) & (moved.end < FOREVER))
    last = np.maximum(tails, tails_before)[np.searchsorted(workers, changed.worker)]
    changed = changed._replace(end=np.where(changed.end == FOREVER, last, changed.end))
    changed = take(changed, changed.start < changed.end)
    refresh_rollups(rows, TimeRanges.join(changed, moved), touched, found)


def _merge_cells(cells: Cells) -> TimeRanges:
    """Return the touched ranges, ordered: each from its first touched event through its last.

    Cells of a worker that are near each other become one: to read the few events between them costs less
    than to look for what is around each.
    """
    order = np.lexsort((cells["first"], cells["worker"]))
    worker, first, last = (cells[name][order].astype(np.int64) for name in ("worker", "first", "last"))
    same_hour = np.flatnonzero(run_starts(worker, first // HOUR))
    worker, first, last = worker[same_hour], first[same_hour], np.maximum.reduceat(last, same_hour)
    opens = np.ones(len(worker), dtype=bool)
    opens[1:] = (worker[1:] != worker[:-1]) | (first[1:] - last[:-1] > _NEAR)
    return TimeRanges.through(worker[opens], first[opens], last[np.append(opens[1:], True)])


def _refresh_changes(rows: GenerationRows, touched: TimeRanges) -> tuple[TimeRanges, FoundEvents]:
    """Derive the changes of the touched ranges anew: the ranges in which states differ now, and the events by worker.

    What is read reaches through the next state event after the touched ones: there the state is set anew,
    whatever was before. FOREVER is the end where there is no such event.
    """
    before, following = event_log.around(rows.store, rows.tx, rows.factory_key, touched)
    opens = np.ones(len(following), dtype=bool)
    opens[1:] = (touched.worker[1:] != touched.worker[:-1]) | (touched.start[1:] > following[:-1])
    worker, first, following = touched.worker[opens], touched.start[opens], following[np.append(opens[1:], True)]
    ranges = TimeRanges.through(worker, first, following)
    stored = rows.changes_covering(ranges)
    evidence = _carry_in(ranges, stored, _with_removed(rows, ranges, before[opens]))
    found = event_log.in_ranges(rows.store, rows.tx, rows.factory_key, ranges)
    keep = winning_state_events(rows.store, rows.tx, rows.factory_key, ranges, found)
    keep |= found.kind == PRODUCT_COUNT
    told = (found.place, found.time, found.kind, found.station)
    derived = derive_changes(
        Evidence(*(np.concatenate([carried, column[keep]]) for carried, column in zip(evidence, told, strict=True))),
        rows.timeout,
    )
    was, now = _inside(stored, ranges), _inside(derived, ranges)
    is_gone, is_new = differing(was, now)
    gone, new = take(was, is_gone), take(now, is_new)
    rows.replace_changes(gone._replace(group=worker[gone.group]), new._replace(group=worker[new.group]))
    differ = np.full(len(worker), FOREVER)
    for changes in (gone, new):
        np.minimum.at(differ, changes.group, changes.start)
    changed = take(TimeRanges(worker, differ, following), differ < FOREVER)
    return changed, found._replace(place=worker[found.place])


def _with_removed(rows: GenerationRows, ranges: TimeRanges, before: Ints) -> Ints:
    """Return the last event before each range, where it is no longer raw too."""
    cut = rows.retained_from
    if cut is None or not rows.timeout:
        return before
    # Later than a timeout after the cut, a state from before it has ended, or needs no evidence.
    wanted = np.flatnonzero((before == event_log.BEFORE_ALL) & (ranges.start < cut + rows.timeout))
    if len(wanted):
        before[wanted] = evidence_before_cut(rows, cut, ranges.worker[wanted])
    return before


def evidence_before_cut(rows: GenerationRows, cut: int, workers: Ints) -> Ints:
    """Return the latest evidence for a state in which a worker is at the cut.

    What was derived before the cut stands, also under another timeout: the state lasts until the cut at least.
    """
    return retention.latest(rows.store, rows.tx, rows.factory_key, workers, cut - rows.timeout, cut)


def _inside(changes: Changes, ranges: TimeRanges) -> Changes:
    start, end = ranges.start[changes.group], ranges.end[changes.group]
    return take(changes, (changes.start >= start) & (changes.start < end))


def _carry_in(ranges: TimeRanges, stored: Changes, evidence_before: Ints) -> Evidence:
    """Return the known states before the ranges, each at its latest evidence.

    While a worker's state is known, every event of theirs has been evidence for it.
    """
    known = take(stored, (stored.start < ranges.start[stored.group]) & (stored.state != UNKNOWN))
    latest = np.maximum(known.start, evidence_before[known.group])
    return Evidence(known.group, np.where(known.state == ABSENT, known.start, latest), known.state, known.station)
