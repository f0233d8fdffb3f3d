"""Derive a factory's rows anew from all that is kept, beside those in use, and put them in their place.

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

from factory.domain.errors import Unavailable
from factory.domain.states.calendar import Calendar
from factory.domain.states.time_ranges import TimeRange
from factory.domain.states.zone_rules import ZoneRules
from factory.domain.timestamp import DAY, HOUR, MINUTE
from factory.operations.derive.refresh import refresh
from factory.operations.derive.retained_history import copy_retained_states, roll_up_retained
from factory.operations.derive.rows import Generation
from factory.operations.derive.states import derive
from factory.operations.derive.zone_rules import noted, rules_in_use
from factory.store import factories
from factory.store.derived import intervals, pending, retention, rollups
from factory.store.engine.database import Store
from factory.store.events import event_log, id_registry
from factory.store.factories import Factory

_ABANDONED_AFTER = 2 * MINUTE
_EVENTS_A_SLICE = 200_000
_BYTES_A_SLICE = 1_000_000
_WORKERS_A_SLICE = 100

Progress = Callable[[int, int], None]
Compare = Callable[[Connection, Factory, int], Any]
OnSwitch = Callable[[Connection, Factory], None]
_Step = Callable[[Connection], None]


def build_generation(
    *,
    store: Store,
    factory_id: str,
    now: int,
    settings: dict[str, Any] | None = None,
    progress: Progress | None = None,
    compare: Compare | None = None,
    on_switch: OnSwitch | None = None,
) -> Any:
    """Build all derived rows under `settings` (columns of the factory that change) and put them in use.

    `on_switch` is called in the transaction that puts them in use, with the factory as it was.
    With `compare`, they are not put in use: its answer, given (transaction, factory, generation), is
    returned. `progress` is called with (slices done, slices). Raises NotFound, Unavailable while another build
    is under way.
    """
    factory = store.retry(lambda: _begin(store, factory_id, now))
    assert factory.building is not None
    changed = factory._replace(**(settings or {}))
    rules = store.retry(lambda: _rules(store, changed))
    generation = Generation(
        factory.factory_key, factory.building, changed.timeout, Calendar(rules), factory.retained_from
    )
    began = time.monotonic_ns()
    try:
        steps = store.retry(lambda: _steps(store, factory, generation))
        for n, step in enumerate(steps, start=1):
            seen_at = now + (time.monotonic_ns() - began) // 1000
            store.retry(partial(_take, store, generation, step, seen_at))
            if progress is not None:
                progress(n, len(steps))
        columns = {**(settings or {}), **noted(rules)}
        return store.retry(lambda: _finish(store, factory_id, generation, columns, compare, on_switch))
    finally:
        store.retry(lambda: _clear(store, factory_id, generation.number))


def _rules(store: Store, factory: Factory) -> ZoneRules:
    with store.snapshot() as tx:
        return rules_in_use(tx, factory)


def rebuild_derived(*, store: Store, factory_id: str, now: int, progress: Progress | None = None) -> None:
    """Derive a factory's rows anew while the server serves; raises NotFound, Unavailable."""
    build_generation(store=store, factory_id=factory_id, now=now, progress=progress)


def _begin(store: Store, factory_id: str, now: int) -> Factory:
    with store.writing_snapshot() as tx:
        store.dialect.lock_derivation(tx)
        factory = factories.find(tx, factory_id)
        refuse_while_building(factory, now)
        refresh(store, tx, factory._replace(building=None))
        number = max(factory.generation, factory.building or 0) + 1
        _drop_all_but(tx, factory.factory_key, [factory.generation])
        factories.change(tx, factory.factory_key, {"building": number, "building_seen_at": now})
        return factories.find(tx, factory_id)


def refuse_while_building(factory: Factory, now: int) -> None:
    """Raise Unavailable while a build is under way; one whose process died is not."""
    if factory.building is not None and now - (factory.building_seen_at or 0) < _ABANDONED_AFTER:
        raise Unavailable("The factory's history is being derived anew", code="rebuilding", retry_after=5)


