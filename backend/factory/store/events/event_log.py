"""Raw events, as they were sent."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from factory.domain.states.intervals import FOREVER
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.states.worker_hours import CELL, Cells
from factory.store.engine.database import Store

Ints = npt.NDArray[np.int64]
BEFORE_ALL = -FOREVER


Row = tuple[Any, ...]

_SHOWN = "event_type, station_key, confidence, source_key, event_id, units, model_key, received_at"


class StoredEvent(NamedTuple):
    """An event as it was sent, in keys; `place` is the row of its instant in the arguments."""

    place: int
    kind: int
    station: int
    confidence: float
    source: int
    event_id: str
    units: int
    model: int
    received_at: int


class FoundEvents(NamedTuple):
    """Events found in time ranges; `place` is the row of the range. Columns, in no order."""

    place: Ints
    time: Ints
    kind: Ints
    station: Ints
    units: Ints
    confidence: npt.NDArray[np.float64]


_FOUND = {
    "given.i": "i8",
    "e.event_time": "i8",
    "e.event_type": "i2",
    "e.station_key": "i2",
    "e.units": "i4",
    "e.confidence": "f8",
}


def given_ranges(store: Store, ranges: TimeRanges) -> tuple[str, dict[str, Any]]:
    """Return SQL of a table `given` of the ranges, with the columns `i`, `worker`, `start_at` and `end_at`."""
    return store.dialect.relation({"worker": ranges.worker, "start_at": ranges.start, "end_at": ranges.end})


def in_ranges(store: Store, tx: Connection, factory_key: int, ranges: TimeRanges) -> FoundEvents:
    """Return the events of the workers in the ranges."""
    source, parameters = _events_in(store, factory_key, ranges)
    return FoundEvents(*store.dialect.fetch_columns(tx, _FOUND, f"SELECT {{}} {source}", parameters))


class CountedEvents(NamedTuple):
    """Events counted by range and station, as columns; `row` is that of the range."""

    row: Ints
    station: Ints
    units: Ints
    events: Ints


_COUNTED = {"given.i": "i8", "e.station_key": "i2", "sum(e.units)": "i8", "count(*)": "i8"}


def count_in_ranges(store: Store, tx: Connection, factory_key: int, ranges: TimeRanges) -> CountedEvents:
    """Return the events in the ranges, counted by range and station."""
    source, parameters = _events_in(store, factory_key, ranges)
    select = f"SELECT {{}} {source} GROUP BY given.i, e.station_key"
    return CountedEvents(*store.dialect.fetch_columns(tx, _COUNTED, select, parameters))


def events_by_hour(tx: Connection, factory_key: int) -> list[Row]:
    """Return rows (hour since the epoch, events) of the hours with events, in order."""
    rows = tx.execute(
        text(
            "SELECT event_time / 3600000000 AS hour, count(*) FROM events WHERE factory_key = :factory_key "
            "GROUP BY hour ORDER BY hour"
        ),
        {"factory_key": factory_key},
    )
    return [tuple(row) for row in rows]


def cells_between(store: Store, tx: Connection, factory_key: int, workers: list[int], start: int, end: int) -> Cells:
    """Return the cells (domain/states/worker_hours.py) of all events in [start, end)."""
    source, parameters = _events_in(store, factory_key, TimeRanges.of_each(workers, start, end))
    rows = tx.execute(
        text(
            "SELECT given.worker, count(*), min(e.event_time), max(e.event_time) "
            f"{source} "
            "GROUP BY given.worker, e.event_time / 3600000000"
        ),
        parameters,
    )
    return np.array([tuple(row) for row in rows], dtype=CELL)


def rows_between(store: Store, tx: Connection, factory_key: int, workers: list[int], start: int, end: int) -> list[Any]:
    """Return rows (worker key, time, and the fields of StoredEvent after `place`) of all events in [start, end)."""
    source, parameters = _events_in(store, factory_key, TimeRanges.of_each(workers, start, end))
    return list(
        tx.execute(
            text(f"SELECT e.worker_key, e.event_time, {_SHOWN} {source}"),
            parameters,
        )
    )


def around(store: Store, tx: Connection, factory_key: int, ranges: TimeRanges) -> tuple[Ints, Ints]:
    """Return per range the last event before it (or BEFORE_ALL) and the first state event after it (or FOREVER)."""
    given, parameters = given_ranges(store, ranges)
    of_worker = "e.factory_key = :factory_key AND e.worker_key = given.worker"
    before = f"SELECT max(e.event_time) FROM events e WHERE {of_worker} AND e.event_time < given.start_at"
    after = (
        f"SELECT e.event_time FROM events e WHERE {of_worker} AND e.event_time >= given.end_at AND e.event_type < 4 "
        "ORDER BY e.event_time LIMIT 1"
    )
    columns = {f"coalesce(({before}), {BEFORE_ALL})": "i8", f"coalesce(({after}), {FOREVER})": "i8"}
    bounds = store.dialect.fetch_columns(
        tx, columns, f"SELECT {{}} FROM {given} ORDER BY given.i", {"factory_key": factory_key, **parameters}
    )
    return bounds[0], bounds[1]


def _events_in(store: Store, factory_key: int, ranges: TimeRanges) -> tuple[str, dict[str, Any]]:
    """Return SQL, from FROM on, of the events `e` in the ranges `given`."""
    given, parameters = given_ranges(store, ranges)
    events = store.dialect.for_each(
        "events e",
        "e.factory_key = :factory_key AND e.worker_key = given.worker "
        "AND e.event_time >= given.start_at AND e.event_time < given.end_at",
    )
    return f"FROM {given} {events}", {"factory_key": factory_key, **parameters}


def events_at(store: Store, tx: Connection, factory_key: int, worker: Ints, time: Ints) -> list[StoredEvent]:
    """Return all events of the workers at the instants."""
    source, parameters = _events_in(store, factory_key, TimeRanges.through(worker, time, time))
    return [StoredEvent(*row) for row in tx.execute(text(f"SELECT given.i, {_SHOWN} {source}"), parameters)]
