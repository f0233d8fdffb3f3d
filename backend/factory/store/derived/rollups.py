"""Pages of totals: one row for all workers, or all workstations, in one hour, day or month.

A page lies in the database column by column, each in the narrowest width that holds it less its smallest
value: most are counts, or times within an hour. A column is decoded without the others, and those of many
pages at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, insert, select, text

from factory.domain.states.totals import KEPT, OCCUPANCY, PRESENCE, Page
from factory.store.engine.database import Store
from factory.store.schema import rollups

Ints = npt.NDArray[np.int64]

KINDS: dict[int, np.dtype[Any]] = {0: PRESENCE, 1: OCCUPANCY, 2: PRESENCE, 3: KEPT}
PRESENCES, OCCUPANCIES, ABSENCES, KEPT_EVENTS = 0, 1, 2, 3
"""Totals of workers, totals of stations, who was absent through a whole month (months only), and what stays of

removed raw events (store/derived/retention.py)."""

EVERY_GENERATION = 0
"""Of it are pages that are not derived: they go with any generation."""

_KEYS_A_QUERY = 500
_WIDTHS = {0: 0, 1: 1, 2: 2, 3: 4, 4: 4}
"""Bytes of a column by the bytes of its largest value; 8 beyond."""
_STORED = {width: np.dtype(f"<u{width}") for width in (1, 2, 4, 8)}


def _head(dtype: np.dtype[Any]) -> np.dtype[Any]:
    columns = len(dtype.names or ())
    return np.dtype([("rows", "<u4"), ("width", "u1", (columns,)), ("least", "<i8", (columns,))])


def encode(page: Page) -> bytes:
    """A page of one row or more.

    The first column ascends: less the number of the row, nothing is left of it where keys are dense.
    """
    head = np.zeros(1, _head(page.dtype))
    head["rows"] = len(page)
    parts = []
    for n, name in enumerate(page.dtype.names or ()):
        column = page[name].astype(np.int64)
        if n == 0:
            column -= np.arange(len(page))
        least = int(column.min())
        width = _WIDTHS.get((int(column.max() - least).bit_length() + 7) // 8, 8)
        head["least"][0, n], head["width"][0, n] = least, width
        if width:
            parts.append((column - least).astype(_STORED[width]).tobytes())
    return head.tobytes() + b"".join(parts)


class Pages:
    """Pages of one kind as they were stored, in the order of their starts."""

    def __init__(self, kind: int, stored: Iterable[tuple[int, bytes | memoryview]]) -> None:
        self._names = KINDS[kind].names or ()
        rows = sorted(stored, key=itemgetter(0))
        self._stored = [page for _, page in rows]
        head = _head(KINDS[kind])
        heads = np.frombuffer(b"".join([page[: head.itemsize] for page in self._stored]), head)
        self.start: Ints = np.array([start for start, _ in rows], dtype=np.int64)
        self.rows: Ints = heads["rows"].astype(np.int64)
        self._width, self._least = heads["width"], heads["least"]
        length = self._width * self.rows[:, None]
        self._first = head.itemsize + np.cumsum(length, axis=1) - length

    def __getitem__(self, name: str) -> Ints:
        """A column of all pages, one behind the other."""
        n = self._names.index(name)
        values = np.zeros(int(self.rows.sum()), dtype=np.int64)
        number = np.arange(int(self.rows.max(initial=0)) if n == 0 else 0)
        of_pages = (column.tolist() for column in (self.rows, self._width[:, n], self._first[:, n], self._least[:, n]))
        end = 0
        for page, rows, width, first, least in zip(self._stored, *of_pages, strict=True):
            end += rows
            column = values[end - rows : end]
            if width:
                column[:] = np.frombuffer(page, _STORED[width], rows, first)
            if least:
                column += least
            if n == 0:
                column += number[:rows]
        return values


def _decoded(kind: int, stored: Sequence[tuple[int, bytes | memoryview]]) -> dict[int, Page]:
    pages = Pages(kind, stored)
    rows = np.empty(int(pages.rows.sum()), KINDS[kind])
    for name in rows.dtype.names or ():
        rows[name] = pages[name]
    ends = np.cumsum(pages.rows).tolist()
    return {
        start: rows[end - n : end]
        for start, end, n in zip(pages.start.tolist(), ends, pages.rows.tolist(), strict=True)
    }


def decode(data: bytes, kind: int) -> Page:
    """The page that was encoded."""
    return _decoded(kind, [(0, data)])[0]


def mine(factory_key: int, generation: int, kind: int, level: int) -> Any:
    """The condition of pages of one kind and level."""
    c = rollups.c
    return (c.factory_key == factory_key) & (c.generation == generation) & (c.kind == kind) & (c.level == level)


def load_runs(
    store: Store, tx: Connection, factory_key: int, generation: int, runs: Iterable[tuple[int, int, int, int]]
) -> dict[int, Pages]:
    """The pages whose bucket starts in one of the runs (kind, level, first, end), by kind."""
    columns = zip(*runs, strict=True)
    given, parameters = store.dialect.relation(dict(zip(("kind", "level", "first", "until"), columns, strict=True)))
    mine = (
        "r.factory_key = :factory_key AND r.generation = :generation AND r.kind = given.kind "
        "AND r.level = given.level AND r.start_at >= given.first AND r.start_at < given.until"
    )
    select_pages = f"SELECT r.kind, r.start_at, r.page FROM {given} {store.dialect.for_each('rollups r', mine)}"
    rows = store.dialect.fetch_pages(
        tx, select_pages, {"factory_key": factory_key, "generation": generation, **parameters}
    )
    return {kind: Pages(kind, [row[1:] for row in rows if row[0] == kind]) for kind in KINDS}


# The run stands in a relation of its own: for numbers that it sees, PostgreSQL would look into statistics
# that are older than most pages, and read the whole table.
_RUN = """WITH run AS MATERIALIZED (SELECT CAST(:kind AS SMALLINT) AS kind, CAST(:level AS SMALLINT) AS level,
        CAST(:first AS BIGINT) AS first, CAST(:end AS BIGINT) AS last)
    SELECT r.start_at, r.page FROM run CROSS JOIN rollups r
    WHERE r.factory_key = :factory_key AND r.generation = :generation AND r.kind = run.kind AND r.level = run.level
    AND r.start_at >= run.first AND r.start_at < run.last"""


def load(
    tx: Connection, factory_key: int, generation: int, kind: int, level: int, first: int, end: int
) -> dict[int, Page]:
    """The pages whose bucket starts in [first, end), by start."""
    run = {"kind": kind, "level": level, "first": first, "end": end}
    rows = tx.execute(text(_RUN), {"factory_key": factory_key, "generation": generation, **run})
    return _decoded(kind, [(row[0], row[1]) for row in rows])


def load_some(
    tx: Connection, factory_key: int, generation: int, kind: int, level: int, starts: list[int]
) -> dict[int, Page]:
    """The pages of the buckets that start at `starts`, where there are any."""
    c = rollups.c
    found: list[Any] = []
    for n in range(0, len(starts), _KEYS_A_QUERY):
        some = starts[n : n + _KEYS_A_QUERY]
        found += tx.execute(
            select(c.start_at, c.page).where(mine(factory_key, generation, kind, level)).where(c.start_at.in_(some))
        )
    return _decoded(kind, [(row[0], row[1]) for row in found])


def replace(tx: Connection, factory_key: int, generation: int, kind: int, level: int, pages: dict[int, Page]) -> None:
    """Put pages in the place of those with the same start; an empty page removes it."""
    starts = sorted(pages)
    for n in range(0, len(starts), _KEYS_A_QUERY):
        some = starts[n : n + _KEYS_A_QUERY]
        tx.execute(delete(rollups).where(mine(factory_key, generation, kind, level), rollups.c.start_at.in_(some)))
        rows = [
            {
                "factory_key": factory_key,
                "generation": generation,
                "kind": kind,
                "level": level,
                "start_at": start,
                "page": encode(pages[start]),
            }
            for start in some
            if len(pages[start])
        ]
        if rows:
            tx.execute(insert(rollups), rows)


def drop_generation(tx: Connection, factory_key: int, keep: Iterable[int]) -> None:
    """Remove all pages but those of the generations to keep."""
    kept = [EVERY_GENERATION, *keep]
    tx.execute(delete(rollups).where(rollups.c.factory_key == factory_key, rollups.c.generation.not_in(kept)))
