"""The metrics of a factory, its workers or its workstations over a window."""

from __future__ import annotations

from collections.abc import Sequence
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
from factory.domain.privacy import Audience
from factory.operations.bounded_rows import bounded
from factory.operations.derive.refresh import read_up_to_date
from factory.operations.metrics.entities import Entity, entities, entity_or_not_found, keys_of
from factory.operations.metrics.window_totals import BucketedWindow, WindowReader
from factory.operations.metrics.withheld import ToldDays, blank, part_withheld
from factory.operations.visible_workers import Persons
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.factories import Factory


class MetricsAnswer(NamedTuple):
    """JSON-ready `data` and the `window` it speaks of.

    `named` are the workers at a workstation that are named to an audience that sees persons.
    """

    data: Any
    window: dict[str, Any]
    named: Sequence[str] = ()
    left_out: int = 0
    """Rows beside those in `data`."""


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

    Instants in microseconds. For an audience that sees no persons the window is cut to whole days; a row that is
    withheld from it has null in the place of figures. Raises NotFound for an unknown factory, worker or
    workstation, InvalidInput when start is after end.
    """

    def read(tx: Connection, factory: Factory) -> MetricsAnswer:
        window = window_of(start, end, factory.first_event_at, now)
        persons = Persons(tx, factory, audience)
        told = None if persons.k_min == 1 else ToldDays(WindowReader(store, tx, factory), persons, window)
        if told is not None:
            window = told.window
        if entity == "factory":
            data: Any = _factory(store, tx, factory, window, told)
            left_out = 0
        else:
            one = None if entity_id is None else entity_or_not_found(tx, factory, entity, entity_id, persons)
            rows = entities(tx, factory, entity, persons) if one is None else [one]
            data = (_workers if entity == "worker" else _stations)(store, tx, factory, window, rows, told)
            data, left_out = bounded(data, lambda row: not row["event_count"]) if one is None else (data[0], 0)
        rendered = window.rendered(factory.time_zone, factory.state_timeout_seconds)
        return MetricsAnswer(data, rendered, left_out=left_out)

    return read_up_to_date(store=store, factory_id=factory_id, read=read)


def _factory(store: Store, tx: Connection, factory: Factory, window: Window, told: ToldDays | None) -> dict[str, Any]:
    reader = WindowReader(store, tx, factory)
    registered = {
        "worker_count": len(reader.workers),
        "station_count": len(id_registry.rows_of(tx, factory.factory_key, "workstation")),
    }
    if told is not None:
        return registered | _told_of_factory(reader, window, told)
    bucketed = BucketedWindow(reader, [(window.start, window.end)])
    totals = FactoryTotals(bucketed.presence(), reader.first_states, bucketed.starts, bucketed.elapsed)
    occupancy = bucketed.occupancy()
    return registered | _factory_figures(totals, len(np.unique(occupancy.station[occupancy.occupied > 0])))


def _factory_figures(totals: FactoryTotals, active_stations: int) -> dict[str, Any]:
    (metrics,) = all_values(totals, FACTORY_METRICS)
    return metrics | {
        "active_worker_count": int(totals.active_workers[0]),
        "active_station_count": active_stations,
    }


def _told_of_factory(reader: WindowReader, window: Window, told: ToldDays) -> dict[str, Any]:
    cells = told.factory([(window.start, window.end)])
    if cells.elapsed[0] == 0:
        return blank([*FACTORY_METRICS, "active_worker_count", "active_station_count"])
    rows = cells.presence
    totals = FactoryTotals(rows, reader.first_states, cells.starts, cells.elapsed)
    figures = _factory_figures(totals, len(np.unique(rows.station[rows.active + rows.idle > 0])))
    return figures | part_withheld(int(cells.elapsed[0]), window.elapsed)


def _workers(
    store: Store, tx: Connection, factory: Factory, window: Window, rows: list[Entity], told: ToldDays | None
) -> list[dict[str, Any]]:
    named = [{"worker_id": row.id, "name": row.name} for row in rows]
    if told is not None:
        return [names | blank(WORKER_METRICS) for names in named]
    keys = keys_of(rows)
    reader = WindowReader(store, tx, factory, keys.tolist() if len(rows) == 1 else None)
    bucketed = BucketedWindow(reader, [(window.start, window.end)])
    presence = bucketed.presence()
    elapsed = np.broadcast_to(bucketed.elapsed, keys.shape)
    metrics = all_values(WorkerTotals(presence.sums_for(keys, presence.worker), elapsed), WORKER_METRICS)
    return [names | figures for names, figures in zip(named, metrics, strict=True)]


def _stations(
    store: Store, tx: Connection, factory: Factory, window: Window, rows: list[Entity], told: ToldDays | None
) -> list[dict[str, Any]]:
    keys = keys_of(rows)
    if told is None:
        only = None if len(rows) != 1 else [rows[0].key]
        bucketed = BucketedWindow(WindowReader(store, tx, factory), [(window.start, window.end)], stations=only)
        presence, occupancy = bucketed.presence(), bucketed.occupancy()
        elapsed = np.full(len(keys), window.elapsed)
    else:
        presence, occupancy, by_station = told.of_stations([(window.start, window.end)])
        elapsed = by_station[0, np.searchsorted(told.stations, keys)]
    totals = StationTotals(
        presence.sums_for(keys, presence.station), occupancy.sums_for(keys, occupancy.station), elapsed
    )
    return [
        {"station_id": row.id, "workstation_id": row.id, "name": row.name, "type": row.type}
        | (blank(WORKSTATION_METRICS) if told and seen == 0 else figures | part_withheld(seen, window.elapsed))
        for row, figures, seen in zip(rows, all_values(totals, WORKSTATION_METRICS), elapsed.tolist(), strict=True)
    ]
