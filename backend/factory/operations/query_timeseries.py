"""One metric by buckets of the factory's calendar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sqlalchemy import Connection

from factory.domain.calendar import BUCKETS, DAYS, HOURS, MONTHS, Stretch
from factory.domain.errors import FieldError, InvalidInput
from factory.domain.event import UNKNOWN
from factory.domain.intervals import split
from factory.domain.metrics import (
    SERIES_METRICS,
    StationTotals,
    Totals,
    WorkerTotals,
    factory_metrics,
    nothing,
    worker_metrics,
    workstation_metrics,
)
from factory.domain.timestamp import MINUTE, format_timestamp
from factory.domain.totals import OCCUPANCY, PRESENCE, Page, add_up, presence_of_counts, presence_of_spans
from factory.domain.window import Window, window_of
from factory.operations.gather_totals import Gatherer, occupancy_of
from factory.operations.query_metrics import MetricsAnswer, row_or_not_found
from factory.operations.refresh_derived import read_exactly
from factory.store import event_log
from factory.store.database import Store
from factory.store.factories import Factory
from factory.store.rollups import OCCUPANCIES, PRESENCES

_LEVEL = {"hour": HOURS, "day": DAYS, "week": DAYS, "month": MONTHS}
_QUARTER = 15 * MINUTE


def query_timeseries(
    *,
    store: Store,
    factory: str,
    metric: str,
    entity: str,
    entity_id: str | None,
    bucket: str,
    start: int | None,
    end: int | None,
    now: int,
) -> MetricsAnswer:
    """SPEC section 4, Series: `{"start", "end", "value"}` a bucket.

    Instants in microseconds. Raises InvalidInput for a bad parameter or more than 10,000 buckets, NotFound
    for an unknown factory, worker or workstation.
    """
    _check(metric, entity, entity_id, bucket)

    def read(tx: Connection, site: Factory) -> MetricsAnswer:
        window = window_of(start, end, site.first_event_at, now)
        gatherer = Gatherer(store, tx, site)
        render = _renderer(tx, site, gatherer, metric, entity, entity_id)
        try:
            stretches = gatherer.calendar.series(bucket, window.start, window.end)
        except ValueError as error:
            raise InvalidInput(f"bucket: {error}", code="too_many_buckets") from None
        series = _quarters if bucket == "15m" else _whole_buckets
        data = [
            {"start": format_timestamp(low), "end": format_timestamp(high), "value": render(totals, low)}
            for (low, high), totals in zip(stretches, series(gatherer, bucket, stretches, window), strict=True)
        ]
        return MetricsAnswer(data, window.rendered(site.time_zone, site.state_timeout_seconds))

    return read_exactly(store=store, factory=factory, read=read)


def _check(metric: str, entity: str, entity_id: str | None, bucket: str) -> None:
    faults: list[FieldError] = []

    def fault(field: str, message: str) -> None:
        faults.append({"field": field, "code": "invalid_parameter", "message": message})

    if entity not in SERIES_METRICS:
        fault("entity", "must be one of " + ", ".join(SERIES_METRICS))
    elif metric not in SERIES_METRICS[entity]:
        fault("metric", "must be one of " + ", ".join(SERIES_METRICS[entity]))
    if bucket not in BUCKETS:
        fault("bucket", "must be one of " + ", ".join(BUCKETS))
    if entity in ("worker", "workstation") and entity_id is None:
        fault("id", f"is required for entity={entity}")
    if entity == "factory" and entity_id is not None:
        fault("id", "goes with entity=worker or entity=workstation")
    if faults:
        raise InvalidInput("; ".join(f"{f['field']}: {f['message']}" for f in faults), errors=faults)


def _renderer(
    tx: Connection, site: Factory, gatherer: Gatherer, metric: str, entity: str, entity_id: str | None
) -> Callable[[Totals, int], Any]:
    if entity == "factory":
        return lambda totals, start: factory_metrics(totals, gatherer.ends.first_states, start)[metric]
    key: int = row_or_not_found(tx, site, entity, entity_id or "")[0]
    if entity == "worker":

        def worker(totals: Totals, _start: int) -> Any:
            mine = totals.of(worker=key).by_worker().get(key, WorkerTotals())
            return worker_metrics(mine, totals.elapsed)[metric]

        return worker

    def station(totals: Totals, _start: int) -> Any:
        mine = totals.of(station=key).by_station().get(key, StationTotals())
        return workstation_metrics(mine, totals.elapsed)[metric]

    return station


def _whole_buckets(gatherer: Gatherer, bucket: str, stretches: list[Stretch], window: Window) -> Iterator[Totals]:
    """Totals of hours, days, weeks or months; each from its pages, the cut ones at both ends gathered."""
    level = _LEVEL[bucket]
    calendar = gatherer.calendar
    presence = gatherer.pages(PRESENCES, level, window.start, window.end)
    there = gatherer.pages(OCCUPANCIES, level, window.start, window.end)
    starts = sorted(presence)
    endless = gatherer.endless_stations()
    for n, (low, high) in enumerate(stretches):
        whole = 0 < n < len(stretches) - 1
        if not whole or endless:
            yield gatherer.totals(low, high)
            continue
        assert calendar.starts_of(level, np.array([low]))[0] == low
        mine = [s for s in starts if low <= s < high] if bucket == "week" else [low]
        rows = [presence[s] for s in mine if s in presence] + gatherer.unpaged(low, high)
        stations = [there[s] for s in mine if s in there]
        yield Totals(high - low, _added_up(rows, PRESENCE), _added_up(stations, OCCUPANCY))


def _added_up(pages: list[Page], dtype: np.dtype[Any]) -> Page:
    return pages[0] if len(pages) == 1 else add_up(pages, dtype)


def _quarters(gatherer: Gatherer, _bucket: str, stretches: list[Stretch], window: Window) -> Iterator[Totals]:
    """Totals of quarters of an hour, from the rows. Local midnights lie on quarters of UTC."""
    if not stretches:
        return
    low = np.array([s[0] for s in stretches], dtype=np.int64)
    high = np.array([s[1] for s in stretches], dtype=np.int64)
    spans = gatherer.spans_in((window.start, window.end))
    pieces, place = split(spans.take(spans.state != UNKNOWN), low, high)
    counts = event_log.count_by_quarter(
        gatherer.store,
        gatherer.tx,
        gatherer.site.factory_key,
        event_log.all_of(gatherer.workers, window.start, window.end - 1),
    )
    columns = [np.array(column, dtype=np.int64) for column in zip(*counts, strict=True)] or [np.empty(0, np.int64)] * 5
    counted = presence_of_counts(gatherer.workers[columns[0]], columns[1], columns[3], columns[4])
    counted_at = np.searchsorted(low, columns[2] * _QUARTER, side="right") - 1
    counted_at = np.maximum(counted_at, 0)
    timed = presence_of_spans(pieces)
    for n, (start, end) in enumerate(stretches):
        here = place == n
        rows = [timed[here], counted[counted_at == n]]
        if not len(rows[0]) and not len(rows[1]):
            yield nothing(end - start)
            continue
        yield Totals(end - start, add_up(rows, PRESENCE), occupancy_of(pieces.take(here)))
