"""Metrics by buckets of the factory's calendar."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection

from factory.domain.errors import FieldError, InvalidInput
from factory.domain.metrics.formulas import SERIES_METRICS, FactoryTotals, StationTotals, WorkerTotals
from factory.domain.metrics.window import Window, window_of
from factory.domain.privacy import Audience
from factory.domain.states.calendar import BUCKETS, DAYS, HOURS, MONTHS
from factory.domain.states.time_ranges import TimeRange
from factory.domain.timestamp import format_timestamp
from factory.operations.derive.refresh import read_up_to_date
from factory.operations.metrics.entities import entity_or_not_found
from factory.operations.metrics.metrics import MetricsAnswer
from factory.operations.metrics.window_totals import BucketedWindow, WindowReader
from factory.operations.metrics.withheld import ToldDays, part_withheld
from factory.operations.visible_workers import Persons
from factory.store.engine.database import Store
from factory.store.factories import Factory

_LEVEL = {"15m": None, "hour": HOURS, "day": DAYS, "week": DAYS, "month": MONTHS}
MAX_METRICS = 10
WHOLE_DAYS = ("day", "week", "month")
_BUCKETS_AT_ONCE = 500
"""So many buckets of all workers are held in memory."""


def query_timeseries(
    *,
    store: Store,
    factory_id: str,
    metrics: Sequence[str],
    entity: str,
    entity_id: str | None,
    bucket: str,
    start: int | None,
    end: int | None,
    now: int,
    audience: Audience,
) -> MetricsAnswer:
    """SPEC section 4, Series: `{"start", "end", "value"}` a bucket, or `values` by name for several metrics.

    Instants in microseconds. For an audience that sees no persons the window is cut to whole days; a bucket that is
    withheld from it, as any of less than a day is, has null in the place of values. Raises InvalidInput for a bad
    parameter or more than 10,000 buckets, NotFound for an unknown factory, worker or workstation.
    """
    _check(metrics, entity, entity_id, bucket)

    def read(tx: Connection, factory: Factory) -> MetricsAnswer:
        window = window_of(start, end, factory.first_event_at, now)
        persons = Persons(tx, factory, audience)
        key = None if entity_id is None else entity_or_not_found(tx, factory, entity, entity_id, persons).key
        if persons.k_min > 1:
            told = ToldDays(WindowReader(store, tx, factory), persons, window)
            window = told.window
            buckets = buckets_of(told.reader, bucket, window)
            rows = _told(told, metrics, entity, key or 0, bucket, buckets)
        else:
            reader = WindowReader(store, tx, factory, [key] if key is not None and entity == "worker" else None)
            buckets = buckets_of(reader, bucket, window)
            only = [key] if key is not None and entity == "workstation" else None
            found: dict[str, list[Any]] = {name: [] for name in metrics}
            for bucketed in in_portions(reader, bucket, buckets, only):
                totals = _totals(reader, bucketed, entity)
                for name in metrics:
                    found[name] += SERIES_METRICS[entity][name](totals)
            rows = [_valued(metrics, row) for row in zip(*found.values(), strict=True)]
        bounds = [format_timestamp(start) for start, _ in buckets] + [format_timestamp(window.end)]
        data = [
            {"start": start, "end": end} | row for start, end, row in zip(bounds[:-1], bounds[1:], rows, strict=True)
        ]
        return MetricsAnswer(data, window.rendered(factory.time_zone, factory.state_timeout_seconds))

    return read_up_to_date(store=store, factory_id=factory_id, read=read)


def _valued(metrics: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    return {"value": row[0]} if len(metrics) == 1 else {"values": dict(zip(metrics, row, strict=True))}


def _told(
    told: ToldDays, metrics: Sequence[str], entity: str, key: int, bucket: str, buckets: list[TimeRange]
) -> list[dict[str, Any]]:
    """Return the rows of a series for an audience that sees no persons."""
    withheld = _valued(metrics, [None] * len(metrics)) | {"withheld": True}
    if entity == "worker" or bucket not in WHOLE_DAYS or not buckets:
        return [withheld] * len(buckets)
    totals: FactoryTotals | StationTotals
    if entity == "factory":
        presence, starts, elapsed = told.factory(buckets)
        totals = FactoryTotals(presence, told.reader.first_states, starts, elapsed)
    else:
        presence, occupancy, by_station = told.of_stations(buckets)
        elapsed = by_station[:, int(np.searchsorted(told.stations, key))]
        presence, occupancy = presence.where(presence.station == key), occupancy.where(occupancy.station == key)
        every = np.arange(len(buckets))
        totals = StationTotals(
            presence.sums_for(every, presence.bucket), occupancy.sums_for(every, occupancy.bucket), elapsed
        )
    rows = zip(*(SERIES_METRICS[entity][name](totals) for name in metrics), strict=True)
    return [
        _valued(metrics, row) | part_withheld(seen, end - start) if seen else withheld
        for row, seen, (start, end) in zip(rows, elapsed.tolist(), buckets, strict=True)
    ]


def buckets_of(reader: WindowReader, bucket: str, window: Window) -> list[TimeRange]:
    """Return the buckets of a window in the factory's calendar; raises InvalidInput when they are more than 10,000."""
    try:
        return reader.calendar.series(bucket, window.start, window.end)
    except ValueError as error:
        raise InvalidInput(f"bucket: {error}", code="too_many_buckets") from None


