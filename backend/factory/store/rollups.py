"""Pages of totals: one row for all workers, or all workstations, in one hour, day or month."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, insert, select

from factory.domain.totals import OCCUPANCY, PRESENCE, Page
from factory.store.schema import rollups

KINDS: dict[int, np.dtype[Any]] = {0: PRESENCE, 1: OCCUPANCY, 2: PRESENCE}
PRESENCES, OCCUPANCIES, ABSENCES = 0, 1, 2
"""Totals of workers, totals of stations, and who was absent through a whole month (months only)."""

_KEYS_A_QUERY = 500


def encode(page: Page) -> bytes:
    """A page column by column, packed: most high bytes are zero."""
    return zlib.compress(b"".join(page[name].tobytes() for name in page.dtype.names or ()), 1)


def decode(data: bytes, kind: int) -> Page:
    """The page that was encoded."""
    raw = zlib.decompress(data)
    dtype = KINDS[kind]
    page = np.zeros(len(raw) // dtype.itemsize, dtype)
    place = 0
    for name in dtype.names or ():
        width = dtype[name].itemsize * len(page)
        page[name] = np.frombuffer(raw[place : place + width], dtype[name])
        place += width
    return page


def _mine(factory_key: int, generation: int, kind: int, level: int) -> Any:
    c = rollups.c
    return (c.factory_key == factory_key) & (c.generation == generation) & (c.kind == kind) & (c.level == level)


def load(
    tx: Connection, factory_key: int, generation: int, kind: int, level: int, first: int, end: int
) -> dict[int, Page]:
    """The pages whose bucket starts in [first, end), by start."""
    c = rollups.c
    rows = tx.execute(
        select(c.start_at, c.page)
        .where(_mine(factory_key, generation, kind, level))
        .where(c.start_at >= first, c.start_at < end)
    )
    return {row[0]: decode(row[1], kind) for row in rows}


def load_some(
    tx: Connection, factory_key: int, generation: int, kind: int, level: int, starts: list[int]
) -> dict[int, Page]:
    """The pages of the buckets that start at `starts`, where there are any."""
    c = rollups.c
    found: dict[int, Page] = {}
    for n in range(0, len(starts), _KEYS_A_QUERY):
        some = starts[n : n + _KEYS_A_QUERY]
        rows = tx.execute(
            select(c.start_at, c.page).where(_mine(factory_key, generation, kind, level)).where(c.start_at.in_(some))
        )
        found.update((row[0], decode(row[1], kind)) for row in rows)
    return found


def replace(tx: Connection, factory_key: int, generation: int, kind: int, level: int, pages: dict[int, Page]) -> None:
    """Put pages in the place of those with the same start; an empty page removes it."""
    starts = sorted(pages)
    for n in range(0, len(starts), _KEYS_A_QUERY):
        some = starts[n : n + _KEYS_A_QUERY]
        tx.execute(delete(rollups).where(_mine(factory_key, generation, kind, level), rollups.c.start_at.in_(some)))
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
    tx.execute(delete(rollups).where(rollups.c.factory_key == factory_key, rollups.c.generation.not_in(list(keep))))
