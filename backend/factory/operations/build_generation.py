"""Derive a factory's rows anew from all raw events, beside those in use, and put them in their place.

The work goes in slices of time, each a transaction of its own, so that the server goes on serving.
Deliveries that arrive meanwhile are refreshed in the valid generation as ever and handed on to the one
being built. The last transaction swaps: no reader ever sees half of either.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import Connection

from factory.domain.calendar import Calendar
from factory.domain.errors import Unavailable
from factory.domain.timestamp import DAY, HOUR, MINUTE
from factory.operations.derive import Target, derive
from factory.operations.refresh_derived import refresh
from factory.store import event_log, factories, intervals, pending, registries, rollups
from factory.store.database import Store
from factory.store.factories import Factory

_ABANDONED_AFTER = 2 * MINUTE
_EVENTS_A_SLICE = 200_000

Progress = Callable[[int, int], None]
Compare = Callable[[Connection, Factory, int], Any]


def build_generation(
    *,
    store: Store,
    factory: str,
    now: int,
    settings: dict[str, Any] | None = None,
    progress: Progress | None = None,
    compare: Compare | None = None,
) -> Any:
    """Build all derived rows under `settings` (columns of the factory that change) and put them in use.

    With `compare`, they are not put in use: its answer, given (transaction, factory, generation), is
    returned. `progress` is told (slices done, slices). Raises NotFound, Unavailable while another build
    is under way.
    """
    site = store.retry(lambda: _begin(store, factory, now))
    assert site.building is not None
    changed = site._replace(**(settings or {}))
    target = Target(site.factory_key, site.building, changed.timeout, Calendar(changed.time_zone))
    began = time.monotonic_ns()
    try:
        slices = store.retry(lambda: _slices(store, site))
        for n, (low, high) in enumerate(slices, start=1):
            seen_at = now + (time.monotonic_ns() - began) // 1000
            store.retry(partial(_build_slice, store, target, low, high, seen_at))
            if progress is not None:
                progress(n, len(slices))
        return store.retry(lambda: _finish(store, factory, target, settings or {}, compare))
    finally:
        store.retry(lambda: _clear(store, factory, target.generation))


def _begin(store: Store, factory: str, now: int) -> Factory:
    with store.writing_snapshot() as tx:
        store.dialect.own_derived(tx)
        site = factories.find(tx, factory)
        if site.building is not None and now - (site.building_seen_at or 0) < _ABANDONED_AFTER:
            raise Unavailable("The factory's history is being derived anew", code="rebuilding", retry_after=5)
        refresh(store, tx, site._replace(building=None))
        generation = max(site.generation, site.building or 0) + 1
        _drop_all_but(tx, site.factory_key, [site.generation])
        factories.change(tx, site.factory_key, {"building": generation, "building_seen_at": now})
        return factories.find(tx, factory)


def _slices(store: Store, site: Factory) -> list[tuple[int, int]]:
    """Stretches [low, high] of time that hold a bounded number of events each."""
    if site.first_event_at is None or site.last_event_at is None:
        return []
    with store.snapshot() as tx:
        slices: list[tuple[int, int]] = []
        low, weight = site.first_event_at // HOUR * HOUR, 0
        for hour, count in event_log.events_by_hour(tx, site.factory_key):
            if weight and (weight + count > _EVENTS_A_SLICE or hour * HOUR - low > 31 * DAY):
                slices.append((low, hour * HOUR - 1))
                low, weight = hour * HOUR, 0
            weight += count
        return [*slices, (low, site.last_event_at)]


def _build_slice(store: Store, target: Target, low: int, high: int, seen_at: int) -> None:
    with store.writing_snapshot() as tx:
        store.dialect.own_derived(tx)
        workers = [row[0] for row in registries.rows_of(tx, target.factory_key, "worker")]
        derive(store, tx, target, event_log.cells_between(store, tx, target.factory_key, workers, low, high))
        factories.change(tx, target.factory_key, {"building_seen_at": seen_at})


def _finish(store: Store, factory: str, target: Target, settings: dict[str, Any], compare: Compare | None) -> Any:
    with store.writing_snapshot() as tx:
        store.dialect.own_derived(tx)
        site = factories.find(tx, factory)
        if site.building != target.generation:
            raise Unavailable("Another build took over", code="rebuilding", retry_after=5)
        refresh(store, tx, site)
        derive(store, tx, target, pending.take(store, tx, site.factory_key, target.generation))
        if compare is not None:
            return compare(tx, site, target.generation)
        factories.change(tx, site.factory_key, settings | {"generation": target.generation})
        return None


def _clear(store: Store, factory: str, generation: int) -> None:
    with store.writing() as tx:
        site = factories.find(tx, factory)
        if site.building == generation:
            factories.change(tx, site.factory_key, {"building": None, "building_seen_at": None})
            pending.take(store, tx, site.factory_key, generation)
            _drop_all_but(tx, site.factory_key, [site.generation])


def _drop_all_but(tx: Connection, factory_key: int, keep: list[int]) -> None:
    intervals.drop_generation(tx, factory_key, keep)
    rollups.drop_generation(tx, factory_key, keep)
