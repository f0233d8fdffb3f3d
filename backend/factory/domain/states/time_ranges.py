"""Ranges of time of workers: half-open, as every period of this service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

TimeRange = tuple[int, int]
"""[start, end), in microseconds since the epoch."""


class TimeRanges(NamedTuple):
    """Ranges [start, end) of workers, as columns; instants in microseconds since the epoch."""

    worker: Ints
    start: Ints
    end: Ints

    @staticmethod
    def of_each(workers: Sequence[int] | Ints, start: int, end: int) -> TimeRanges:
        """Return the same range of each worker."""
        who = np.asarray(workers, dtype=np.int64)
        return TimeRanges(who, np.full(len(who), start), np.full(len(who), end))

    @staticmethod
    def through(worker: Ints, first: Ints, last: Ints) -> TimeRanges:
        """Return the shortest ranges that hold both instants: for what is known by its first and its last event."""
        return TimeRanges(worker, first, last + 1)

    @staticmethod
    def join(*several: TimeRanges) -> TimeRanges:
        """All of the ranges."""
        return TimeRanges(*(np.concatenate(columns) for columns in zip(*several, strict=True)))
