"""The rule of K_MIN: which figures are over enough persons to be told where nobody may be seen (SPEC section 6).

A figure is a sum over persons, in a cell: one workstation, or the factory, on one day.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_PART = 10
"""Who has less than this part (a tenth) of what another has does not hide the other."""


class Shares(NamedTuple):
    """What persons have in cells, as columns; one row for a person in a cell.

    `counts` is false for persons who do not count towards K_MIN. `amounts` are the figures that are told of a cell
    (microseconds in a state, units).
    """

    cell: Ints
    counts: Flags
    amounts: Sequence[Ints]


def shared(shares: Shares, cells: int, k_min: int) -> Flags:
    """Return a mask of the cells in which each amount is nobody's, or that of `k_min` persons or more.

    They are as many who have a tenth or more of what the person with most has.
    """
    enough = np.ones(cells, dtype=bool)
    for amount in shares.amounts:
        most = _most(shares.cell, amount, cells)
        hides = shares.counts & (amount > 0) & (amount * _PART >= most[shares.cell])
        enough &= (most == 0) | (np.bincount(shares.cell[hides], minlength=cells) >= k_min)
    return enough


def told(shares: Shares, cells: int, k_min: int) -> Flags:
    """Return a mask of the cells that may be told: somebody has an amount in them, and each amount is shared."""
    somebody = np.zeros(cells, dtype=bool)
    for amount in shares.amounts:
        somebody[shares.cell[amount > 0]] = True
    return somebody & shared(shares, cells, k_min)


def of_nobody(cell: Ints, amount: Ints, union: Ints, k_min: int) -> Flags:
    """Return a mask of the cells whose union of time is not the time of one to `k_min` - 1 persons exactly.

    `union` is the time in which anybody was there, by cell: that of the first who comes and the last who leaves.
    """
    same = (amount > 0) & (amount == union[cell])
    persons = np.bincount(cell[same], minlength=len(union))
    return (persons == 0) | (persons >= k_min)


def _most(cell: Ints, amount: Ints, cells: int) -> Ints:
    most = np.zeros(cells, dtype=np.int64)
    np.maximum.at(most, cell, amount)
    return most
