"""What operators watch in the store."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from factory.store.schema import factories, pending


def factories_with_backlog(tx: Connection) -> list[tuple[str, int, int | None]]:
    """Of each factory: its id, how many deliveries wait for derived rows, and the instant of its newest event."""
    waiting = (
        select(func.count())
        .where(pending.c.factory_key == factories.c.factory_key, pending.c.generation == 0)
        .scalar_subquery()
    )
    rows = tx.execute(select(factories.c.factory_id, waiting, factories.c.last_event_at))
    return [(factory, count, newest) for factory, count, newest in rows]
