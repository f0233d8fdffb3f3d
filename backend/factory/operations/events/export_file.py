"""Export the stored events of a period, oldest first, as they are rendered."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from factory.domain.states.time_ranges import TimeRange
from factory.domain.timestamp import HOUR, parse_timestamp
from factory.operations.events.render import Renderer
from factory.store import factories
from factory.store.engine.database import Store
from factory.store.events import event_log, id_registry
from factory.store.factories import Factory

_EVENTS_A_SLICE = 10_000


def export_events(*, store: Store, factory_id: str, start: int | None, end: int | None) -> Iterator[dict[str, Any]]:
    """Events with `start` <= timestamp < `end` (microseconds), a bounded number in memory at a time.

    They are whole, with the workers' ids whatever the factory's setting says of persons: what is exported can be
    imported again. Each slice is a snapshot of its own. Raises NotFound, Unavailable.
    """

    def span() -> tuple[Factory, list[tuple[int, int]]]:
        with store.reading() as tx:
            factory = factories.find(tx, factory_id)
            return factory, event_log.events_by_hour(tx, factory.factory_key)

    factory, hours = store.retry(span)
    for first, until in _slices(hours):
        first = first if start is None else max(first, start)
        until = until if end is None else min(until, end)
        if first < until:
            yield from store.retry(partial(_between, store, factory, first, until))


def _between(store: Store, factory: Factory, start: int, end: int) -> list[dict[str, Any]]:
    with store.reading() as tx:
        workers = [row[0] for row in id_registry.rows_of(tx, factory.factory_key, "worker")]
        rows = event_log.rows_between(store, tx, factory.factory_key, workers, start, end)
        render = Renderer(tx, factory, None)
    return sorted((render.event(row[0], row[1], row[2:]) for row in rows), key=_order)


def _slices(hours: list[tuple[int, int]]) -> Iterator[TimeRange]:
    """Ranges of time: hours of few events together, those of many in parts."""
    first, weight = None, 0
    for hour, count in hours:
        start, end = hour * HOUR, (hour + 1) * HOUR
        if first is not None and weight + count > _EVENTS_A_SLICE:
            yield first, start
            first, weight = None, 0
        first = start if first is None else first
        weight += count
        if weight > _EVENTS_A_SLICE:
            parts = -(-weight // _EVENTS_A_SLICE)
            edges = [start + (end - start) * n // parts for n in range(parts + 1)]
            yield from ((edges[n], edges[n + 1]) for n in range(parts))
            first, weight = None, 0
    if first is not None:
        yield first, end


def _order(event: dict[str, Any]) -> tuple[Any, ...]:
    names = ("worker_id", "event_type", "workstation_id", "source_id", "event_id")
    return (parse_timestamp(event["timestamp"]), *(event[name] or "" for name in names))
