"""What operators watch in the store."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from factory.store.pending import CELL, VALID
from factory.store.schema import factories, organisations, pending


def factories_with_backlog(tx: Connection) -> list[tuple[str, str, int, int | None]]:
    """Of each factory: its organisation's id, its id, how many stretches wait for derived rows, its newest instant."""
    waiting = (
        select(func.sum(func.length(pending.c.cells)))
        .where(pending.c.factory_key == factories.c.factory_key, pending.c.generation == VALID)
        .scalar_subquery()
    )
    rows = tx.execute(
        select(organisations.c.organisation_id, factories.c.factory_id, waiting, factories.c.last_event_at).join_from(
            factories, organisations
        )
    )
    return [(owner, factory, int(size or 0) // CELL.itemsize, newest) for owner, factory, size, newest in rows]
