"""The cells (domain/states/worker_hours.py) that deliveries touched and derived rows do not show yet."""

from __future__ import annotations

import secrets

import numpy as np
from sqlalchemy import Connection, insert, select, text

from factory.domain.states.worker_hours import CELL, Cells
from factory.store.engine.database import Store
from factory.store.engine.postgresql_replica import Condition
from factory.store.schema import pending

_NOTE = insert(pending)

VALID = 0
"""The generation under which deliveries are noted: whichever is valid when they are looked at."""


def note(tx: Connection, factory_key: int, cells: Cells) -> None:
    """Note the cells that events touched, in the transaction that stores them."""
    tx.execute(
        _NOTE,
        {
            "factory_key": factory_key,
            "generation": VALID,
            "pending_key": secrets.randbits(63),
            "cells": cells.tobytes(),
        },
    )


def one_of(tx: Connection, factory_key: int) -> int | None:
    """Return the key of some delivery that is waiting, None when nothing is."""
    mine = (pending.c.factory_key == factory_key) & (pending.c.generation == VALID)
    return tx.execute(select(pending.c.pending_key).where(mine).limit(1)).scalar()


def waiting_in(factory_id: str, organisation: int | None) -> Condition:
    """Return the condition that some delivery is waiting in a factory."""
    return Condition(
        "EXISTS (SELECT FROM factories f JOIN pending p ON p.factory_key = f.factory_key AND p.generation = :valid "
        "WHERE f.organisation_key = :organisation AND f.factory_id = :factory)",
        {"valid": VALID, "organisation": organisation, "factory": factory_id},
    )


def waits(tx: Connection, factory_key: int, pending_key: int) -> bool:
    """Whether that delivery is still waiting."""
    mine = (pending.c.factory_key == factory_key) & (pending.c.generation == VALID)
    return (
        tx.execute(select(pending.c.pending_key).where(mine, pending.c.pending_key == pending_key)).first() is not None
    )


def take(
    store: Store, tx: Connection, factory_key: int, generation: int = VALID, *, hand_on_to: int | None = None
) -> Cells:
    """Remove all deliveries that wait and return their cells.

    With `hand_on_to` they wait for that generation instead of being removed.
    """
    mine = "WHERE factory_key = :factory_key AND generation = :generation RETURNING cells"
    done = "DELETE FROM pending" if hand_on_to is None else "UPDATE pending SET generation = :hand_on_to"
    taken = tx.execute(
        text(f"{done} {mine}"), {"factory_key": factory_key, "generation": generation, "hand_on_to": hand_on_to}
    )
    return np.frombuffer(b"".join(row[0] for row in taken), CELL)
