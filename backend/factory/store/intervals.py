"""Changes of state, one row each; a row lasts until the worker's next one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, insert, text

from factory.domain.intervals import FOREVER, Changes
from factory.store.database import Store
from factory.store.event_log import Stretches
from factory.store.schema import intervals

Ints = npt.NDArray[np.int64]

_MINE = "{0}.factory_key = :factory_key AND {0}.generation = :generation AND {0}.worker_key = given.worker"


def covering(store: Store, tx: Connection, factory_key: int, generation: int, stretches: Stretches) -> Changes:
    """The changes inside each stretch, the last one before it and the first one after it.

    `group` is the row of the stretch. Ordered by group and start.
    """
    given, parameters = store.dialect.relation(stretches._asdict())
    rows = tx.execute(
        text(
            "SELECT given.i, v.start_at, v.state, v.station_key "
            f"FROM {given} CROSS JOIN intervals v WHERE {_MINE.format('v')} "
            f"AND v.start_at >= coalesce((SELECT max(p.start_at) FROM intervals p WHERE {_MINE.format('p')} "
            "AND p.start_at < given.low), given.low) "
            f"AND v.start_at <= coalesce((SELECT min(n.start_at) FROM intervals n WHERE {_MINE.format('n')} "
            "AND n.start_at > given.high), given.high)"
        ),
        {"factory_key": factory_key, "generation": generation, **parameters},
    ).all()
    columns = [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)] or [np.empty(0, np.int64)] * 4
    changes = Changes(*columns)
    return changes.take(np.lexsort((changes.start, changes.group)))


def last_starts(store: Store, tx: Connection, factory_key: int, generation: int, workers: Ints) -> Ints:
    """The start of the last change of each worker, FOREVER where there is none."""
    given, parameters = store.dialect.relation({"worker": workers})
    rows = tx.execute(
        text(f"SELECT (SELECT max(v.start_at) FROM intervals v WHERE {_MINE.format('v')}) FROM {given} ORDER BY i"),
        {"factory_key": factory_key, "generation": generation, **parameters},
    )
    return np.array([FOREVER if row[0] is None else row[0] for row in rows], dtype=np.int64)


def ends_of_history(
    store: Store, tx: Connection, factory_key: int, generation: int, workers: Ints
) -> list[tuple[int, int | None, int | None, int | None, int | None]]:
    """(worker, start of the first change; start, state and station of the last) of each worker."""
    given, parameters = store.dialect.relation({"worker": workers})
    rows = tx.execute(
        text(
            "SELECT e.worker, e.first, v.start_at, v.state, v.station_key FROM (SELECT given.worker AS worker, "
            f"(SELECT min(v.start_at) FROM intervals v WHERE {_MINE.format('v')}) AS first, "
            f"(SELECT max(v.start_at) FROM intervals v WHERE {_MINE.format('v')}) AS last FROM {given}) AS e "
            "LEFT JOIN intervals v ON v.factory_key = :factory_key AND v.generation = :generation "
            "AND v.worker_key = e.worker AND v.start_at = e.last ORDER BY e.worker"
        ),
        {"factory_key": factory_key, "generation": generation, **parameters},
    )
    return [tuple(row) for row in rows]


def replace(
    tx: Connection,
    factory_key: int,
    generation: int,
    gone: list[tuple[int, int]],
    new: list[tuple[int, int, int, int]],
) -> None:
    """Remove the changes (worker, start) and add the changes (worker, start, state, station)."""
    if gone:
        tx.execute(
            text(
                "DELETE FROM intervals WHERE factory_key = :factory_key AND generation = :generation "
                "AND worker_key = :worker AND start_at = :start"
            ),
            [_key(factory_key, generation) | {"worker": worker, "start": start} for worker, start in gone],
        )
    if new:
        tx.execute(
            insert(intervals),
            [
                _key(factory_key, generation)
                | {"worker_key": worker, "start_at": start, "state": state, "station_key": station}
                for worker, start, state, station in new
            ],
        )


def drop_generation(tx: Connection, factory_key: int, keep: list[int]) -> None:
    """Remove all changes but those of the generations to keep."""
    tx.execute(delete(intervals).where(intervals.c.factory_key == factory_key, intervals.c.generation.not_in(keep)))


def _key(factory_key: int, generation: int) -> dict[str, Any]:
    return {"factory_key": factory_key, "generation": generation}
