"""Make the hours' roll-ups of stations follow those of workers again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from factory.domain.states.calendar import HOURS
from factory.domain.states.intervals import Spans
from factory.domain.states.ranges import pack, run_starts, take
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.states.totals import OccupancyRows, PresenceRows, occupancy_of_pieces, sum_by_station
from factory.domain.states.worker_hours import WorkerHours
from factory.operations.derive.rows import GenerationRows
from factory.store.derived.rollups import OCCUPANCIES

Ints = npt.NDArray[np.int64]


def refresh_occupancy(
    rows: GenerationRows,
    hours: WorkerHours,
    before: PresenceRows,
    now: PresenceRows,
    pieces: Spans,
    piece_hour: Ints,
) -> None:
    """Replace the rows of the stations at which workers of the given hours were, or are now.

    `before` are these workers' rows as they were, `now` all rows of the hours, `pieces` the spans of the workers'
    hours, each in the hour of its row. Where one worker was alone at a station in an hour, their time there is the
    station's; where several were, the union of their spans is.
    """
    starts = np.unique(hours.start)
    now, before = _present(now), _present(before)
    mine = now.where(hours.holds(now.worker, now.bucket))
    touched = np.union1d(*(_code(starts, part.bucket, part.station) for part in (before, mine)))
    code = _code(starts, now.bucket, now.station)
    here = np.flatnonzero(np.isin(code, touched))
    here = here[np.argsort(code[here], kind="stable")]
    first = run_starts(code[here])
    alone = first & np.append(first[1:], True)
    stored = rows.rollups_at(OCCUPANCIES, HOURS, starts, OccupancyRows)
    parts = [
        stored.where(~np.isin(_code(starts, stored.bucket, stored.station), touched)),
        _of_one(now.where(here[alone])),
        _of_several(rows, starts, hours, now.where(here[~alone]), pieces, piece_hour),
    ]
    rows.replace_rollups(OCCUPANCIES, HOURS, starts, sum_by_station(OccupancyRows.concat(parts)))


def _present(rows: PresenceRows) -> PresenceRows:
    return rows.where(rows.active + rows.idle > 0)


def _code(starts: Ints, start: Ints, station: Ints) -> Ints:
    """Return a station in one of the hours as one number."""
    return pack(np.searchsorted(starts, start), station)


def _of_one(presence: PresenceRows) -> OccupancyRows:
    return OccupancyRows.of(
        bucket=presence.bucket,
        station=presence.station,
        occupied=presence.active + presence.idle,
        productive=presence.active,
    )


def _of_several(
    rows: GenerationRows, starts: Ints, hours: WorkerHours, presence: PresenceRows, pieces: Spans, piece_hour: Ints
) -> OccupancyRows:
    """Return the rows of the stations in hours in which the presence rows are of several workers."""
    others = presence.where(~hours.holds(presence.worker, presence.bucket))
    at_start = TimeRanges.through(others.worker, others.bucket, others.bucket)
    more = WorkerHours.overlapping(rows.calendar, at_start)
    more_pieces, more_hour = more.cut(rows.spans_over(more.runs()))
    spans = Spans(*(np.concatenate(columns) for columns in zip(pieces, more_pieces, strict=True)))
    hour = np.searchsorted(starts, np.concatenate([hours.start[piece_hour], more.start[more_hour]]))
    here = np.isin(pack(hour, spans.station), _code(starts, presence.bucket, presence.station))
    found = occupancy_of_pieces(take(spans, here), hour[here], starts)
    return OccupancyRows.of(
        bucket=starts[found.bucket],
        station=found.station,
        occupied=found.occupied,
        productive=found.productive,
    )
