"""Answers include every acknowledged event: derived rows are refreshed before they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from factory.domain.calendar import Calendar
from factory.operations.derive import Target, derive
from factory.store import factories, pending
from factory.store.database import Store, TryAgain
from factory.store.factories import Factory

T = TypeVar("T")


def read_exactly(*, store: Store, factory: str, read: Callable[[Connection, Factory], T]) -> T:
    """What `read` returns on one snapshot of the database in which nothing waits to be derived.

    Raises NotFound for an unknown factory, Unavailable when the database is away or overloaded.
    """

    def attempt() -> T:
        with store.snapshot() as tx:
            site = factories.find(tx, factory)
            if not pending.any_of(tx, site.factory_key):
                return read(tx, site)
        with store.writing_snapshot() as tx:
            store.dialect.own_derived(tx)
            refresh(store, tx, factories.find(tx, factory))
            return read(tx, factories.find(tx, factory))

    return store.retry(attempt)


def refresh(store: Store, tx: Connection, site: Factory) -> None:
    """Derive all that waits, in a writing snapshot that owns the derived rows.

    On a moving view of the events, one that comes in between would change intervals whose pages are not
    made anew for it.
    """
    target = Target(site.factory_key, site.generation, site.timeout, Calendar(site.time_zone))
    while len(cells := pending.take(store, tx, site.factory_key, hand_on_to=site.building)):
        factories.widen(tx, site.factory_key, int(cells["first"].min()), int(cells["last"].max()))
        derive(store, tx, target, cells)


def refresh_all(*, store: Store) -> int:
    """Refresh every factory in which something waits; how many were."""
    refreshed = 0
    with store.snapshot() as tx:
        waiting = [site for site in factories.all_of(tx) if pending.any_of(tx, site.factory_key)]
    for site in waiting:
        try:
            with store.writing_snapshot() as tx:
                store.dialect.own_derived(tx)
                refresh(store, tx, factories.find(tx, site.factory_id))
                refreshed += 1
        except TryAgain:
            continue
    return refreshed
