"""Removal of all data of a factory but its settings and the marks of erased ids."""

from __future__ import annotations

from sqlalchemy import Connection, delete

from factory.store import factories
from factory.store.factories import Factory
from factory.store.schema import derivation_lock, erased_workers, exists_on, metadata, organisations
from factory.store.schema import factories as settings_of_factories

_KEPT = (settings_of_factories, organisations, derivation_lock, erased_workers)


def clear(tx: Connection, factory: Factory) -> Factory:
    """Remove events, derived rows and registries, in a transaction that holds `lock_factory`; return the changed row.

    The generation number rises, so that a build in progress is dropped.
    """
    for table in reversed(metadata.sorted_tables):
        if table not in _KEPT and not table.info.get("access") and exists_on(table, tx.dialect.name):
            tx.execute(delete(table).where(table.c.factory_key == factory.factory_key))
    changed = {
        "generation": max(factory.generation, factory.building or 0) + 1,
        "building": None,
        "building_seen_at": None,
        "registry_epoch": factory.registry_epoch + 1,
        "first_event_at": None,
        "last_event_at": None,
        "retained_from": None,
    }
    factories.change(tx, factory.factory_key, changed)
    return factories.find(tx, factory.factory_id)
