"""What operators watch in the store."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from factory.store.pending import CELL, VALID
from factory.store.schema import factories, pending


def factories_with_backlog(tx: Connection) -> list[tuple[str, int, int | None]]:
    """Of each factory: its id, how many stretches wait for derived rows, and the instant of its newest event."""
    waiting = (
        select(func.sum(func.length(pending.c.cells)))
        .where(pending.c.factory_key == factories.c.factory_key, pending.c.generation == VALID)
        .scalar_subquery()
    )
    rows = tx.execute(select(factories.c.factory_id, waiting, factories.c.last_event_at))
    return [(factory, int(size or 0) // CELL.itemsize, newest) for factory, size, newest in rows]
