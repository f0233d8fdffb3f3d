"""Make the roll-ups of hours, days and months follow the changes of state and the events again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from factory.domain.states.calendar import DAYS, HOURS, MONTHS
from factory.domain.states.ranges import pack, run_starts, take, unpack
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.states.totals import (
    OccupancyRows,
    PresenceRows,
    presence_of_counts,
    presence_of_pieces,
    sum_by_key,
    sum_by_station,
)
from factory.domain.states.worker_hours import WorkerHours
from factory.operations.derive.absences import refresh_absences, without_absences
from factory.operations.derive.occupancy import refresh_occupancy
from factory.operations.derive.rows import GenerationRows
from factory.store.derived import retention
from factory.store.derived.rollups import OCCUPANCIES, PRESENCES, Run
from factory.store.events import event_log
from factory.store.events.event_log import FoundEvents

Ints = npt.NDArray[np.int64]


def refresh_rollups(rows: GenerationRows, changed: TimeRanges, touched: TimeRanges, found: FoundEvents) -> None:
    """Make the roll-ups anew where states `changed` or events were `touched`.

    `found` holds all events of the touched ranges, its place being the worker.
    """
    spans = rows.spans_over(whole_hours(rows, TimeRanges.join(changed, touched)))
    absences = refresh_absences(rows, spans, changed, touched)
    hours = WorkerHours.overlapping(rows.calendar, absences.reached)
    if absences.differ:
        spans = rows.spans_over(hours.runs())
    pieces, piece_hour = hours.cut(spans)
    shown = (pieces.state > 0) & without_absences(pieces, rows.calendar.starts_of(MONTHS, pieces.start), absences.now)
    pieces, piece_hour = take(pieces, shown), piece_hour[shown]
    timed = presence_of_pieces(pieces, hours.start[piece_hour])
    counted = WorkerHours.overlapping(rows.calendar, touched)
    before, after = _refresh_presence(rows, hours, timed, counted, found)
    refresh_occupancy(rows, hours, before, after, pieces, piece_hour)
    _refresh_coarser(rows, np.unique(hours.start))


def whole_hours(rows: GenerationRows, ranges: TimeRanges) -> TimeRanges:
    """Return the ranges widened to whole hours, overlapping ones of a worker joined."""
    order = np.lexsort((ranges.start, ranges.worker))
    worker = ranges.worker[order]
    start = rows.calendar.hours_of(ranges.start[order])
    end = rows.calendar.round_up_to_hours(ranges.end[order])
    first = np.ones(len(worker), dtype=bool)
    first[1:] = (worker[1:] != worker[:-1]) | (start[1:] > end[:-1])
    return TimeRanges(worker[first], start[first], np.maximum.reduceat(end, np.flatnonzero(first)))


def _refresh_presence(
    rows: GenerationRows, hours: WorkerHours, timed: PresenceRows, counted: WorkerHours, found: FoundEvents
) -> tuple[PresenceRows, PresenceRows]:
    """Replace the rows of the workers' hours by the time in states and, in the counted hours, the events.

    Answers the rows of the workers' hours before, and all rows of these hours now.
    """
    starts = np.unique(hours.start)
    stored = rows.rollups_at(PRESENCES, HOURS, starts, PresenceRows)
    mine = hours.holds(stored.worker, stored.bucket)
    before = stored.where(mine)
    with_events = before.where(before.events > 0)
    counted_row = counted.at(with_events.worker, with_events.bucket)
    # All events of an hour that had none are touched now, and so among those found.
    had_events = np.zeros(len(counted.worker), dtype=bool)
    had_events[counted_row[counted_row >= 0]] = True
    kept = with_events.where(counted_row < 0)
    parts = [
        stored.where(~mine),
        presence_of_counts(kept.bucket, kept.worker, kept.station, kept.units, kept.events),
        timed,
        _counts(rows, take(counted, had_events)),
        _counts_of(found, take(counted, ~had_events)),
    ]
    now = sum_by_key(PresenceRows.concat(parts))
    rows.replace_rollups(PRESENCES, HOURS, starts, now)
    return before, now


def _counts(rows: GenerationRows, hours: WorkerHours) -> PresenceRows:
    """Return the rows of all events, raw or not, in the workers' hours."""
    ranges = TimeRanges(*hours)
    raw = event_log.count_in_ranges(rows.store, rows.tx, rows.factory_key, ranges)
    row, kept = retention.in_ranges(rows.store, rows.tx, rows.factory_key, rows.retained_from, ranges)
    parts = zip(raw, (row, kept.station, kept.units, np.ones_like(row)), strict=True)
    place, station, units, events = (np.concatenate(columns) for columns in parts)
    return presence_of_counts(hours.start[place], hours.worker[place], station, units, events)


def _counts_of(found: FoundEvents, hours: WorkerHours) -> PresenceRows:
    """Return the rows of the found events in the workers' hours."""
    row = hours.at(found.place, found.time)
    here = np.flatnonzero(row >= 0)
    code = pack(row[here], found.station[here])
    order = np.argsort(code, kind="stable")
    first = np.flatnonzero(run_starts(code[order]))
    units = np.add.reduceat(found.units[here][order], first) if len(first) else first
    row, station = unpack(code[order][first])
    events = np.diff(np.append(first, len(order)))
    return presence_of_counts(hours.start[row], hours.worker[row], station, units, events)


def _refresh_coarser(rows: GenerationRows, hours: Ints) -> None:
    """Add up the hours of each touched day anew, and the days of each touched month."""
    finer = hours
    for level in (DAYS, MONTHS):
        finer = np.unique(rows.calendar.starts_of(level, finer))
        add_up(rows, level, finer)


def add_up(rows: GenerationRows, level: int, starts: Ints) -> None:
    """Replace the days or months that begin at `starts`, ascending, by the sums of their hours or days."""
    if len(starts) == 0:
        return
    bounds = list(zip(starts.tolist(), rows.calendar.ends_of(level, starts).tolist(), strict=True))
    runs = [Run(kind, level - 1, *bucket) for kind in (PRESENCES, OCCUPANCIES) for bucket in bounds]
    blocks = rows.rollups_in(runs)
    of_workers, of_stations = blocks[PRESENCES], blocks[OCCUPANCIES]
    presence = of_workers.table(PresenceRows, rows.calendar.starts_of(level, of_workers.start))
    rows.replace_rollups(PRESENCES, level, starts, sum_by_key(presence))
    occupancy = of_stations.table(OccupancyRows, rows.calendar.starts_of(level, of_stations.start))
    rows.replace_rollups(OCCUPANCIES, level, starts, sum_by_station(occupancy))
