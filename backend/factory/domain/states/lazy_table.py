"""Tables whose columns are made when they are first read: most answers need a few of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, overload

import numpy as np
import numpy.typing as npt

from factory.domain.states.ranges import run_starts

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
T = TypeVar("T", bound="LazyTable")


class Column:
    """A column: on the class of a table this description, on a table its numbers.

    Key columns say whose row it is; all others are amounts, which add up.
    """

    name: str

    def __init__(self, *, is_key: bool = False) -> None:
        self.is_key = is_key

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, table: None, owner: type) -> Column: ...
    @overload
    def __get__(self, table: LazyTable, owner: type) -> Ints: ...
    def __get__(self, table: LazyTable | None, owner: type) -> Column | Ints:
        if table is None:
            return self
        # From now on the table's own attribute is found first.
        values = table.__dict__[self.name] = table.make(self)
        return values

    def of(self, table: LazyTable) -> Ints:
        """Return the numbers in a table, which keeps them."""
        values: Ints = getattr(table, self.name)
        return values

    def once(self, table: LazyTable) -> Ints:
        """Return the numbers in a table, not kept there."""
        return table.__dict__[self.name] if self.name in table.__dict__ else table.make(self)


class LazyTable:
    """Rows of whole numbers, a column of which is made by `make` when it is first read."""

    def __init__(self, make: Callable[[Column], Ints]) -> None:
        self.make = make

    @classmethod
    def columns(cls) -> list[Column]:
        """Return the columns in the order of their definition."""
        return [column for column in vars(cls).values() if isinstance(column, Column)]

    @classmethod
    def of(cls: type[T], **columns: Ints) -> T:
        """Return a table of these columns; those that are not given are 0."""
        nothing = np.zeros(len(next(iter(columns.values()))), dtype=np.int64)
        return cls(lambda column: columns.get(column.name, nothing))

    @classmethod
    def concat(cls: type[T], parts: Sequence[T]) -> T:
        """Return the rows of all parts, of which there is one or more."""
        return cls(lambda column: np.concatenate([column.once(part) for part in parts]))

    def where(self: T, rows: Flags | npt.NDArray[np.intp]) -> T:
        """Return the chosen rows."""
        chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
        return type(self)(lambda column: column.of(self)[chosen])

    def sum_by(self: T, *keys: Ints) -> T:
        """Return the sums of the rows with equal keys (numbers beside the rows), ordered by the keys.

        A key column has the value of the first of the rows that were added up.
        """
        order, first = _groups(*keys)

        def make(column: Column) -> Ints:
            values = column.of(self)
            if column.is_key:
                return values[first if order is None else order[first]]
            ordered = values if order is None else values[order]
            return np.add.reduceat(ordered, first) if len(ordered) else ordered

        return type(self)(make)

    def sums_for(self: T, wanted: Ints, key: Ints) -> T:
        """Return the sums of the rows whose key is each of the wanted ones, 0 where there is no row."""
        order, first = _groups(key)
        keys = key[first if order is None else order[first]]
        sums = self.sum_by(key)
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        found = keys[place] == wanted if len(keys) else np.zeros(len(wanted), dtype=bool)

        def make(column: Column) -> Ints:
            values = np.zeros(len(wanted), dtype=np.int64)
            values[found] = column.of(sums)[place[found]]
            return values

        return type(self)(make)


def _groups(*keys: Ints) -> tuple[npt.NDArray[np.intp] | None, Ints]:
    """Return the order of the rows by their keys, None where they are in it, and the start of each group in it."""
    (last, *others) = reversed(keys)
    if not others and (last[1:] >= last[:-1]).all():
        return None, np.flatnonzero(run_starts(last))
    order = np.lexsort(keys[::-1]) if others else np.argsort(last, kind="stable")
    return order, np.flatnonzero(run_starts(*(key[order] for key in keys)))
