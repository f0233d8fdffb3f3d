"""Answers include every acknowledged event: derived rows are refreshed before they are read."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from factory.domain.errors import FactoryError, Unavailable
from factory.operations.derive.rows import Generation
from factory.operations.derive.states import derive
from factory.operations.derive.zone_rules import (
    calendar_in_use,
    follow_already,
    follow_rules,
    remake_by,
    rows_outdated,
    rules_in_use,
)
from factory.store import factories
from factory.store.derived import pending
from factory.store.engine.database import Store
from factory.store.factories import Factory

T = TypeVar("T")

log = logging.getLogger("factory.refresh")

_WATCHED_FOR_S = 1800
_WATCH_EVERY_S = 60


def read_up_to_date(*, store: Store, factory_id: str, read: Callable[[Connection, Factory], T]) -> T:
    """Run `read` on one snapshot of the database in which nothing waits to be derived, and return its result.

    It may be the replica's: `read` writes nothing, and may be asked again.
    Raises NotFound for an unknown factory, Unavailable when the database is away or overloaded, or what waits cannot
    be derived.
    """

    waiting = pending.waiting_in(factory_id, store.organisation)

    def attempt() -> T:
        for refreshed in (False, True):
            with store.reading(unless=waiting) as tx:
                factory = factories.find(tx, factory_id)
                if not _waits(tx, factory):
                    return read(tx, factory)
            if store.replica is None:
                break
            if not refreshed:  # on the primary; then the replica may do the reading, unless more has come meanwhile
                with _or_unavailable(store):
                    _refresh_one(store, factory_id)
        store.count_on_primary("pending")
        with store.writing_snapshot() as tx:
            store.dialect.lock_derivation(tx)
            with _or_unavailable(store):
                refresh(store, tx, factories.find(tx, factory_id))
            return read(tx, factories.find(tx, factory_id))

    return store.retry(attempt)


@contextmanager
def _or_unavailable(store: Store) -> Iterator[None]:
    """Whatever a refresh fails of, there is no answer until one succeeds, and that may be the next."""
    try:
        with store.translated_db_errors():
            yield
    except FactoryError:
        raise
    except Exception as error:  # the reader is told to come back, the log the whole story
        log.exception("a refresh failed")
        raise Unavailable("The numbers cannot be brought up to date", code="refresh_failed", retry_after=5) from error


def _waits(tx: Connection, factory: Factory) -> bool:
    """Whether a delivery waits to be derived, or the rows follow older time zone rules than this process has."""
    return rows_outdated(factory) or pending.one_of(tx, factory.factory_key) is not None


def refresh(store: Store, tx: Connection, factory: Factory) -> None:
    """Derive all that waits, in a writing snapshot that owns the derived rows; they follow the newest zone rules.

    On a moving view of the events, or when only a part is taken, there are events in sight that are not
    derived yet: they would change intervals whose roll-ups are not made anew for them.
    """
    if rows_outdated(factory):
        factory = follow_rules(store, tx, factory)
    cells = pending.take(store, tx, factory.factory_key, hand_on_to=factory.building)
    if len(cells) == 0:
        return
    factory = follow_rules(store, tx, factory)  # the first rows of all note their rules too
    calendar = calendar_in_use(tx, factory)
    generation = Generation(factory.factory_key, factory.generation, factory.timeout, calendar, factory.retained_from)
    with store.span("refresh derived rows"):
        factories.widen(tx, factory.factory_key, int(cells["first"].min()), int(cells["last"].max()))
        derive(store, tx, generation, cells)


def refresh_all(*, store: Store) -> int:
    """Refresh every factory in which something waits; how many were. Raises Unavailable."""
    with store.system().snapshot() as tx:
        waiting = [factory for factory in factories.list_factories(tx) if _waits(tx, factory)]
    for factory in waiting:
        store.retry(partial(_refresh_one, store.acting_for(factory.organisation_key), factory.factory_id))
    return len(waiting)


def _refresh_one(store: Store, factory_id: str) -> None:
    with store.writing_snapshot() as tx:
        store.dialect.lock_derivation(tx)
        refresh(store, tx, factories.find(tx, factory_id))


class BackgroundRefresher:
    """Refreshes factories in the background, so that readers find little to do.

    Any number of them may share a database: what one has derived, the others do not find again, so that
    there is one refresh an interval, however many look.
    """

    def __init__(self, store: Store) -> None:
        self._store = store.system()
        self._seen: dict[int, int] = {}
        self._began = self._watched = time.monotonic()

    def look(self) -> None:
        """Refresh the factories where what waited at the last look still does, or whose zone rules are old.

        Raises Unavailable.
        """
        with self._store.snapshot() as tx:
            all_factories = factories.list_factories(tx)
            late = [one for one in all_factories if rows_outdated(one) or self._waits_still(tx, one.factory_key)]
        for factory in late:
            store = self._store.acting_for(factory.organisation_key)
            store.retry(partial(_refresh_one, store, factory.factory_id))
        self._remake_rows_of_others(all_factories)
        with self._store.snapshot() as tx:
            waiting = ((factory.factory_key, pending.one_of(tx, factory.factory_key)) for factory in all_factories)
            self._seen = {factory_id: key for factory_id, key in waiting if key is not None}

    def _waits_still(self, tx: Connection, factory_key: int) -> bool:
        return factory_key in self._seen and pending.waits(tx, factory_key, self._seen[factory_key])

    def _remake_rows_of_others(self, known: Sequence[Factory]) -> None:
        """Make anew what a release before this one, which may still serve beside it, derived by other zone rules.

        It does not note its rules. It is stopped within minutes of the start of this one.
        """
        moment = time.monotonic()
        if moment - self._began > _WATCHED_FOR_S or moment - self._watched < _WATCH_EVERY_S:
            return
        self._watched = moment
        for factory in known:
            if factory.first_event_at is not None:
                store = self._store.acting_for(factory.organisation_key)
                store.retry(partial(remake_rows_of_others, store, factory.factory_id))


def remake_rows_of_others(store: Store, factory_id: str) -> bool:
    """Make rows anew that do not follow the zone rules that are noted for the factory; whether there were any."""
    with store.snapshot() as tx:
        factory = factories.find(tx, factory_id)
        if follow_already(store, tx, factory):
            return False
    with store.writing_snapshot() as tx:
        store.dialect.lock_derivation(tx)
        factory = factories.find(tx, factory_id)
        return remake_by(store, tx, factory, rules_in_use(tx, factory))
