"""Remove raw events that are older than RETENTION_DAYS; no number changes by it (SPEC section 4, Retention)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy import Connection

from factory.domain.errors import Unavailable
from factory.domain.metrics.window import oldest_kept
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.timestamp import HOUR, MINUTE
from factory.operations.derive.generation import drop_build, refuse_while_building
from factory.operations.derive.refresh import read_up_to_date, refresh
from factory.store import factories
from factory.store.derived import retention
from factory.store.engine.database import Store
from factory.store.engine.errors import TryAgain
from factory.store.events import event_log, id_registry
from factory.store.factories import Factory

log = logging.getLogger("factory.background")

_EVENTS_A_SLICE = 20_000


def retain(*, store: Store, factory_id: str, before: int, now: int) -> int:
    """Remove a factory's raw events before an instant (microseconds, a whole minute); how many there were.

    It goes in slices of a transaction each, oldest first, each of which leaves everything right: the server may
    serve meanwhile, and others may do the same at once. Raises NotFound, Unavailable while history is derived anew.
    """
    removed = 0
    # What waits is derived before the slice shuts deliveries out.
    while _reaches_back(read_up_to_date(store=store, factory_id=factory_id, read=lambda tx, factory: factory), before):
        removed += store.retry(lambda: _remove_slice(store, factory_id, before, now))
    return removed


def _reaches_back(factory: Factory, before: int) -> bool:
    return factory.retained_from is None or factory.retained_from < before


def _remove_slice(store: Store, factory_id: str, before: int, now: int) -> int:
    with store.snapshot() as tx:
        key = factories.find(tx, factory_id).factory_key
    # Not a snapshot: it would be older than the wait for those who write events. Behind both locks nothing moves.
    with store.writing() as tx:
        store.dialect.lock_derivation(tx)
        store.dialect.lock_factory(tx, key)
        factory = factories.find(tx, factory_id)
        if factory.factory_key != key:
            raise TryAgain
        if not _reaches_back(factory, before):
            return 0
        refuse_while_building(factory, now)
        drop_build(store, tx, factory)
        refresh(store, tx, factory._replace(building=None))
        workers = [row.worker_key for row in id_registry.rows_of(tx, key, "worker")]
        oldest = retention.oldest_raw(store, tx, key, workers)
        removed = 0
        if oldest is not None and oldest < before:
            low = oldest // MINUTE * MINUTE
            before = min(before, low + _width(store, tx, key, workers, low))
            removed = retention.remove(store, tx, key, workers, low, before)
        factories.change(tx, key, {"retained_from": before})
        return removed


def _width(store: Store, tx: Connection, factory_key: int, workers: list[int], low: int) -> int:
    """Return the length of a slice that begins at `low`: an hour, or fewer minutes where there are many events."""
    counts = event_log.count_in_ranges(store, tx, factory_key, TimeRanges.of_each(workers, low, low + HOUR))
    return max(60 * _EVENTS_A_SLICE // max(int(counts.events.sum()), _EVENTS_A_SLICE), 1) * MINUTE


class BackgroundRetention:
    """Background removal of raw events that have become too old, in all factories.

    Any number of them may share a database: there is one round an hour to find anything, whoever begins it.
    """

    def __init__(self, store: Store, *, days: int, clock: Callable[[], int]) -> None:
        self._store = store.system()
        self._days = days
        self._clock = clock

    def look(self) -> None:
        """Remove what is too old now; a factory whose history is being derived anew waits. Raises Unavailable."""
        now = self._clock()
        before = oldest_kept(self._days, now)
        if before is None:
            return
        with self._store.snapshot() as tx:
            late = [factory for factory in factories.list_factories(tx) if _reaches_back(factory, before)]
        for factory in late:
            try:
                store = self._store.acting_for(factory.organisation_key)
                removed = retain(store=store, factory_id=factory.factory_id, before=before, now=now)
            except Unavailable as error:
                if error.code != "rebuilding":
                    raise
                continue
            log.info("%d raw events removed", removed, extra={"fields": {"factory": factory.factory_id}})
