"""Hours of workers: the cells in which time and events are added up."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from factory.domain.states.calendar import HOURS, Calendar
from factory.domain.states.intervals import Spans
from factory.domain.states.ranges import expand_ranges, run_starts, take
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.timestamp import HOUR

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


CELL = np.dtype([("worker", "<i4"), ("events", "<i4"), ("first", "<i8"), ("last", "<i8")])
"""A worker's hour (of UTC) in which events were touched: how many, and the instants of the first and the last."""
Cells = npt.NDArray[Any]


def cells_of(worker: Ints, time: Ints) -> Cells:
    """Return the cells that events touch, given in the order of worker and time."""
    hour = time // HOUR
    first = np.flatnonzero(run_starts(worker, hour))
    cells = np.zeros(len(first), CELL)
    cells["worker"], cells["first"] = worker[first], time[first]
    after = np.append(first, len(time))[1:]
    cells["events"], cells["last"] = after - first, time[after - 1]
    return cells


class WorkerHours(NamedTuple):
    """Distinct hours [start, end) of workers, ordered by worker and start; columns."""

    worker: Ints
    start: Ints
    end: Ints

    @staticmethod
    def overlapping(calendar: Calendar, ranges: TimeRanges) -> WorkerHours:
        """Return the hours of the calendar that the ranges overlap."""
        starts = ranges.start
        if len(starts):
            starts = calendar.hour_starts(int(starts.min()), int(ranges.end.max()))
        ends = calendar.ends_of(HOURS, starts)
        first = np.searchsorted(ends, ranges.start, side="right")
        row, place = expand_ranges(first, np.searchsorted(starts, ranges.end, side="left"))
        order = np.lexsort((place, ranges.worker[row]))
        worker, place = ranges.worker[row][order], place[order]
        distinct = run_starts(worker, place)
        return WorkerHours(worker[distinct], starts[place[distinct]], ends[place[distinct]])

    def runs(self) -> TimeRanges:
        """Return the same time, adjacent hours of a worker as one range."""
        first = np.ones(len(self.worker), dtype=bool)
        first[1:] = (self.worker[1:] != self.worker[:-1]) | (self.start[1:] != self.end[:-1])
        last = np.append(first[1:], True) if len(first) else first
        return TimeRanges(self.worker[first], self.start[first], self.end[last])

    def at(self, worker: Ints, instant: Ints) -> Ints:
        """Return the row of the hour that each worker's instant lies in, -1 where it is none of these."""
        if len(self.worker) == 0:
            return np.full(len(worker), -1)
        grid = _Grid(self)
        code = grid.code(worker, np.searchsorted(grid.starts, instant, side="right") - 1)
        row = np.minimum(np.searchsorted(grid.codes, code), len(grid.codes) - 1)
        found = (self.worker[row] == worker) & (self.start[row] <= instant) & (instant < self.end[row])
        return np.where(found, row, -1)

    def holds(self, worker: Ints, instant: Ints) -> Flags:
        """Whether each worker's instant lies in one of these hours."""
        return self.at(worker, instant) >= 0

    def cut(self, spans: Spans) -> tuple[Spans, Ints]:
        """Return the pieces of the workers' spans inside these hours, and the row of the hour of each piece."""
        grid = _Grid(self)
        spans = take(spans, np.isin(spans.group, grid.workers))
        first = grid.code(spans.group, np.searchsorted(grid.ends, spans.start, side="right"))
        last = grid.code(spans.group, np.searchsorted(grid.starts, spans.end, side="left"))
        row, hour = expand_ranges(np.searchsorted(grid.codes, first), np.searchsorted(grid.codes, last))
        pieces = take(spans, row)
        start, end = np.maximum(pieces.start, self.start[hour]), np.minimum(pieces.end, self.end[hour])
        return pieces._replace(start=start, end=end), hour


class _Grid:
    """Each hour of each worker as one number that grows with both."""

    def __init__(self, hours: WorkerHours) -> None:
        self.workers = np.unique(hours.worker)
        self.starts, first = np.unique(hours.start, return_index=True)
        self.ends = hours.end[first]
        self.codes = self.code(hours.worker, np.searchsorted(self.starts, hours.start))

    def code(self, worker: Ints, place: Ints) -> Ints:
        return np.searchsorted(self.workers, worker) * (len(self.starts) + 1) + place
