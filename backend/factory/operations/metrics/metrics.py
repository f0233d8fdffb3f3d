"""The metrics of a factory, its workers or its workstations over a window."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection

from factory.domain.errors import NotFound
from factory.domain.metrics.formulas import (
    FACTORY_METRICS,
    WORKER_METRICS,
    WORKSTATION_METRICS,
    FactoryTotals,
    StationTotals,
    WorkerTotals,
    all_values,
)
from factory.domain.metrics.window import Window, window_of
from factory.domain.privacy import Audience, Contributions
from factory.operations.derive.refresh import read_up_to_date
from factory.operations.metrics.suppression import blank, count_buckets, withheld_stations
from factory.operations.metrics.window_totals import Gatherer, Series
from factory.operations.visible_workers import Persons
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.factories import Factory


class MetricsAnswer(NamedTuple):
    """JSON-ready `data` and the `window` it speaks of."""

    data: Any
    window: dict[str, Any]


def query_metrics(
    *,
    store: Store,
    factory: str,
    entity: str,
    entity_id: str | None,
    start: int | None,
    end: int | None,
    now: int,
    audience: Audience,
) -> MetricsAnswer:
    """SPEC section 4 for `entity` factory, worker or workstation; all of them unless `entity_id` is given.

    Instants in microseconds. A row that is withheld from the audience has null in the place of figures. Raises
    NotFound for an unknown factory, worker or workstation, InvalidInput when start is after end.
    """

    def read(tx: Connection, site: Factory) -> MetricsAnswer:
        window = window_of(start, end, site.first_event_at, now)
        persons = Persons(tx, site, audience)
        if entity == "factory":
            data: Any = _factory(store, tx, site, window, persons)
        else:
            one = None if entity_id is None else row_or_not_found(tx, site, entity, entity_id, persons)
            data = (_workers if entity == "worker" else _stations)(store, tx, site, window, one, persons)
            data = data if one is None else data[0]
        return MetricsAnswer(data, window.rendered(site.time_zone, site.state_timeout_seconds))

    return read_up_to_date(store=store, factory=factory, read=read)


def row_or_not_found(tx: Connection, site: Factory, kind: str, entity_id: str, persons: Persons) -> Any:
    """The registry row of an id; raises NotFound."""
    if kind == "worker":
        return persons.row(entity_id)
    row = id_registry.row_of(tx, site.factory_key, kind, entity_id)
    if row is None:
        raise NotFound(f"{kind.capitalize()} not found", code=f"{kind}_not_found")
    return row


def _factory(store: Store, tx: Connection, site: Factory, window: Window, persons: Persons) -> dict[str, Any]:
    gatherer = Gatherer(store, tx, site)
    series = Series(gatherer, [(window.start, window.end)])
    presence = series.presence()
    registered = {
        "worker_count": len(gatherer.workers),
        "station_count": len(id_registry.rows_of(tx, site.factory_key, "workstation")),
    }
    there = Contributions(1, persons.k_min)
    count_buckets(there, presence)
    if persons.k_min > 1 and there.withheld()[0]:
        return registered | blank([*FACTORY_METRICS, "active_worker_count", "active_station_count"])
    totals = FactoryTotals(presence, gatherer.first_states, series.starts, series.elapsed)
    (metrics,) = all_values(totals, FACTORY_METRICS)
    occupancy = series.occupancy()
    return (
        metrics
        | registered
        | {
            "active_worker_count": int(totals.active_workers[0]),
            "active_station_count": len(np.unique(occupancy["station"][occupancy["occupied"] > 0])),
        }
    )


def _workers(
    store: Store, tx: Connection, site: Factory, window: Window, one: Any | None, persons: Persons
) -> list[dict[str, Any]]:
    rows = persons.rows() if one is None else [one]
    named = [{"worker_id": row.worker_id, "name": row.name} for row in rows]
    if persons.k_min > 1:
        return [names | blank(WORKER_METRICS) for names in named]
    gatherer = Gatherer(store, tx, site, None if one is None else [one.worker_key])
    series = Series(gatherer, [(window.start, window.end)])
    keys = np.array([row.worker_key for row in rows], dtype=np.int64)
    metrics = all_values(WorkerTotals(series.presence(), "worker", keys, series.elapsed), WORKER_METRICS)
    return [names | figures for names, figures in zip(named, metrics, strict=True)]


def _stations(
    store: Store, tx: Connection, site: Factory, window: Window, one: Any | None, persons: Persons
) -> list[dict[str, Any]]:
    # What is withheld of one depends on the others.
    rows = id_registry.rows_of(tx, site.factory_key, "workstation") if one is None or persons.k_min > 1 else [one]
    only = None if len(rows) != 1 else [rows[0].station_key]
    series = Series(Gatherer(store, tx, site), [(window.start, window.end)], stations=only)
    keys = np.array([row.station_key for row in rows], dtype=np.int64)
    presence = series.presence()
    hidden = withheld_stations(presence, keys, persons.k_min) if persons.k_min > 1 else np.zeros(len(keys), dtype=bool)
    totals = StationTotals(presence, series.occupancy(), "station", keys, series.elapsed)
    return [
        {"station_id": row.workstation_id, "workstation_id": row.workstation_id, "name": row.name, "type": row.type}
        | (blank(WORKSTATION_METRICS) if withheld else of)
        for row, of, withheld in zip(rows, all_values(totals, WORKSTATION_METRICS), hidden.tolist(), strict=True)
        if one is None or row.station_key == one.station_key
    ]
