"""Raw events: what was said, as it was said."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, text

from factory.store.database import Store
from factory.store.pending import CELL, Cells

Ints = npt.NDArray[np.int64]

COLUMNS = (
    "factory_key",
    "worker_key",
    "event_time",
    "event_type",
    "station_key",
    "source_key",
    "event_id",
    "units",
    "confidence",
    "model_key",
    "received_at",
)
IDENTITY = COLUMNS[:7]
CONTENT = COLUMNS[7:10]

Row = tuple[Any, ...]

_SHOWN = "event_type, station_key, confidence, source_key, event_id, units, model_key, received_at"
_MATCH = " AND ".join(f"e.{name} = given.{name}" for name in IDENTITY[1:])


def insert_new(store: Store, tx: Connection, factory_key: int, rows: list[Row]) -> dict[int, Row]:
    """Insert rows of distinct identity; the content of those that were stored before, by place.

    The database decides what is new: where another writer comes in between, it is asked again.
    """
    ordered = sorted(range(len(rows)), key=lambda n: rows[n][:7])
    stored: dict[int, Row] = {}
    while ordered:
        if store.dialect.insert_events(tx, [rows[n] for n in ordered]):
            break
        found = _stored(store, tx, factory_key, [rows[n] for n in ordered])
        stored.update((ordered[place], content) for place, content in found.items())
        ordered = [n for n in ordered if n not in stored]
    return stored


def _stored(store: Store, tx: Connection, factory_key: int, rows: list[Row]) -> dict[int, Row]:
    columns = list(zip(*rows, strict=True))
    given, parameters = store.dialect.relation(
        {name: np.array(columns[n]) if n < 6 else list(columns[n]) for n, name in enumerate(IDENTITY) if n}
    )
    found = tx.execute(
        text(
            f"SELECT given.i, {', '.join('e.' + name for name in CONTENT)} FROM {given} "
            f"CROSS JOIN events e WHERE e.factory_key = :factory_key AND {_MATCH}"
        ),
        {"factory_key": factory_key, **parameters},
    )
    return {row[0]: tuple(row[1:]) for row in found}


class Stretches(NamedTuple):
    """Stretches of time of workers, both ends included; columns."""

    worker: Ints
    low: Ints
    high: Ints


class FoundEvents(NamedTuple):
    """Events found in stretches; `place` is the row of the stretch. Columns, in no order."""

    place: Ints
    time: Ints
    kind: Ints
    station: Ints
    confidence: npt.NDArray[np.float64]
    source: Ints


def in_stretches(store: Store, tx: Connection, factory_key: int, stretches: Stretches) -> FoundEvents:
    """The events of the workers in the stretches."""
    given, parameters = _given(store, stretches)
    rows = tx.execute(
        text(
            "SELECT given.i, e.event_time, e.event_type, e.station_key, e.confidence, e.source_key "
            f"FROM {given} CROSS JOIN events e WHERE e.factory_key = :factory_key "
            "AND e.worker_key = given.worker AND e.event_time BETWEEN given.low AND given.high"
        ),
        {"factory_key": factory_key, **parameters},
    ).all()
    columns = list(zip(*rows, strict=True)) or [()] * 6
    place, time, kind, station = (np.array(column, dtype=np.int64) for column in columns[:4])
    return FoundEvents(
        place, time, kind, station, np.array(columns[4], dtype=np.float64), np.array(columns[5], dtype=np.int64)
    )


def count_in_stretches(store: Store, tx: Connection, factory_key: int, stretches: Stretches) -> list[Row]:
    """(stretch, station key, units, events) of the stretches, by worker and station."""
    given, parameters = _given(store, stretches)
    rows = tx.execute(
        text(
            "SELECT given.i, e.station_key, sum(e.units), count(*) "
            f"FROM {given} CROSS JOIN events e WHERE e.factory_key = :factory_key "
            "AND e.worker_key = given.worker AND e.event_time BETWEEN given.low AND given.high "
            "GROUP BY given.i, e.station_key"
        ),
        {"factory_key": factory_key, **parameters},
    )
    return [(row[0], row[1], int(row[2]), row[3]) for row in rows]


def count_by_quarter(store: Store, tx: Connection, factory_key: int, stretches: Stretches) -> list[Row]:
    """(stretch, station key, quarter of an hour since the epoch, units, events) of the stretches."""
    given, parameters = _given(store, stretches)
    rows = tx.execute(
        text(
            "SELECT given.i, e.station_key, e.event_time / 900000000 AS quarter, sum(e.units), count(*) "
            f"FROM {given} CROSS JOIN events e WHERE e.factory_key = :factory_key "
            "AND e.worker_key = given.worker AND e.event_time BETWEEN given.low AND given.high "
            "GROUP BY given.i, e.station_key, quarter"
        ),
        {"factory_key": factory_key, **parameters},
    )
    return [(row[0], row[1], row[2], int(row[3]), row[4]) for row in rows]


def events_by_hour(tx: Connection, factory_key: int) -> list[Row]:
    """(hour since the epoch, events) of the hours with events, in order."""
    rows = tx.execute(
        text(
            "SELECT event_time / 3600000000 AS hour, count(*) FROM events WHERE factory_key = :factory_key "
            "GROUP BY hour ORDER BY hour"
        ),
        {"factory_key": factory_key},
    )
    return [tuple(row) for row in rows]


def cells_between(store: Store, tx: Connection, factory_key: int, workers: list[int], low: int, high: int) -> Cells:
    """The cells (store/pending.py) of all events in [low, high]."""
    full = np.full(len(workers), 1, dtype=np.int64)
    given, parameters = _given(store, Stretches(np.array(workers, dtype=np.int64), full * low, full * high))
    rows = tx.execute(
        text(
            "SELECT given.worker, min(e.event_time), max(e.event_time) "
            f"FROM {given} CROSS JOIN events e WHERE e.factory_key = :factory_key "
            "AND e.worker_key = given.worker AND e.event_time BETWEEN given.low AND given.high "
            "GROUP BY given.worker, e.event_time / 3600000000"
        ),
        {"factory_key": factory_key, **parameters},
    )
    return np.array([tuple(row) for row in rows], dtype=CELL)


def rows_between(store: Store, tx: Connection, factory_key: int, workers: list[int], low: int, high: int) -> list[Any]:
    """(worker key, time, and the columns of texts_at) of all events in [low, high]."""
    full = np.full(len(workers), 1, dtype=np.int64)
    given, parameters = _given(store, Stretches(np.array(workers, dtype=np.int64), full * low, full * high))
    return list(
        tx.execute(
            text(
                f"SELECT e.worker_key, e.event_time, {_SHOWN} FROM {given} CROSS JOIN events e "
                "WHERE e.factory_key = :factory_key AND e.worker_key = given.worker "
                "AND e.event_time BETWEEN given.low AND given.high"
            ),
            {"factory_key": factory_key, **parameters},
        )
    )


def around(store: Store, tx: Connection, factory_key: int, stretches: Stretches) -> tuple[list[Any], list[Any]]:
    """For each stretch, the last event before it and the first state event after it; None where there is none."""
    given, parameters = _given(store, stretches)
    mine = "e.factory_key = :factory_key AND e.worker_key = given.worker"
    rows = tx.execute(
        text(
            "SELECT given.i, "
            f"(SELECT max(e.event_time) FROM events e WHERE {mine} AND e.event_time < given.low), "
            f"(SELECT e.event_time FROM events e WHERE {mine} AND e.event_time > given.high AND e.event_type < 4 "
            "ORDER BY e.event_time LIMIT 1) "
            f"FROM {given} ORDER BY given.i"
        ),
        {"factory_key": factory_key, **parameters},
    ).all()
    return [row[1] for row in rows], [row[2] for row in rows]


def _given(store: Store, stretches: Stretches) -> tuple[str, dict[str, Any]]:
    given, parameters = store.dialect.relation(stretches._asdict())
    return str(given), parameters


def texts_at(tx: Connection, factory_key: int, worker_key: int, time: int) -> list[Any]:
    """(type, station key, confidence, source key, event_id, units, model key, received_at) at one instant."""
    return list(
        tx.execute(
            text(
                f"SELECT {_SHOWN} FROM events WHERE factory_key = :factory_key AND worker_key = :worker AND event_time = :time"
            ),
            {"factory_key": factory_key, "worker": worker_key, "time": time},
        )
    )
