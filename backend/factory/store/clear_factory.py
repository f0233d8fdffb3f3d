"""Remove all data of a factory; its settings stay."""

from __future__ import annotations

from sqlalchemy import Connection, delete

from factory.store import factories
from factory.store.factories import Factory
from factory.store.schema import events, intervals, model_versions, pending, rollups, sources, workers, workstations


def clear(tx: Connection, site: Factory) -> Factory:
    """Remove events, derived rows and registries, in a transaction that owns the factory.

    A build that is under way finds itself overtaken.
    """
    for table in (pending, rollups, intervals, events, model_versions, sources, workstations, workers):
        tx.execute(delete(table).where(table.c.factory_key == site.factory_key))
    changed = {
        "generation": max(site.generation, site.building or 0) + 1,
        "building": None,
        "building_seen_at": None,
        "registry_epoch": site.registry_epoch + 1,
        "first_event_at": None,
        "last_event_at": None,
    }
    factories.change(tx, site.factory_key, changed)
    return factories.find(tx, site.factory_id)
