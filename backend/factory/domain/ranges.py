"""Runs of whole numbers, many at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def ranges(first: Ints, end: Ints) -> tuple[Ints, Ints]:
    """All numbers of the ranges [first, end), one behind the other, as (row of the range, number).

    A range whose end is not after its first number has none.
    """
    count = np.maximum(end - first, 0)
    row = np.repeat(np.arange(len(count)), count)
    return row, np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - first, count)
