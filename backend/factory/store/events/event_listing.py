"""Stored events, newest first, in pages."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from factory.domain.timestamp import HOUR, MINUTE
from factory.store.engine.database import Store

Place = tuple[int, int, int, int, int, str]
"""The place of an event in the order: (time, worker key, type, station key, source key, event_id)."""

_ORDER = ("event_time", "worker_key", "event_type", "station_key", "source_key", "event_id")
_SELECTED = (
    "e.worker_key, e.event_time, e.event_type, e.station_key, e.confidence, e.source_key, e.event_id, e.units, "
    "e.model_key, e.received_at"
)
_WIDER = 8


class Filters(NamedTuple):
    """Conditions: instants in [start, end), and keys, or None for all."""

    start: int
    end: int
    worker: int | None = None
    station: int | None = None
    event_type: int | None = None
    source: int | None = None


def place_of(row: Any) -> Place:
    """Return the place of a row that `page` returned."""
    return (row.event_time, row.worker_key, row.event_type, row.station_key, row.source_key, row.event_id)


def page(
    store: Store, tx: Connection, factory_key: int, filters: Filters, after: Place | None, limit: int
) -> list[Any]:
    """Return up to `limit` events after the place `after`, newest first.

    Events are stored by worker, so the search goes back in ranges of growing length: the newest are in a short one.
    """
    end = filters.end if after is None else min(filters.end, after[0] + 1)
    rows: list[Any] = []
    width = MINUTE if filters.worker is None else HOUR
    while end > filters.start and len(rows) < limit:
        start = max(filters.start, end - width)
        rows += _search(store, tx, factory_key, filters._replace(start=start, end=end), after, limit - len(rows))
        end, width = start, width * _WIDER
    return rows


def _search(
    store: Store, tx: Connection, factory_key: int, filters: Filters, after: Place | None, limit: int
) -> list[Any]:
    parameters: dict[str, Any] = {"factory_key": factory_key, "limit": limit}
    conditions = ["e.factory_key = :factory_key", "e.worker_key = w.worker_key"]
    conditions += ["e.event_time >= :start", "e.event_time < :end"]
    parameters |= {"start": filters.start, "end": filters.end}
    equal = {"worker_key": filters.worker, "station_key": filters.station}
    equal |= {"event_type": filters.event_type, "source_key": filters.source}
    for column, value in equal.items():
        if value is not None:
            conditions.append(f"e.{column} = :{column}")
            parameters[column] = value
    if after is not None:
        columns = ", ".join(f"e.{name}" for name in _ORDER)
        conditions.append(f"({columns}) < ({', '.join(f':after_{name}' for name in _ORDER)})")
        parameters |= {f"after_{name}": value for name, value in zip(_ORDER, after, strict=True)}
    order = ", ".join(f"e.{name} DESC" for name in _ORDER)
    return list(
        tx.execute(
            text(
                f"SELECT {_SELECTED} FROM (SELECT worker_key FROM workers WHERE factory_key = :factory_key) w "
                f"{store.dialect.for_each('events e', ' AND '.join(conditions))} ORDER BY {order} LIMIT :limit"
            ),
            parameters,
        )
    )
