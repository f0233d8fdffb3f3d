"""The metrics of a factory, its workers or its workstations over a window."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection

from factory.domain.errors import NotFound
from factory.domain.metrics import (
    StationTotals,
    WorkerTotals,
    factory_metrics,
    worker_metrics,
    workstation_metrics,
)
from factory.domain.window import Window, window_of
from factory.operations.gather_totals import Gatherer
from factory.operations.refresh_derived import read_exactly
from factory.store import registries
from factory.store.database import Store
from factory.store.factories import Factory


class MetricsAnswer(NamedTuple):
    """JSON-ready `data` and the `window` it speaks of."""

    data: Any
    window: dict[str, Any]


def query_metrics(
    *, store: Store, factory: str, entity: str, entity_id: str | None, start: int | None, end: int | None, now: int
) -> MetricsAnswer:
    """SPEC section 4 for `entity` factory, worker or workstation; all of them unless `entity_id` is given.

    Instants in microseconds. Raises NotFound for an unknown factory, worker or workstation, InvalidInput
    when start is after end.
    """

    def read(tx: Connection, site: Factory) -> MetricsAnswer:
        window = window_of(start, end, site.first_event_at, now)
        if entity == "factory":
            data: Any = _factory(store, tx, site, window)
        else:
            rows = [row_or_not_found(tx, site, entity, entity_id)] if entity_id is not None else None
            data = _entities(store, tx, site, window, entity, rows)
            data = data[0] if rows else data
        return MetricsAnswer(data, window.rendered(site.time_zone, site.state_timeout_seconds))

    return read_exactly(store=store, factory=factory, read=read)


def row_or_not_found(tx: Connection, site: Factory, kind: str, entity_id: str) -> Any:
    """The registry row of an id; raises NotFound."""
    row = registries.row_of(tx, site.factory_key, kind, entity_id)
    if row is None:
        raise NotFound(f"{kind.capitalize()} not found", code=f"{kind}_not_found")
    return row


def _factory(store: Store, tx: Connection, site: Factory, window: Window) -> dict[str, Any]:
    gatherer = Gatherer(store, tx, site)
    totals = gatherer.totals(window.start, window.end)
    metrics = factory_metrics(totals, gatherer.ends.first_states, window.start)
    stations = registries.rows_of(tx, site.factory_key, "workstation")
    return metrics | {"worker_count": len(gatherer.workers), "station_count": len(stations)}


def _entities(
    store: Store, tx: Connection, site: Factory, window: Window, entity: str, rows: list[Any] | None
) -> list[dict[str, Any]]:
    totals = Gatherer(store, tx, site).totals(window.start, window.end)
    rows = registries.rows_of(tx, site.factory_key, entity) if rows is None else rows
    if entity == "worker":
        workers = totals.by_worker()
        return [
            {"worker_id": row.worker_id, "name": row.name}
            | worker_metrics(workers.get(row.worker_key, WorkerTotals()), totals.elapsed)
            for row in rows
        ]
    stations = totals.by_station()
    return [
        {"station_id": row.workstation_id, "workstation_id": row.workstation_id, "name": row.name, "type": row.type}
        | workstation_metrics(stations.get(row.station_key, StationTotals()), totals.elapsed)
        for row in rows
    ]
