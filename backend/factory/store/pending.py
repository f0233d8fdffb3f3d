"""The worker-hours that deliveries touched and derived rows do not show yet.

A *cell* is (worker key, hour number since the epoch, first and last instant touched in it).
"""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, insert, select, update

from factory.domain.timestamp import HOUR
from factory.store.schema import pending

Cells = npt.NDArray[Any]

CELL = np.dtype([("worker", "<i4"), ("first", "<i8"), ("last", "<i8")])

_MOST_DELIVERIES = 2_000
_MOST_EVENTS = 200_000

VALID = 0
"""The generation under which deliveries are noted: whichever is valid when they are looked at."""


def cells_of(worker: npt.NDArray[np.int64], time: npt.NDArray[np.int64]) -> Cells:
    """The cells that events touch."""
    order = np.lexsort((time, worker))
    worker, time = worker[order], time[order]
    hour = time // HOUR
    begins = np.flatnonzero(np.diff(worker, prepend=-1).astype(bool) | np.diff(hour, prepend=-1).astype(bool))
    cells = np.zeros(len(begins), CELL)
    cells["worker"], cells["first"] = worker[begins], time[begins]
    cells["last"] = time[np.append(begins[1:], len(time)) - 1] if len(begins) else 0
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


def take(tx: Connection, factory_key: int, generation: int = VALID, *, hand_on_to: int | None = None) -> Cells:
    """Remove some deliveries, as many as fit into memory, and return their cells; none when nothing waits.

    With `hand_on_to` they wait for that generation instead of being removed.
    """
    mine = (pending.c.factory_key == factory_key) & (pending.c.generation == generation)
    columns = (pending.c.pending_key, pending.c.events, pending.c.cells)
    keys, cells, events = [], [], 0
    for key, count, content in tx.execute(select(*columns).where(mine).limit(_MOST_DELIVERIES)):
        if events and events + count > _MOST_EVENTS:
            break
        keys.append(key)
        cells.append(content)
        events += count
    taken = mine & pending.c.pending_key.in_(keys)
    if hand_on_to is None:
        tx.execute(delete(pending).where(taken))
    else:
        tx.execute(update(pending).where(taken).values(generation=hand_on_to))
    return np.frombuffer(b"".join(cells), CELL)
