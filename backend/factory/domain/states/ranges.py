"""Tables of columns: choose rows, find runs of equal ones, list the numbers of ranges, pack two numbers into one."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Table = TypeVar("Table", bound="tuple[Any, ...]")

_LOW_HALF = 0xFFFFFFFF


def take(table: Table, rows: npt.NDArray[np.intp] | Flags) -> Table:
    """Return the chosen rows of a NamedTuple of columns (arrays, or lists of texts)."""
    make: Any = type(table)
    return make(*(column[rows] if isinstance(column, np.ndarray) else _listed(column, rows) for column in table))


def _listed(column: list[Any], rows: npt.NDArray[np.intp] | Flags) -> list[Any]:
    return [column[n] for n in np.arange(len(column))[rows].tolist()]


def expand_ranges(first: Ints, end: Ints) -> tuple[Ints, Ints]:
    """All numbers of the ranges [first, end), one behind the other, as (row of the range, number).

    A range whose end is not after its first number has none.
    """
    count = np.maximum(end - first, 0)
    row = np.repeat(np.arange(len(count)), count)
    return row, np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - first, count)


def run_starts(*columns: npt.NDArray[Any]) -> Flags:
    """Where a row differs from the one before it in any of the columns; the first row does."""
    first = np.ones(len(columns[0]), dtype=bool)
    if len(first) > 1:
        first[1:] = columns[0][1:] != columns[0][:-1]
        for column in columns[1:]:
            first[1:] |= column[1:] != column[:-1]
    return first


def pack(high: Ints, low: Ints) -> Ints:
    """Two numbers as one that is ordered by `high`, then `low`; both from 0, `high` below 2**31, `low` below 2**32."""
    return high << 32 | low


def unpack(code: Ints) -> tuple[Ints, Ints]:
    """Return the numbers (high, low) that were packed."""
    return code >> 32, code & _LOW_HALF
