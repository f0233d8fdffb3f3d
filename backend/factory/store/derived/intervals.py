"""Changes of state, one row each; a row lasts until the worker's next one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, text

from factory.domain.states.intervals import FOREVER, Changes
from factory.domain.states.ranges import take
from factory.domain.states.time_ranges import TimeRanges
from factory.store.engine.database import Store
from factory.store.events.event_log import given_ranges
from factory.store.schema import intervals

Ints = npt.NDArray[np.int64]

_MINE = "{0}.factory_key = :factory_key AND {0}.generation = :generation AND {0}.worker_key = given.worker"


def covering(store: Store, tx: Connection, factory_key: int, generation: int, ranges: TimeRanges) -> Changes:
    """Return the changes inside each range, the last one before it and the first one after it.

    `group` is the row of the range. Ordered by group and start.
    """
    given, parameters = given_ranges(store, ranges)
    inside = store.dialect.for_each(
        "intervals v", f"{_MINE.format('v')} AND v.start_at BETWEEN given.first AND given.last"
    )
    columns = {"given.i": "i8", "v.start_at": "i8", "v.state": "i2", "v.station_key": "i2"}
    found = store.dialect.fetch_columns(
        tx,
        columns,
        "WITH bounds AS MATERIALIZED (SELECT given.i, given.worker, "
        f"coalesce((SELECT max(p.start_at) FROM intervals p WHERE {_MINE.format('p')} "
        "AND p.start_at < given.start_at), given.start_at) AS first, "
        f"coalesce((SELECT min(n.start_at) FROM intervals n WHERE {_MINE.format('n')} "
        f"AND n.start_at >= given.end_at), given.end_at) AS last FROM {given}) "
        f"SELECT {{}} FROM bounds AS given {inside}",
        {"factory_key": factory_key, "generation": generation, **parameters},
    )
    changes = Changes(*found)
    return take(changes, np.lexsort((changes.start, changes.group)))


def last_starts(store: Store, tx: Connection, factory_key: int, generation: int, workers: Ints) -> Ints:
    """Return the start of the last change of each worker, FOREVER where there is none."""
    given, parameters = store.dialect.relation({"worker": workers})
    last = f"coalesce((SELECT max(v.start_at) FROM intervals v WHERE {_MINE.format('v')}), {FOREVER})"
    (starts,) = store.dialect.fetch_columns(
        tx,
        {last: "i8"},
        f"SELECT {{}} FROM {given} ORDER BY i",
        {"factory_key": factory_key, "generation": generation, **parameters},
    )
    return starts


def replace(store: Store, tx: Connection, factory_key: int, generation: int, gone: Changes, new: Changes) -> None:
    """Remove changes and add others; their group is the worker."""
    mine = {"factory_key": factory_key, "generation": generation}
    if len(gone.start):
        given, parameters = store.dialect.relation({"worker": gone.group, "start": gone.start})
        tx.execute(
            text(
                "DELETE FROM intervals WHERE factory_key = :factory_key AND generation = :generation "
                f"AND (worker_key, start_at) IN (SELECT given.worker, given.start FROM {given})"
            ),
            mine | parameters,
        )
    if len(new.start):
        given, parameters = store.dialect.relation(
            {"worker": new.group, "start": new.start, "state": new.state, "station": new.station}
        )
        tx.execute(
            text(
                "INSERT INTO intervals (factory_key, generation, worker_key, start_at, state, station_key) SELECT "
                f":factory_key, :generation, given.worker, given.start, given.state, given.station FROM {given}"
            ),
            mine | parameters,
        )


def copy_before(tx: Connection, factory_key: int, source: int, target: int, workers: list[int], cut: int) -> None:
    """Repeat the changes of the workers before an instant in another generation."""
    tx.execute(
        text(
            "INSERT INTO intervals (factory_key, generation, worker_key, start_at, state, station_key) "
            "SELECT factory_key, :target, worker_key, start_at, state, station_key FROM intervals "
            "WHERE factory_key = :factory_key AND generation = :source AND worker_key = :worker_key AND start_at < :cut"
        ),
        [
            {"factory_key": factory_key, "source": source, "target": target, "worker_key": worker, "cut": cut}
            for worker in workers
        ],
    )


def drop_generation(tx: Connection, factory_key: int, keep: list[int]) -> None:
    """Remove all changes but those of the generations to keep."""
    tx.execute(delete(intervals).where(intervals.c.factory_key == factory_key, intervals.c.generation.not_in(keep)))
