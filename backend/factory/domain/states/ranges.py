"""Runs of numbers and of equal rows, many at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def expand_ranges(first: Ints, end: Ints) -> tuple[Ints, Ints]:
    """All numbers of the ranges [first, end), one behind the other, as (row of the range, number).

    A range whose end is not after its first number has none.
    """
    count = np.maximum(end - first, 0)
    row = np.repeat(np.arange(len(count)), count)
    return row, np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - first, count)


def run_starts(*columns: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where a row differs from the one before it in any of the columns; the first row does."""
    first = np.ones(len(columns[0]), dtype=bool)
    if len(first) > 1:
        first[1:] = columns[0][1:] != columns[0][:-1]
        for column in columns[1:]:
            first[1:] |= column[1:] != column[:-1]
    return first
