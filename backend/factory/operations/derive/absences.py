"""Whole months of absence: kept once a month, not in every hour of it.

A worker who is absent through a whole month has one row in the month's block of absences, and the roll-ups of its
hours and days leave this absence out. Else one late event of a person who left five years ago, or of a device whose
clock died, would rewrite the blocks of 43,800 hours; so it changes 60 rows.

An example: a worker leaves on 10 January, and is seen again on 20 April. The absence is in the hours from 10 January
to 1 February and from 1 to 20 April; February and March have a row each, and their hours have none. Now `working` of
5 March arrives late, and ends the absence there. March is no longer absent as a whole: its row goes, and all of its
hours are made anew, since those up to 5 March have to show the absence. The hours of April lose it. February stays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from factory.domain.event import ABSENT, UNKNOWN
from factory.domain.states.calendar import MONTHS
from factory.domain.states.intervals import Spans
from factory.domain.states.ranges import expand_ranges, take
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.states.totals import PresenceRows, sum_by_key
from factory.operations.derive.rows import GenerationRows
from factory.store.derived.rollups import ABSENCES, PRESENCES

Ints = npt.NDArray[np.int64]
WorkerMonth = tuple[int, int]
"""(worker, start of month)"""
Stations = dict[WorkerMonth, int]
"""The station at which a worker is absent through a whole month."""


class _Months(NamedTuple):
    starts: Ints
    ends: Ints

    def reached_by(self, start: Ints, end: Ints) -> tuple[Ints, Ints]:
        """Return the months that each range [start, end) overlaps: (row of the range, place of the month)."""
        first = np.searchsorted(self.ends, start, side="right")
        return expand_ranges(first, np.searchsorted(self.starts, end, side="left"))


class Absences(NamedTuple):
    """The outcome of refresh_absences."""

    now: Stations
    """The absences that there are, of the months reached."""
    reached: TimeRanges
    """The ranges whose hours are to be made anew: all of a month that became or was an absence, and
    nothing of one in which there is nothing but absence."""
    differ: bool
    """Whether these ranges are others than those that were touched."""


def refresh_absences(rows: GenerationRows, spans: Spans, changed: TimeRanges, touched: TimeRanges) -> Absences:
    """Replace the absences of the months that the ranges reach; `spans` are the spans over them."""
    both = TimeRanges.join(changed, touched)
    first = int(rows.calendar.starts_of(MONTHS, both.start.min()[None])[0])
    starts = rows.calendar.month_starts(first, int(both.end.max()))
    months = _Months(starts, rows.calendar.ends_of(MONTHS, starts))
    row, month = months.reached_by(both.start, both.end)
    reached = set(zip(*np.unique([both.worker[row], starts[month]], axis=1).tolist(), strict=True))
    before = rows.rollups_at(ABSENCES, MONTHS, np.unique(starts[month]), PresenceRows)
    stations_before = zip(_worker_months(before), before.station.tolist(), strict=True)
    was = {worker_month: station for worker_month, station in stations_before if worker_month in reached}
    now = {one: station for one, station in _whole_months(spans, months).items() if one in reached}
    if not was and not now:
        return Absences({}, both, differ=False)
    _replace(rows, before, was, now)
    known = take(spans, spans.state != UNKNOWN)
    return Absences(now, TimeRanges.join(_to_refresh(rows, changed, months, known, was, now), touched), differ=True)


def _worker_months(rows: PresenceRows) -> list[WorkerMonth]:
    return list(zip(rows.worker.tolist(), rows.bucket.tolist(), strict=True))


def _whole_months(spans: Spans, months: _Months) -> Stations:
    """Return the whole months inside absences."""
    spans = take(spans, spans.state == ABSENT)
    first = np.searchsorted(months.starts, spans.start, side="left")
    last = np.searchsorted(months.ends, spans.end, side="right")
    found: Stations = {}
    for n in np.flatnonzero(first < last).tolist():
        worker, station = int(spans.group[n]), int(spans.station[n])
        found.update(((worker, start), station) for start in months.starts[first[n] : last[n]].tolist())
    return found


def _replace(rows: GenerationRows, before: PresenceRows, was: Stations, now: Stations) -> None:
    """Store the months in which anything differs: the rows of other workers, and those that there are now."""
    differing = sorted(
        {start for worker, start in {*was, *now} if was.get((worker, start)) != now.get((worker, start))}
    )
    starts = np.array(differing, dtype=np.int64)
    if len(starts) == 0:
        return
    others = np.array([one not in was for one in _worker_months(before)], dtype=bool)
    mine = [(worker, start, station) for (worker, start), station in now.items() if start in differing]
    worker, start, station = np.array(mine, dtype=np.int64).reshape(-1, 3).T
    length = rows.calendar.ends_of(MONTHS, start) - start
    parts = [
        before.where(others & np.isin(before.bucket, starts)),
        PresenceRows.of(bucket=start, worker=worker, station=station, absent=length),
    ]
    rows.replace_rollups(ABSENCES, MONTHS, starts, sum_by_key(PresenceRows.concat(parts)))


def _to_refresh(
    rows: GenerationRows, changed: TimeRanges, months: _Months, known: Spans, was: Stations, now: Stations
) -> TimeRanges:
    """Return the parts of the changed ranges in which hours show, or have shown, anything of the worker.

    `known` are the spans of known states.
    """
    row, month = months.reached_by(changed.start, changed.end)
    worker, start, end = changed.worker[row], months.starts[month], months.ends[month]
    first, until = np.maximum(changed.start[row], start), np.minimum(changed.end[row], end)
    in_absences = np.array(sorted({at for _, at in {**was, **now}}), dtype=np.int64)
    shown = set(_worker_months(rows.rollups_at(PRESENCES, MONTHS, in_absences, PresenceRows)))
    span, reached = months.reached_by(known.start, known.end)
    in_known_state = set(zip(known.group[span].tolist(), months.starts[reached].tolist(), strict=True))
    keep = np.ones(len(row), dtype=bool)
    for n, one in enumerate(zip(worker.tolist(), start.tolist(), strict=True)):
        if one not in was and one not in now:
            continue
        keep[n] = one in shown or (one not in now and one in in_known_state)
        if (one in was) != (one in now):
            first[n], until[n] = start[n], end[n]
    return TimeRanges(worker[keep], first[keep], until[keep])


def without_absences(spans: Spans, months: Ints, absences: Stations) -> npt.NDArray[np.bool_]:
    """Return a mask of the spans that the roll-ups of hours show; they are pieces of hours, the group is the worker."""
    shown = np.ones(len(spans.start), dtype=bool)
    if absences:
        for n in np.flatnonzero(spans.state == ABSENT).tolist():
            shown[n] = (int(spans.group[n]), int(months[n])) not in absences
    return shown
