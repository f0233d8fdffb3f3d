"""The worker-hours that deliveries touched and derived rows do not show yet.

A *cell* is (worker key, hour number since the epoch, first and last instant touched in it).
"""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, func, insert, select, update

from factory.domain.timestamp import HOUR
from factory.store.schema import pending

Cells = npt.NDArray[Any]

CELL = np.dtype([("worker", "<i4"), ("first", "<i8"), ("last", "<i8")])

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


def note(tx: Connection, factory_key: int, cells: Cells, generation: int = VALID) -> None:
    """Note touched cells, in the transaction that touches them."""
    tx.execute(
        insert(pending).values(
            factory_key=factory_key,
            generation=generation,
            pending_key=secrets.randbits(63),
            cells=cells.tobytes(),
        )
    )


def any_of(tx: Connection, factory_key: int, generation: int = VALID) -> bool:
    """Whether anything is waiting."""
    mine = (pending.c.factory_key == factory_key) & (pending.c.generation == generation)
    return tx.execute(select(pending.c.pending_key).where(mine).limit(1)).first() is not None


def count(tx: Connection, factory_key: int) -> int:
    """How many touched cells wait, counted a delivery each."""
    mine = (pending.c.factory_key == factory_key) & (pending.c.generation == VALID)
    size = tx.execute(select(func.sum(func.length(pending.c.cells))).where(mine)).scalar_one()
    return int(size or 0) // CELL.itemsize


def take(
    tx: Connection, factory_key: int, generation: int = VALID, *, hand_on_to: int | None = None, most: int = 2000
) -> Cells:
    """Remove up to `most` deliveries and return their cells; or hand them on to a generation being built."""
    mine = (pending.c.factory_key == factory_key) & (pending.c.generation == generation)
    rows = tx.execute(select(pending.c.pending_key, pending.c.cells).where(mine).limit(most)).all()
    taken = mine & pending.c.pending_key.in_([row[0] for row in rows])
    if hand_on_to is None:
        tx.execute(delete(pending).where(taken))
    else:
        tx.execute(update(pending).where(taken).values(generation=hand_on_to))
    return np.frombuffer(b"".join(row[1] for row in rows), CELL)
