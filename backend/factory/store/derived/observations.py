"""Facts about factories that operators watch."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from factory.domain.states.worker_hours import CELL
from factory.store.derived.pending import VALID
from factory.store.schema import factories, organisations, pending


class ObservedFactory(NamedTuple):
    """A factory as operators watch it; `newest` is the instant of its newest event, `shifts` are JSON."""

    organisation_key: int
    organisation: str
    factory_id: str
    time_zone: str
    shifts: str
    newest: int | None
    waiting: int
    """Hours of workers whose derived rows wait to be made."""


def observed_factories(tx: Connection) -> list[ObservedFactory]:
    """All factories that the transaction sees."""
    waiting = (
        select(func.coalesce(func.sum(func.length(pending.c.cells)), 0))
        .where(pending.c.factory_key == factories.c.factory_key, pending.c.generation == VALID)
        .scalar_subquery()
    )
    columns = (
        organisations.c.organisation_key,
        organisations.c.organisation_id,
        factories.c.factory_id,
        factories.c.time_zone,
        factories.c.shifts,
        factories.c.last_event_at,
        waiting,
    )
    rows = tx.execute(select(*columns).join_from(factories, organisations))
    return [
        ObservedFactory(key, organisation, factory_id, zone, shifts, newest, int(size) // CELL.itemsize)
        for key, organisation, factory_id, zone, shifts, newest, size in rows
    ]