def _steps(store: Store, factory: Factory, generation: Generation) -> list[_Step]:
    """List the work in bounded steps: first the time before the cut of retention, then the events."""
    first, last = factory.first_event_at, factory.last_event_at
    if first is None or last is None:
        return []
    steps: list[_Step] = []
    with store.snapshot() as tx:
        cut = factory.retained_from
        if cut is not None and first < cut:
            workers = [row.worker_key for row in id_registry.rows_of(tx, factory.factory_key, "worker")]
            for n in range(0, len(workers), _WORKERS_A_SLICE):
                some = workers[n : n + _WORKERS_A_SLICE]
                steps.append(partial(_carry, store, generation, factory.generation, some))
            weights = retention.weights(tx, factory.factory_key)
            # A state from before the cut lasts for a timeout at most, or without end.
            for period in _slices(weights, _BYTES_A_SLICE, first, cut + generation.timeout):
                steps.append(partial(_add_up, store, generation, workers, period))
        hours = event_log.events_by_hour(tx, factory.factory_key)
        steps += [
            partial(_derive, store, generation, period)
            for period in _slices(hours, _EVENTS_A_SLICE, max(first, cut or first), (last // HOUR + 1) * HOUR)
        ]
    return steps


def _slices(weights: list[tuple[int, int]], most: int, first: int, end: int) -> list[TimeRange]:
    """Ranges of time, from the hour of `first` to `end`, of a bounded weight each.

    `weights` are (hour since the epoch, weight).
    """
    slices: list[TimeRange] = []
    start, weight = first // HOUR * HOUR, 0
    for hour, more in weights:
        if weight and (weight + more > most or hour * HOUR - start > 31 * DAY):
            slices.append((start, hour * HOUR))
            start, weight = hour * HOUR, 0
        weight += more
    return [*slices, (start, end)]


def _carry(store: Store, generation: Generation, source: int, workers: list[int], tx: Connection) -> None:
    copy_retained_states(store, tx, generation, source, workers)


def _add_up(store: Store, generation: Generation, workers: list[int], period: TimeRange, tx: Connection) -> None:
    roll_up_retained(store, tx, generation, workers, *period)


def _derive(store: Store, generation: Generation, period: TimeRange, tx: Connection) -> None:
    workers = [row.worker_key for row in id_registry.rows_of(tx, generation.factory_key, "worker")]
    derive(store, tx, generation, event_log.cells_between(store, tx, generation.factory_key, workers, *period))


def _take(store: Store, generation: Generation, step: _Step, seen_at: int) -> None:
    with store.writing_snapshot() as tx:
        store.dialect.lock_derivation(tx)
        step(tx)
        factories.change(tx, generation.factory_key, {"building_seen_at": seen_at})


def _finish(
    store: Store,
    factory_id: str,
    generation: Generation,
    settings: dict[str, Any],
    compare: Compare | None,
    on_switch: OnSwitch | None,
) -> Any:
    with store.writing_snapshot() as tx:
        store.dialect.lock_derivation(tx)
        factory = factories.find(tx, factory_id)
        if factory.building != generation.number:
            raise Unavailable("Another build took over", code="rebuilding", retry_after=5)
        refresh(store, tx, factory)
        derive(store, tx, generation, pending.take(store, tx, factory.factory_key, generation.number))
        if compare is not None:
            if factories.find(tx, factory_id).zone_rules not in (None, generation.calendar.rules.name):
                raise Unavailable("The time zone data changed meanwhile", code="rebuilding", retry_after=5)
            return compare(tx, factory, generation.number)
        factories.change(tx, factory.factory_key, settings | {"generation": generation.number})
        if on_switch is not None:
            on_switch(tx, factory)
        return None


def _clear(store: Store, factory_id: str, number: int) -> None:
    with store.writing() as tx:
        factory = factories.find(tx, factory_id)
        if factory.building == number:
            drop_build(store, tx, factory)


def drop_build(store: Store, tx: Connection, factory: Factory) -> None:
    """Remove what a build has made that is not in use; one that still runs finds itself overtaken."""
    factories.change(tx, factory.factory_key, {"building": None, "building_seen_at": None})
    if factory.building is not None:
        pending.take(store, tx, factory.factory_key, factory.building)
        _drop_all_but(tx, factory.factory_key, [factory.generation])


def _drop_all_but(tx: Connection, factory_key: int, keep: list[int]) -> None:
    intervals.drop_generation(tx, factory_key, keep)
    rollups.drop_generation(tx, factory_key, keep)
