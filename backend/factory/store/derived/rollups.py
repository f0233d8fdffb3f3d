"""Roll-up blocks: the totals of one hour, day or month for all workers, or all workstations, that have any.

A block lies in the database column by column, each in the narrowest width that holds it less its smallest
value: most are counts, or times within an hour. A column is decoded without the others, and those of many
blocks at once. The table's column is called `page`: releases that still run read it under this name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, insert, select

from factory.domain.states.lazy_table import Column, LazyTable
from factory.domain.states.totals import KeptRows, OccupancyRows, PresenceRows
from factory.store.engine.database import Store
from factory.store.schema import rollups

Ints = npt.NDArray[np.int64]
Block = bytes | memoryview
T = TypeVar("T", bound=LazyTable)

PRESENCES, OCCUPANCIES, ABSENCES, KEPT_EVENTS = 0, 1, 2, 3
"""Kinds of block: totals of workers, totals of stations, absences through a whole month (months only), and what
is kept of removed raw events (store/derived/retention.py)."""

TABLES: dict[int, type[LazyTable]] = {
    PRESENCES: PresenceRows,
    OCCUPANCIES: OccupancyRows,
    ABSENCES: PresenceRows,
    KEPT_EVENTS: KeptRows,
}

EVERY_GENERATION = 0
"""The generation of blocks that are not derived: they go with any other."""

_KEYS_A_QUERY = 500
_WIDTHS = {0: 0, 1: 1, 2: 2, 3: 4, 4: 4}
"""Bytes of a column by the bytes of its largest value; 8 beyond."""
_STORED = {width: np.dtype(f"<u{width}") for width in (1, 2, 4, 8)}


def _stored_columns(table: type[LazyTable]) -> list[Column]:
    """All columns but the bucket, which the row of the block names."""
    return table.columns()[1:]


def _head(columns: int) -> np.dtype[Any]:
    return np.dtype([("rows", "<u4"), ("width", "u1", (columns,)), ("least", "<i8", (columns,))])


def encode_block(columns: Sequence[Ints]) -> bytes:
    """Return a block of one row or more.

    The first column ascends: less the number of the row, nothing is left of it where keys are dense.
    """
    head = np.zeros(1, _head(len(columns)))
    head["rows"] = rows = len(columns[0])
    parts = []
    for n, column in enumerate(columns):
        values = column - np.arange(rows) if n == 0 else column
        least = int(values.min())
        width = _WIDTHS.get((int(values.max() - least).bit_length() + 7) // 8, 8)
        head["least"][0, n], head["width"][0, n] = least, width
        if width:
            parts.append((values - least).astype(_STORED[width]).tobytes())
    return head.tobytes() + b"".join(parts)


class RollupBlocks:
    """Blocks of one kind as they were stored, in the order of their starts."""

    def __init__(self, kind: int, stored: Iterable[tuple[int, Block]]) -> None:
        self._names = [column.name for column in _stored_columns(TABLES[kind])]
        rows = sorted(stored, key=itemgetter(0))
        self._stored = [block for _, block in rows]
        head = _head(len(self._names))
        heads = np.frombuffer(b"".join([block[: head.itemsize] for block in self._stored]), head)
        self.start: Ints = np.array([start for start, _ in rows], dtype=np.int64)
        self.rows: Ints = heads["rows"].astype(np.int64)
        self._width, self._least = heads["width"], heads["least"]
        length = self._width * self.rows[:, None]
        self._first = head.itemsize + np.cumsum(length, axis=1) - length

    def table(self, table: type[T], bucket: Ints | None = None) -> T:
        """Return the rows of all blocks in order; `bucket` is that of each block, its start unless given."""
        buckets = self.start if bucket is None else bucket

        def make(column: Column) -> Ints:
            return self._column(column.name) if column.name in self._names else np.repeat(buckets, self.rows)

        return table(make)

    def _column(self, name: str) -> Ints:
        n = self._names.index(name)
        values = np.zeros(int(self.rows.sum()), dtype=np.int64)
        number = np.arange(int(self.rows.max(initial=0)) if n == 0 else 0)
        of_blocks = (column.tolist() for column in (self.rows, self._width[:, n], self._first[:, n], self._least[:, n]))
        end = 0
        for block, rows, width, first, least in zip(self._stored, *of_blocks, strict=True):
            end += rows
            column = values[end - rows : end]
            if width:
                column[:] = np.frombuffer(block, _STORED[width], rows, first)
            if least:
                column += least
            if n == 0:
                column += number[:rows]
        return values


def decode_block(block: Block, kind: int) -> list[tuple[int, ...]]:
    """Return the rows of one block."""
    rows = RollupBlocks(kind, [(0, block)]).table(TABLES[kind])
    columns = [column.of(rows).tolist() for column in _stored_columns(TABLES[kind])]
    return list(zip(*columns, strict=True))


class Run(NamedTuple):
    """The blocks of one kind and level whose buckets start in [first, end)."""

    kind: int
    level: int
    first: int
    end: int


def mine(factory_key: int, generation: int, kind: int, level: int) -> Any:
    """Return the condition of blocks of one kind and level."""
    c = rollups.c
    return (c.factory_key == factory_key) & (c.generation == generation) & (c.kind == kind) & (c.level == level)


def load_runs(
    store: Store, tx: Connection, factory_key: int, generation: int, runs: Sequence[Run]
) -> dict[int, RollupBlocks]:
    """Return the blocks of the runs, by kind."""
    kind, level, first, end = zip(*runs, strict=True)
    given, parameters = store.dialect.relation({"kind": kind, "level": level, "first": first, "until": end})
    mine = (
        "r.factory_key = :factory_key AND r.generation = :generation AND r.kind = given.kind "
        "AND r.level = given.level AND r.start_at >= given.first AND r.start_at < given.until"
    )
    select_blocks = f"SELECT r.kind, r.start_at, r.page FROM {given} {store.dialect.for_each('rollups r', mine)}"
    rows = store.dialect.fetch_pages(
        tx, select_blocks, {"factory_key": factory_key, "generation": generation, **parameters}
    )
    return {kind: RollupBlocks(kind, [row[1:] for row in rows if row[0] == kind]) for kind in TABLES}


def starts_of(store: Store, tx: Connection, factory_key: int, generation: int, kind: int, level: int) -> Ints:
    """Return the starts of all blocks of a kind and level, ascending."""
    (starts,) = store.dialect.fetch_columns(
        tx,
        {"start_at": "i8"},
        "SELECT {} FROM rollups WHERE factory_key = :factory_key AND generation = :generation "
        "AND kind = :kind AND level = :level",
        {"factory_key": factory_key, "generation": generation, "kind": kind, "level": level},
    )
    return np.sort(starts)


def load_some(
    tx: Connection, factory_key: int, generation: int, kind: int, level: int, starts: list[int]
) -> RollupBlocks:
    """Return the blocks of the buckets that start at `starts`, where there are any."""
    c = rollups.c
    found: list[tuple[int, Block]] = []
    for n in range(0, len(starts), _KEYS_A_QUERY):
        some = starts[n : n + _KEYS_A_QUERY]
        rows = tx.execute(
            select(c.start_at, c.page).where(mine(factory_key, generation, kind, level)).where(c.start_at.in_(some))
        )
        found += [(start, block) for start, block in rows]
    return RollupBlocks(kind, found)


def replace(
    tx: Connection, factory_key: int, generation: int, kind: int, level: int, starts: Ints, rows: LazyTable
) -> None:
    """Put rows in the place of the blocks of the buckets that begin at `starts`; one without rows has no block.

    `starts` ascend, and the rows are ordered by bucket.
    """
    bucket, *columns = (column.of(rows) for column in TABLES[kind].columns())
    bounds = [*np.searchsorted(bucket, starts, side="left").tolist(), len(bucket)]
    for n in range(0, len(starts), _KEYS_A_QUERY):
        some = starts[n : n + _KEYS_A_QUERY].tolist()
        tx.execute(delete(rollups).where(mine(factory_key, generation, kind, level), rollups.c.start_at.in_(some)))
        blocks = [
            {
                "factory_key": factory_key,
                "generation": generation,
                "kind": kind,
                "level": level,
                "start_at": start,
                "page": encode_block([column[first:end] for column in columns]),
            }
            for start, first, end in zip(some, bounds[n:], bounds[n + 1 :], strict=False)
            if first < end
        ]
        if blocks:
            tx.execute(insert(rollups), blocks)


def drop_generation(tx: Connection, factory_key: int, keep: Iterable[int]) -> None:
    """Remove all blocks but those of the generations to keep."""
    kept = [EVERY_GENERATION, *keep]
    tx.execute(delete(rollups).where(rollups.c.factory_key == factory_key, rollups.c.generation.not_in(kept)))
