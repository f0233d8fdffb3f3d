"""Whole months of absence: kept once a month, not in every hour of it.

Who is absent through a whole month has one row in the month's page of absences, and the pages of its hours
and days leave this absence out. Without it, one event of a long gone person, or of a device whose clock
died, would rewrite every hour of the years between.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from factory.domain.event import ABSENT, UNKNOWN
from factory.domain.states.calendar import MONTHS
from factory.domain.states.intervals import Spans
from factory.domain.states.ranges import expand_ranges
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.states.totals import PRESENCE, Page, Rows, add_up_each
from factory.operations.derive.rows import DerivedRows
from factory.store.derived.rollups import ABSENCES, PRESENCES

Ints = npt.NDArray[np.int64]
Pairs = dict[tuple[int, int], int]
"""(worker, start of month) to station."""


class _Months(NamedTuple):
    starts: Ints
    ends: Ints

    def reached_by(self, start: Ints, end: Ints) -> tuple[Ints, Ints]:
        """The months that each range [start, end) overlaps: (row of the range, place of the month)."""
        first = np.searchsorted(self.ends, start, side="right")
        return expand_ranges(first, np.searchsorted(self.starts, end, side="left"))


class Absences(NamedTuple):
    """What refresh_absences found."""

    now: Pairs
    """The absences that there are, of the months reached."""
    reached: TimeRanges
    """The ranges whose hours are to be made anew: all of a month that became or was an absence, and
    nothing of one in which there is nothing but absence."""
    differ: bool
    """Whether these ranges are others than those that were touched."""


def refresh_absences(rows: DerivedRows, spans: Spans, changed: TimeRanges, touched: TimeRanges) -> Absences:
    """Replace the absences of the months that the ranges reach; `spans` are the spans over them."""
    both = TimeRanges.join(changed, touched)
    first = int(rows.calendar.starts_of(MONTHS, both.start.min()[None])[0])
    starts = rows.calendar.month_starts(first, int(both.end.max()))
    months = _Months(starts, rows.calendar.ends_of(MONTHS, starts))
    row, month = months.reached_by(both.start, both.end)
    pairs = set(zip(*np.unique([both.worker[row], starts[month]], axis=1).tolist(), strict=True))
    before = rows.pages_at(ABSENCES, MONTHS, np.unique(starts[month]))
    rows_before = zip(before.row["worker"].tolist(), before.start.tolist(), before.row["station"].tolist(), strict=True)
    was = {(worker, at): station for worker, at, station in rows_before if (worker, at) in pairs}
    now = {pair: station for pair, station in _whole_months(spans, months).items() if pair in pairs}
    if not was and not now:
        return Absences({}, both, differ=False)
    _replace(rows, before, was, now)
    known = spans.take(spans.state != UNKNOWN)
    return Absences(now, TimeRanges.join(_to_refresh(rows, changed, months, known, was, now), touched), differ=True)


def _whole_months(spans: Spans, months: _Months) -> Pairs:
    """The whole months inside absences."""
    spans = spans.take(spans.state == ABSENT)
    first = np.searchsorted(months.starts, spans.start, side="left")
    last = np.searchsorted(months.ends, spans.end, side="right")
    pairs: Pairs = {}
    for n in np.flatnonzero(first < last).tolist():
        worker, station = int(spans.group[n]), int(spans.station[n])
        pairs.update(((worker, start), station) for start in months.starts[first[n] : last[n]].tolist())
    return pairs


def _replace(rows: DerivedRows, before: Rows, was: Pairs, now: Pairs) -> None:
    starts = np.array(sorted({pair[1] for pair in {*was, *now} if was.get(pair) != now.get(pair)}), dtype=np.int64)
    if len(starts) == 0:
        return
    before = before.take(np.isin(before.start, starts))
    others = [pair not in was for pair in zip(before.row["worker"].tolist(), before.start.tolist(), strict=True)]
    mine = [(worker, at, station) for (worker, at), station in now.items() if at in starts]
    worker, start, station = np.array(mine, dtype=np.int64).reshape(-1, 3).T
    page: Page = np.zeros(len(mine), PRESENCE)
    page["worker"], page["station"] = worker, station
    page["absent"] = rows.calendar.ends_of(MONTHS, start) - start
    kept = before.take(np.array(others, dtype=bool))
    total = add_up_each(Rows(np.concatenate([kept.start, start]), np.concatenate([kept.row, page])))
    rows.replace_pages(ABSENCES, MONTHS, starts, total)


def _to_refresh(
    rows: DerivedRows, changed: TimeRanges, months: _Months, spans: Spans, was: Pairs, now: Pairs
) -> TimeRanges:
    """The parts of the changed ranges in which hours show, or have shown, anything of the worker."""
    row, month = months.reached_by(changed.start, changed.end)
    worker, start, end = changed.worker[row], months.starts[month], months.ends[month]
    first, until = np.maximum(changed.start[row], start), np.minimum(changed.end[row], end)
    pages = rows.pages_at(PRESENCES, MONTHS, np.array(sorted({at for _, at in {**was, **now}})))
    shown = set(zip(pages.row["worker"].tolist(), pages.start.tolist(), strict=True))
    span, reached = months.reached_by(spans.start, spans.end)
    known = set(zip(spans.group[span].tolist(), months.starts[reached].tolist(), strict=True))
    keep = np.ones(len(row), dtype=bool)
    for n, pair in enumerate(zip(worker.tolist(), start.tolist(), strict=True)):
        if pair not in was and pair not in now:
            continue
        keep[n] = pair in shown or (pair not in now and pair in known)
        if (pair in was) != (pair in now):
            first[n], until[n] = start[n], end[n]
    return TimeRanges(worker[keep], first[keep], until[keep])


def without_absences(spans: Spans, months: Ints, absences: Pairs) -> npt.NDArray[np.bool_]:
    """Which of the spans (pieces of hours, the group the worker) the pages of hours show."""
    shown = np.ones(len(spans.start), dtype=bool)
    if absences:
        for n in np.flatnonzero(spans.state == ABSENT).tolist():
            shown[n] = (int(spans.group[n]), int(months[n])) not in absences
    return shown
