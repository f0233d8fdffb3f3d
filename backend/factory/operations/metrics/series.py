"""Metrics by buckets of the factory's calendar."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection

from factory.domain.errors import FieldError, InvalidInput
from factory.domain.metrics.formulas import SERIES_METRICS, FactoryTotals, StationTotals, WorkerTotals
from factory.domain.metrics.window import Window, window_of
from factory.domain.privacy import Audience, Contributions
from factory.domain.states.calendar import BUCKETS, DAYS, HOURS, MONTHS
from factory.domain.states.time_ranges import TimeRange
from factory.domain.timestamp import format_timestamp
from factory.operations.derive.refresh import read_up_to_date
from factory.operations.metrics.entities import entity_or_not_found
from factory.operations.metrics.metrics import MetricsAnswer
from factory.operations.metrics.suppression import count_buckets
from factory.operations.metrics.window_totals import BucketedWindow, WindowReader
from factory.operations.visible_workers import Persons
from factory.store.engine.database import Store
from factory.store.factories import Factory

_LEVEL = {"15m": None, "hour": HOURS, "day": DAYS, "week": DAYS, "month": MONTHS}
MAX_METRICS = 10
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

    Instants in microseconds. A bucket that is withheld from the audience has null in the place of values. Raises
    InvalidInput for a bad parameter or more than 10,000 buckets, NotFound for an unknown factory, worker or
    workstation.
    """
    _check(metrics, entity, entity_id, bucket)

    def read(tx: Connection, factory: Factory) -> MetricsAnswer:
        window = window_of(start, end, factory.first_event_at, now)
        persons = Persons(tx, factory, audience)
        key = None if entity_id is None else entity_or_not_found(tx, factory, entity, entity_id, persons).key
        only = {} if key is None else {entity: [key]}
        reader = WindowReader(store, tx, factory, only.get("worker"))
        buckets = buckets_of(reader, bucket, window)
        found: dict[str, list[Any]] = {name: [] for name in metrics}
        there, first = Contributions(len(buckets), persons.k_min), 0
        for bucketed in in_portions(reader, bucket, buckets, only.get("workstation")):
            totals = _totals(reader, bucketed, entity)
            for name in metrics:
                found[name] += SERIES_METRICS[entity][name](totals)
            if persons.k_min > 1:
                count_buckets(there, bucketed.presence(), first)
                first += len(bucketed.starts)
        withheld = there.withheld().tolist() if persons.k_min > 1 else [False] * len(buckets)
        bounds = [format_timestamp(start) for start, _ in buckets] + [format_timestamp(window.end)]
        rows = zip(*found.values(), strict=True)
        data = [
            {"start": start, "end": end} | _valued(metrics, row, hidden)
            for start, end, row, hidden in zip(bounds[:-1], bounds[1:], rows, withheld, strict=True)
        ]
        return MetricsAnswer(data, window.rendered(factory.time_zone, factory.state_timeout_seconds))

    return read_up_to_date(store=store, factory_id=factory_id, read=read)


def _valued(metrics: Sequence[str], row: Sequence[Any], withheld: bool) -> dict[str, Any]:
    shown = [None] * len(row) if withheld else row
    valued = {"value": shown[0]} if len(metrics) == 1 else {"values": dict(zip(metrics, shown, strict=True))}
    return valued | {"withheld": True} if withheld else valued


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
