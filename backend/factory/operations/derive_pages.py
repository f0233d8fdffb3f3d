"""Make the pages of hours, days and months follow the changes of state and the events again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from factory.domain.calendar import DAYS, HOURS, MONTHS
from factory.domain.intervals import FOREVER, clip, spans_of, split
from factory.domain.ranges import ranges
from factory.domain.totals import PRESENCE, Page, add_up, grouped, presence_of_counts, presence_of_spans
from factory.operations.derive_absences import Pairs, refresh_absences, without_absences
from factory.operations.derive_occupancy import Touched, refresh_occupancy
from factory.operations.derived_rows import DerivedRows
from factory.store import event_log, intervals, rollups
from factory.store.event_log import Stretches
from factory.store.rollups import OCCUPANCIES, PRESENCES

Ints = npt.NDArray[np.int64]


def refresh_pages(rows: DerivedRows, changed: Stretches, counted: Stretches) -> None:
    """Make the pages anew where states `changed` or events were `counted`, in stretches [low, high) of workers."""
    reached, absences = refresh_absences(rows, changed, counted)
    hours = rows.calendar.hour_starts(int(reached.low.min()), int(reached.high.max()))
    worker, hour = _cells(reached, hours, rows.calendar.ends_of(HOURS, hours))
    refresh_occupancy(rows, _refresh_presence(rows, worker, hour, absences))
    _refresh_coarser(rows, np.unique(hour))


def _cells(stretches: Stretches, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """The distinct (worker, start of hour) that the stretches overlap, ordered by worker and hour."""
    first = np.searchsorted(ends, stretches.low, side="right")
    row, place = ranges(first, np.searchsorted(starts, stretches.high, side="left"))
    code = np.unique(stretches.worker[row] * len(starts) + place)
    return code // len(starts), starts[code % len(starts)]


def _refresh_presence(rows: DerivedRows, worker: Ints, hour: Ints, absences: Pairs) -> Touched:
    """Replace the rows of the cells (worker, hour)."""
    cells = Stretches(worker, hour, rows.calendar.ends_of(HOURS, hour))
    fresh, fresh_cell = _presence_of(rows, cells, absences)
    starts = np.unique(hour).tolist()
    before = rows.pages_at(PRESENCES, HOURS, starts)
    workers_of = grouped(hour, worker)
    fresh_of = grouped(hour[fresh_cell], fresh)
    nothing: Page = np.empty(0, PRESENCE)
    touched: Touched = {}
    for start in starts:
        old = before.get(start, nothing)
        was_mine = np.isin(old["worker"], workers_of[start])
        new = add_up([old[~was_mine], fresh_of.get(start, nothing)], PRESENCE)
        mine = np.concatenate([old[was_mine], new[np.isin(new["worker"], workers_of[start])]])
        touched[start] = (new, set(mine["station"][mine["active"] + mine["idle"] > 0].tolist()))
    rows.replace(PRESENCES, HOURS, {start: page for start, (page, _) in touched.items()})
    return touched


def _presence_of(rows: DerivedRows, cells: Stretches, absences: Pairs) -> tuple[Page, Ints]:
    """Presence rows of the cells, and the cell of each row."""
    runs, first_cell = _runs(cells)
    spans = spans_of(intervals.covering(rows.store, rows.tx, rows.factory_key, rows.generation, runs))
    spans = spans.take(spans.end < FOREVER)
    spans = clip(spans, runs.low[spans.group], runs.high[spans.group])
    # Cells are laid one behind the other on an axis of their own, so that one split serves all runs.
    lengths = cells.high - cells.low
    axis = np.cumsum(lengths) - lengths
    shift = axis[first_cell] - runs.low
    moved = spans._replace(start=spans.start + shift[spans.group], end=spans.end + shift[spans.group])
    pieces, cell = split(moved, axis, axis + lengths)
    pieces = pieces._replace(group=cells.worker[cell])
    shown = (pieces.state > 0) & without_absences(pieces, rows.calendar.starts_of(MONTHS, cells.low[cell]), absences)
    timed = presence_of_spans(pieces.take(shown))
    counts = event_log.count_in_stretches(rows.store, rows.tx, rows.factory_key, cells._replace(high=cells.high - 1))
    place, station, units, number = np.array(counts, dtype=np.int64).reshape(-1, 4).T
    counted = presence_of_counts(cells.worker[place], station, units, number)
    return np.concatenate([timed, counted]), np.concatenate([cell[shown], place])


def _refresh_coarser(rows: DerivedRows, hours: Ints) -> None:
    """Add up the hours of each touched day anew, and the days of each touched month."""
    finer = hours
    for level in (DAYS, MONTHS):
        starts = np.unique(rows.calendar.starts_of(level, finer))
        ends = rows.calendar.ends_of(level, starts)
        for kind in (PRESENCES, OCCUPANCIES):
            pages = {
                start: add_up(list(rows.pages_in(kind, level - 1, start, end).values()), rollups.KINDS[kind])
                for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
            }
            rows.replace(kind, level, pages)
        finer = starts


def _runs(cells: Stretches) -> tuple[Stretches, Ints]:
    """Join adjacent hours of a worker; also the first cell of each run."""
    begins = np.ones(len(cells.worker), dtype=bool)
    begins[1:] = (cells.worker[1:] != cells.worker[:-1]) | (cells.low[1:] != cells.high[:-1])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(begins)) - 1
    return Stretches(cells.worker[first], cells.low[first], cells.high[last]), first