def in_portions(
    reader: WindowReader, bucket: str, buckets: list[TimeRange], stations: Collection[int] | None
) -> Iterator[BucketedWindow]:
    """Yield the buckets in portions that fit into memory; of some stations only where they are given."""
    for n in range(0, len(buckets), _BUCKETS_AT_ONCE):
        yield BucketedWindow(reader, buckets[n : n + _BUCKETS_AT_ONCE], level=_LEVEL[bucket], stations=stations)


def _check(metrics: Sequence[str], entity: str, entity_id: str | None, bucket: str) -> None:
    faults: list[FieldError] = []

    def fault(field: str, message: str) -> None:
        faults.append({"field": field, "code": "invalid_parameter", "message": message})

    if entity not in SERIES_METRICS:
        fault("entity", "must be one of " + ", ".join(SERIES_METRICS))
    elif not set(metrics) <= SERIES_METRICS[entity].keys():
        fault("metric", "must be one of " + ", ".join(SERIES_METRICS[entity]))
    elif not 1 <= len(set(metrics)) == len(metrics) <= MAX_METRICS:
        fault("metric", f"must be 1 to {MAX_METRICS} distinct names with commas between them")
    if bucket not in BUCKETS:
        fault("bucket", "must be one of " + ", ".join(BUCKETS))
    if entity in ("worker", "workstation") and entity_id is None:
        fault("id", f"is required for entity={entity}")
    if entity == "factory" and entity_id is not None:
        fault("id", "goes with entity=worker or entity=workstation")
    if faults:
        raise InvalidInput("; ".join(f"{f['field']}: {f['message']}" for f in faults), errors=faults)


def _totals(
    reader: WindowReader, bucketed: BucketedWindow, entity: str
) -> WorkerTotals | StationTotals | FactoryTotals:
    """Return the totals of each bucket."""
    presence, buckets = bucketed.presence(), np.arange(len(bucketed.starts))
    if entity == "factory":
        return FactoryTotals(presence, reader.first_states, bucketed.starts, bucketed.elapsed)
    sums = presence.sums_for(buckets, presence.bucket)
    if entity == "worker":
        return WorkerTotals(sums, bucketed.elapsed)
    occupancy = bucketed.occupancy()
    return StationTotals(sums, occupancy.sums_for(buckets, occupancy.bucket), bucketed.elapsed)
