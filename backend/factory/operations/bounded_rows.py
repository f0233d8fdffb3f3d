"""Bounded answers: a registry that was filled must not make each page load all of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Row = TypeVar("Row")

MAX_ROWS = 2_000
"""Workers or workstations in one answer."""


def bounded(rows: list[Row], is_silent: Callable[[Row], bool] = lambda row: False) -> tuple[list[Row], int]:
    """Return at most MAX_ROWS of the rows in order, silent ones only where there is room, and how many are left out."""
    if len(rows) <= MAX_ROWS:
        return rows, 0
    silent = [is_silent(row) for row in rows]
    places = sorted(sorted(range(len(rows)), key=silent.__getitem__)[:MAX_ROWS])
    return [rows[place] for place in places], len(rows) - MAX_ROWS
