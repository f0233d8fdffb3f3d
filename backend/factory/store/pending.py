"""The worker-hours that deliveries touched and derived rows do not show yet.

A *cell* is (worker key, hour number since the epoch, first and last instant touched in it).
"""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, insert, select, text

from factory.domain.ranges import begins
from factory.domain.timestamp import HOUR
from factory.store.database import Store
from factory.store.schema import pending

Cells = npt.NDArray[Any]

CELL = np.dtype([("worker", "<i4"), ("first", "<i8"), ("last", "<i8")])

_MOST_EVENTS = 200_000

VALID = 0
"""The generation under which deliveries are noted: whichever is valid when they are looked at."""


def cells_of(worker: npt.NDArray[np.int64], time: npt.NDArray[np.int64]) -> Cells:
    """The cells that events touch."""
    order = np.lexsort((time, worker))
    worker, time = worker[order], time[order]
    hour = time // HOUR
    first = np.flatnonzero(begins(worker, hour))
    cells = np.zeros(len(first), CELL)
    cells["worker"], cells["first"] = worker[first], time[first]
    cells["last"] = time[np.append(first[1:], len(time)) - 1] if len(first) else 0
    return cells


def note(tx: Connection, factory_key: int, cells: Cells, events: int) -> None:
    """Note the cells that so many events touched, in the transaction that stores them."""
    tx.execute(
        insert(pending).values(
            factory_key=factory_key,
            generation=VALID,
            pending_key=secrets.randbits(63),
            events=events,
            cells=cells.tobytes(),
        )
    )


def any_of(tx: Connection, factory_key: int) -> bool:
    """Whether anything is waiting."""
    mine = (pending.c.factory_key == factory_key) & (pending.c.generation == VALID)
    return tx.execute(select(pending.c.pending_key).where(mine).limit(1)).first() is not None


def take(
    store: Store, tx: Connection, factory_key: int, generation: int = VALID, *, hand_on_to: int | None = None
) -> Cells:
    """Remove some deliveries, as many as fit into memory, and return their cells; none when nothing waits.

    With `hand_on_to` they wait for that generation instead of being removed.
    """
    mine = (pending.c.factory_key == factory_key) & (pending.c.generation == generation)
    waiting = tx.execute(select(pending.c.pending_key, pending.c.events).where(mine).limit(_MOST_EVENTS)).all()
    if not waiting:
        return np.empty(0, CELL)
    keys, events = np.array([tuple(row) for row in waiting], dtype=np.int64).T
    some = max(int(np.searchsorted(np.cumsum(events), _MOST_EVENTS, side="right")), 1)
    given, parameters = store.dialect.relation({"key": keys[:some]})
    done = "DELETE FROM pending" if hand_on_to is None else "UPDATE pending SET generation = :hand_on_to"
    taken = tx.execute(
        text(
            f"{done} WHERE factory_key = :factory_key AND generation = :generation "
            f"AND pending_key IN (SELECT given.key FROM {given}) RETURNING cells"
        ),
        {"factory_key": factory_key, "generation": generation, "hand_on_to": hand_on_to, **parameters},
    )
    return np.frombuffer(b"".join(row[0] for row in taken), CELL)
