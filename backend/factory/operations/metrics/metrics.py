"""The metrics of a factory, its workers or its workstations over a window."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection

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
from factory.operations.metrics.entities import Entity, entities, entity_or_not_found, keys_of
from factory.operations.metrics.suppression import blank, count_buckets, withheld_stations
from factory.operations.metrics.window_totals import BucketedWindow, WindowReader
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
    factory_id: str,
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

    def read(tx: Connection, factory: Factory) -> MetricsAnswer:
        window = window_of(start, end, factory.first_event_at, now)
        persons = Persons(tx, factory, audience)
        if entity == "factory":
            data: Any = _factory(store, tx, factory, window, persons)
        else:
            one = None if entity_id is None else entity_or_not_found(tx, factory, entity, entity_id, persons)
            data = (_workers if entity == "worker" else _stations)(store, tx, factory, window, one, persons)
            data = data if one is None else data[0]
        return MetricsAnswer(data, window.rendered(factory.time_zone, factory.state_timeout_seconds))

    return read_up_to_date(store=store, factory_id=factory_id, read=read)


def _factory(store: Store, tx: Connection, factory: Factory, window: Window, persons: Persons) -> dict[str, Any]:
    reader = WindowReader(store, tx, factory)
    bucketed = BucketedWindow(reader, [(window.start, window.end)])
    presence = bucketed.presence()
    registered = {
        "worker_count": len(reader.workers),
        "station_count": len(id_registry.rows_of(tx, factory.factory_key, "workstation")),
    }
    there = Contributions(1, persons.k_min)
    count_buckets(there, presence)
    if persons.k_min > 1 and there.withheld()[0]:
        return registered | blank([*FACTORY_METRICS, "active_worker_count", "active_station_count"])
    totals = FactoryTotals(presence, reader.first_states, bucketed.starts, bucketed.elapsed)
    (metrics,) = all_values(totals, FACTORY_METRICS)
    occupancy = bucketed.occupancy()
    return (
        metrics
        | registered
        | {
            "active_worker_count": int(totals.active_workers[0]),
            "active_station_count": len(np.unique(occupancy.station[occupancy.occupied > 0])),
        }
    )


def _workers(
    store: Store, tx: Connection, factory: Factory, window: Window, one: Entity | None, persons: Persons
) -> list[dict[str, Any]]:
    rows = entities(tx, factory, "worker", persons) if one is None else [one]
    named = [{"worker_id": row.id, "name": row.name} for row in rows]
    if persons.k_min > 1:
        return [names | blank(WORKER_METRICS) for names in named]
    reader = WindowReader(store, tx, factory, None if one is None else [one.key])
    bucketed, keys = BucketedWindow(reader, [(window.start, window.end)]), keys_of(rows)
    presence = bucketed.presence()
    elapsed = np.broadcast_to(bucketed.elapsed, keys.shape)
    metrics = all_values(WorkerTotals(presence.sums_for(keys, presence.worker), elapsed), WORKER_METRICS)
    return [names | figures for names, figures in zip(named, metrics, strict=True)]


def _stations(
    store: Store, tx: Connection, factory: Factory, window: Window, one: Entity | None, persons: Persons
) -> list[dict[str, Any]]:
    # What is withheld of one depends on the others.
    rows = entities(tx, factory, "workstation", persons) if one is None or persons.k_min > 1 else [one]
    only = None if len(rows) != 1 else [rows[0].key]
    bucketed = BucketedWindow(WindowReader(store, tx, factory), [(window.start, window.end)], stations=only)
    presence, occupancy, keys = bucketed.presence(), bucketed.occupancy(), keys_of(rows)
    hidden = withheld_stations(presence, keys, persons.k_min) if persons.k_min > 1 else np.zeros(len(keys), dtype=bool)
    totals = StationTotals(
        presence.sums_for(keys, presence.station),
        occupancy.sums_for(keys, occupancy.station),
        np.broadcast_to(bucketed.elapsed, keys.shape),
    )
    return [
        {"station_id": row.id, "workstation_id": row.id, "name": row.name, "type": row.type}
        | (blank(WORKSTATION_METRICS) if withheld else figures)
        for row, figures, withheld in zip(rows, all_values(totals, WORKSTATION_METRICS), hidden.tolist(), strict=True)
        if one is None or row.key == one.key
    ]
