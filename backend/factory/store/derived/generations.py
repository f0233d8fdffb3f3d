"""The differences between two generations of a factory's derived rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection, text

from factory.store.derived import rollups

_STATIONS = 65536
"""More than the largest station key: a state and a station are one number in the comparison."""
_LEVELS = ("hour", "day", "month")
_BLOCKS = ("worker totals", "station totals", "absences")


class Difference(NamedTuple):
    """A row that differs, its instant, and the two contents ('' where the row is missing)."""

    what: str
    start: int
    stored: str
    derived: str


def differences(tx: Connection, factory_key: int, stored: int, derived: int, most: int) -> list[Difference]:
    """Up to `most` differences between the generation in use and one derived anew."""
    generations = {"factory_key": factory_key, "stored": stored, "derived": derived}
    return list(islice(_all(tx, generations), most))


def _all(tx: Connection, generations: dict[str, int]) -> Iterator[Difference]:
    rows = tx.execute(
        text(
            "SELECT worker_key, start_at, max(stored), max(derived) FROM (SELECT worker_key, start_at, "
            f"CASE WHEN generation = :stored THEN state * {_STATIONS} + station_key END AS stored, "
            f"CASE WHEN generation = :derived THEN state * {_STATIONS} + station_key END AS derived "
            "FROM intervals WHERE factory_key = :factory_key AND generation IN (:stored, :derived)) AS v "
            "GROUP BY worker_key, start_at "
            "HAVING coalesce(max(stored), -1) <> coalesce(max(derived), -1) ORDER BY worker_key, start_at"
        ),
        generations,
    )
    for worker, start, *codes in rows:
        shown = ["" if c is None else f"state {c // _STATIONS} at station key {c % _STATIONS}" for c in codes]
        yield Difference(f"interval of worker key {worker}", start, shown[0], shown[1])
    side = "(SELECT * FROM rollups WHERE factory_key = :factory_key AND generation = :{0}) {0}"
    stored, derived = side.format("stored"), side.format("derived")
    same = "stored.kind = derived.kind AND stored.level = derived.level AND stored.start_at = derived.start_at"
    blocks = tx.execute(
        text(
            "SELECT derived.kind, derived.level, derived.start_at, stored.page, derived.page "
            f"FROM {derived} LEFT JOIN {stored} ON {same} WHERE stored.page IS NULL OR stored.page <> derived.page "
            "UNION ALL SELECT stored.kind, stored.level, stored.start_at, stored.page, derived.page "
            f"FROM {stored} LEFT JOIN {derived} ON {same} WHERE derived.page IS NULL ORDER BY 1, 2, 3"
        ),
        generations,
    )
    for kind, level, start, *contents in blocks:
        shown = ["" if block is None else str(rollups.decode_block(block, kind)) for block in contents]
        if shown[0] != shown[1]:
            yield Difference(f"{_BLOCKS[kind]} of the {_LEVELS[level]}", start, shown[0][:200], shown[1][:200])
