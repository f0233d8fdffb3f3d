"""Make the pages of hours, days and months follow the changes of state and the events again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from factory.domain.states.calendar import DAYS, HOURS, MONTHS
from factory.domain.states.ranges import run_starts
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.states.totals import Page, Rows, add_up_each, presence_of_counts, presence_of_spans, stack
from factory.domain.states.worker_hours import WorkerHours
from factory.operations.derive.absences import refresh_absences, without_absences
from factory.operations.derive.occupancy import refresh_occupancy
from factory.operations.derive.rows import DerivedRows
from factory.store.derived import retention, rollups
from factory.store.derived.rollups import OCCUPANCIES, PRESENCES
from factory.store.events import event_log
from factory.store.events.event_log import FoundEvents

Ints = npt.NDArray[np.int64]


def refresh_pages(rows: DerivedRows, changed: TimeRanges, touched: TimeRanges, found: FoundEvents) -> None:
    """Make the pages anew where states `changed` or events were `touched`.

    `found` holds all events of the touched ranges, its place being the worker.
    """
    spans = rows.spans_over(_whole_hours(rows, TimeRanges.join(changed, touched)))
    absences = refresh_absences(rows, spans, changed, touched)
    hours = WorkerHours.overlapping(rows.calendar, absences.reached)
    if absences.differ:
        spans = rows.spans_over(hours.runs())
    pieces, piece_hour = hours.cut(spans)
    shown = (pieces.state > 0) & without_absences(pieces, rows.calendar.starts_of(MONTHS, pieces.start), absences.now)
    pieces, piece_hour = pieces.take(shown), piece_hour[shown]
    timed = Rows(hours.start[piece_hour], presence_of_spans(pieces))
    counted = WorkerHours.overlapping(rows.calendar, touched)
    before, after = _refresh_presence(rows, hours, timed, counted, found)
    refresh_occupancy(rows, hours, before, after, pieces, piece_hour)
    _refresh_coarser(rows, np.unique(hours.start))


def _whole_hours(rows: DerivedRows, ranges: TimeRanges) -> TimeRanges:
    """The ranges widened to whole hours, overlapping ones of a worker joined."""
    order = np.lexsort((ranges.start, ranges.worker))
    worker = ranges.worker[order]
    start = rows.calendar.hours_of(ranges.start[order])
    end = rows.calendar.round_up_to_hours(ranges.end[order])
    first = np.ones(len(worker), dtype=bool)
    first[1:] = (worker[1:] != worker[:-1]) | (start[1:] > end[:-1])
    return TimeRanges(worker[first], start[first], np.maximum.reduceat(end, np.flatnonzero(first)))


def _refresh_presence(
    rows: DerivedRows, hours: WorkerHours, timed: Rows, counted: WorkerHours, found: FoundEvents
) -> tuple[Rows, Rows]:
    """Replace the rows of the workers' hours by the time in states and, in the counted hours, the events.

    Answers the rows of these hours before, and all rows of their pages now.
    """
    starts = np.unique(hours.start)
    pages = rows.pages_at(PRESENCES, HOURS, starts)
    mine = hours.holds(pages.row["worker"], pages.start)
    before = pages.take(mine)
    kept = before.take(before.row["events"] > 0)
    counted_row = counted.at(kept.row["worker"], kept.start)
    # All events of an hour that had none are touched now, and so among those found.
    had_events = np.zeros(len(counted.worker), dtype=bool)
    had_events[counted_row[counted_row >= 0]] = True
    kept = kept.take(counted_row < 0)
    for state in ("active", "idle", "absent"):
        kept.row[state] = 0
    counts = _counts(rows, counted.take(had_events)), _counts_of(found, counted.take(~had_events))
    parts = (pages.take(~mine), kept, timed, *counts)
    now = add_up_each(Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True))))
    rows.replace_pages(PRESENCES, HOURS, starts, now)
    return before, now


def _counts(rows: DerivedRows, hours: WorkerHours) -> Rows:
    """Presence rows of all events, raw or not, in the workers' hours."""
    ranges = TimeRanges(*hours)
    raw = event_log.count_in_ranges(rows.store, rows.tx, rows.factory_key, ranges)
    row, kept = retention.in_ranges(rows.store, rows.tx, rows.factory_key, rows.retained_from, ranges)
    parts = zip(raw, (row, kept.station, kept.units, np.ones_like(row)), strict=True)
    place, station, units, events = (np.concatenate(columns) for columns in parts)
    return Rows(hours.start[place], presence_of_counts(hours.worker[place], station, units, events))


def _counts_of(found: FoundEvents, hours: WorkerHours) -> Rows:
    """Presence rows of the found events in the workers' hours."""
    row = hours.at(found.place, found.time)
    here = np.flatnonzero(row >= 0)
    code = row[here] << 16 | found.station[here]
    order = np.argsort(code, kind="stable")
    first = np.flatnonzero(run_starts(code[order]))
    units = np.add.reduceat(found.units[here][order], first) if len(first) else first
    row, station = code[order][first] >> 16, code[order][first] & 0xFFFF
    events = np.diff(np.append(first, len(order)))
    return Rows(hours.start[row], presence_of_counts(hours.worker[row], station, units, events))


def _refresh_coarser(rows: DerivedRows, hours: Ints) -> None:
    """Add up the hours of each touched day anew, and the days of each touched month."""
    finer = hours
    for level in (DAYS, MONTHS):
        starts = np.unique(rows.calendar.starts_of(level, finer))
        ends = rows.calendar.ends_of(level, starts)
        for kind in (PRESENCES, OCCUPANCIES):
            pages: dict[int, Page] = {}
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                pages |= rows.pages_in(kind, level - 1, start, end)
            parts = stack(pages, rollups.KINDS[kind])
            total = add_up_each(Rows(rows.calendar.starts_of(level, parts.start), parts.row))
            rows.replace_pages(kind, level, starts, total)
        finer = starts
