"""The metrics of a factory, its workers or its workstations over a window."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection

from factory.domain.errors import NotFound
from factory.domain.metrics import (
    FACTORY_METRICS,
    WORKER_METRICS,
    WORKSTATION_METRICS,
    FactoryTotals,
    StationTotals,
    WorkerTotals,
    all_values,
)
from factory.domain.window import Window, window_of
from factory.operations.gather_totals import Gatherer, Series
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
            one = None if entity_id is None else row_or_not_found(tx, site, entity, entity_id)
            data = (_workers if entity == "worker" else _stations)(store, tx, site, window, one)
            data = data if one is None else data[0]
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
    series = Series(gatherer, [(window.start, window.end)])
    totals = FactoryTotals(series.presence(), gatherer.first_states, series.starts, series.elapsed)
    (metrics,) = all_values(totals, FACTORY_METRICS)
    occupancy = series.occupancy()
    return metrics | {
        "worker_count": len(gatherer.workers),
        "station_count": len(registries.rows_of(tx, site.factory_key, "workstation")),
        "active_worker_count": int(totals.active_workers[0]),
        "active_station_count": len(np.unique(occupancy["station"][occupancy["occupied"] > 0])),
    }


def _workers(store: Store, tx: Connection, site: Factory, window: Window, one: Any | None) -> list[dict[str, Any]]:
    rows = registries.rows_of(tx, site.factory_key, "worker") if one is None else [one]
    gatherer = Gatherer(store, tx, site, None if one is None else [one.worker_key])
    series = Series(gatherer, [(window.start, window.end)])
    keys = np.array([row.worker_key for row in rows], dtype=np.int64)
    metrics = all_values(WorkerTotals(series.presence(), "worker", keys, series.elapsed), WORKER_METRICS)
    return [{"worker_id": row.worker_id, "name": row.name} | of for row, of in zip(rows, metrics, strict=True)]


def _stations(store: Store, tx: Connection, site: Factory, window: Window, one: Any | None) -> list[dict[str, Any]]:
    rows = registries.rows_of(tx, site.factory_key, "workstation") if one is None else [one]
    only = None if one is None else [one.station_key]
    series = Series(Gatherer(store, tx, site), [(window.start, window.end)], stations=only)
    keys = np.array([row.station_key for row in rows], dtype=np.int64)
    totals = StationTotals(series.presence(), series.occupancy(), "station", keys, series.elapsed)
    return [
        {"station_id": row.workstation_id, "workstation_id": row.workstation_id, "name": row.name, "type": row.type}
        | of
        for row, of in zip(rows, all_values(totals, WORKSTATION_METRICS), strict=True)
    ]
