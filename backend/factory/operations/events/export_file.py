"""All stored events of a stretch of time, oldest first, as they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from factory.domain.timestamp import HOUR, parse_timestamp
from factory.operations.events.render import Renderer
from factory.store import factories
from factory.store.engine.database import Store
from factory.store.events import event_log, id_registry
from factory.store.factories import Factory

_EVENTS_A_SLICE = 10_000


def export_events(*, store: Store, factory: str, start: int | None, end: int | None) -> Iterator[dict[str, Any]]:
    """Events with `start` <= timestamp < `end` (microseconds), a bounded number in memory at a time.

    They are whole, with the workers' ids whatever the factory's setting says of persons: what is exported can be
    imported again. Each slice is a snapshot of its own. Raises NotFound, Unavailable.
    """

    def span() -> tuple[Factory, list[tuple[int, int]]]:
        with store.reading() as tx:
            site = factories.find(tx, factory)
            return site, event_log.events_by_hour(tx, site.factory_key)

    site, hours = store.retry(span)
    for low, high in _slices(hours):
        low = low if start is None else max(low, start)
        high = high if end is None else min(high, end - 1)
        if low <= high:
            yield from store.retry(partial(_between, store, site, low, high))


def _between(store: Store, site: Factory, low: int, high: int) -> list[dict[str, Any]]:
    with store.reading() as tx:
        workers = [row[0] for row in id_registry.rows_of(tx, site.factory_key, "worker")]
        rows = event_log.rows_between(store, tx, site.factory_key, workers, low, high)
        render = Renderer(tx, site, None)
    return sorted((render.event(row[0], row[1], row[2:]) for row in rows), key=_order)


def _slices(hours: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Stretches of time, both ends included: hours of few events together, those of many in parts."""
    low, weight = None, 0
    for hour, count in hours:
        start, end = hour * HOUR, (hour + 1) * HOUR
        if low is not None and weight + count > _EVENTS_A_SLICE:
            yield low, start - 1
            low, weight = None, 0
        low = start if low is None else low
        weight += count
        if weight > _EVENTS_A_SLICE:
            parts = -(-weight // _EVENTS_A_SLICE)
            edges = [start + (end - start) * n // parts for n in range(parts + 1)]
            yield from ((edges[n], edges[n + 1] - 1) for n in range(parts))
            low, weight = None, 0
    if low is not None:
        yield low, end - 1


def _order(event: dict[str, Any]) -> tuple[Any, ...]:
    names = ("worker_id", "event_type", "workstation_id", "source_id", "event_id")
    return (parse_timestamp(event["timestamp"]), *(event[name] or "" for name in names))
