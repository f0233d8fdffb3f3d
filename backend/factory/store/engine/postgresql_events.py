"""Inserting events into PostgreSQL: by COPY, and by a staging table where some are stored already."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import psycopg2.errors
from sqlalchemy import Connection, text

from factory.domain.states.ranges import run_starts, take
from factory.store.engine.event_columns import Content, EventColumns, Ints
from factory.store.engine.postgresql_arrays import HEADER, TRAILER, for_each, relation

# In the binary format of COPY a row is the number of fields, then width and bytes of each. event_id comes last.
_COPIED = {
    "factory_key": ">i4",
    "received_at": ">i8",
    "worker_key": ">i4",
    "event_time": ">i8",
    "event_type": ">i2",
    "station_key": ">i2",
    "source_key": ">i2",
    "units": ">i4",
    "confidence": ">f8",
    "model_key": ">i2",
}
_COLUMNS = f"{', '.join(_COPIED)}, event_id"
_COPY = f"COPY {{}}_rows ({_COLUMNS}) FROM STDIN (FORMAT binary)"
_COPY_STAGED = f"COPY staged_events ({_COLUMNS}) FROM STDIN (FORMAT binary)"
_STAGE = f"""CREATE TEMPORARY TABLE IF NOT EXISTS staged_events ON COMMIT {{}} AS
    SELECT {_COLUMNS} FROM events WITH NO DATA"""
_IDENTITY = "worker_key, event_time, event_type, station_key, source_key, event_id"
_INSERT_STAGED = f"""WITH inserted AS (INSERT INTO {{}} ({_COLUMNS}) SELECT {_COLUMNS} FROM staged_events
    ON CONFLICT DO NOTHING RETURNING {_IDENTITY})
    SELECT {_IDENTITY} FROM staged_events EXCEPT ALL SELECT {_IDENTITY} FROM inserted"""
_ROW = np.dtype(
    [("fields", ">i2")]
    + [part for name, kind in _COPIED.items() for part in ((f"{name}_width", ">i4"), (name, kind))]
    + [("event_id_width", ">i4")]
)
_REPEATED = "events_repeated"

POOLED = "pooled"
"""Execution option: whether a pooler shares server connections between clients."""


def insert_events(tx: Connection, factory_key: int, events: EventColumns, received_at: int) -> dict[int, Content]:
    """Insert events, ordered by identity; return the content of those stored before, by row.

    The first event of a worker at an instant goes into `events_first`, others into `events_beside`. COPY costs half of
    INSERT ... ON CONFLICT, but fails at the first key that exists. Most deliveries repeat nothing, so COPY is tried
    first, unless the last delivery of the connection repeated something.
    """
    if not tx.info.get(_REPEATED) and _copy_all(tx, factory_key, events, received_at):
        return {}
    everything = np.arange(len(events.worker))
    left = _insert_staged(tx, "events_first", factory_key, events, everything, received_at)
    stored = _stored(tx, factory_key, left)
    beside = np.array(sorted(set(left.values()) - stored.keys()), dtype=np.int64)
    if len(beside):
        left = _insert_staged(tx, "events_beside", factory_key, events, beside, received_at)
        stored |= _stored(tx, factory_key, left)
    tx.info[_REPEATED] = len(beside) > 0 or len(stored) > 0
    return stored


def _copy_all(tx: Connection, factory_key: int, events: EventColumns, received_at: int) -> bool:
    """Copy all events; return False, with nothing stored, if one of them exists."""
    cursor = tx.connection.cursor()
    first = run_starts(events.worker, events.time)
    cursor.execute("SAVEPOINT copying")
    try:
        for table, rows in (("events_first", np.flatnonzero(first)), ("events_beside", np.flatnonzero(~first))):
            if len(rows):
                some = events if len(rows) == len(first) else take(events, rows)
                cursor.copy_expert(_COPY.format(table), io.BytesIO(_binary(factory_key, some, received_at)))
    except psycopg2.errors.UniqueViolation:
        cursor.execute("ROLLBACK TO SAVEPOINT copying")
        return False
    return True


_Identity = tuple[Any, ...]
"""Worker, instant, type, station, source and event_id."""


def _insert_staged(
    tx: Connection, table: str, factory_key: int, events: EventColumns, rows: Ints, received_at: int
) -> dict[_Identity, int]:
    """Insert the events in `rows` whose key is not in the table yet; return the rows of the others by identity."""
    cursor = tx.connection.cursor()
    # A pooled server connection is used by others too: leave no table behind.
    cursor.execute(_STAGE.format("DROP" if tx.get_execution_options()[POOLED] else "DELETE ROWS"))
    cursor.execute("DELETE FROM staged_events")
    content = _binary(factory_key, take(events, rows), received_at)
    cursor.copy_expert(_COPY_STAGED, io.BytesIO(content))
    cursor.execute(_INSERT_STAGED.format(table))
    left = set(cursor.fetchall())
    likely = rows[np.isin(events.time[rows], [identity[1] for identity in left])]
    columns = (events.worker, events.time, events.kind, events.station, events.source)
    texts = [events.event_id[row] for row in likely.tolist()]
    identities = zip(*(column[likely].tolist() for column in columns), texts, strict=True)
    return {identity: row for identity, row in zip(identities, likely.tolist(), strict=True) if identity in left}


def _stored(tx: Connection, factory_key: int, left: dict[_Identity, int]) -> dict[int, Content]:
    """Return the content of the stored events among them, by row."""
    if not left:
        return {}
    instants = sorted({identity[:2] for identity in left})
    given, parameters = relation({"worker": [one[0] for one in instants], "time": [one[1] for one in instants]})
    same = "e.factory_key = :factory_key AND e.worker_key = given.worker AND e.event_time = given.time"
    found = tx.execute(
        text(f"SELECT {_IDENTITY}, e.units, e.confidence, e.model_key FROM {given} {for_each('events e', same)}"),
        {"factory_key": factory_key, **parameters},
    )
    contents = ((left.get(tuple(row[:6])), (row.units, row.confidence, row.model_key)) for row in found)
    return {row: content for row, content in contents if row is not None}


def _binary(factory_key: int, events: EventColumns, received_at: int) -> bytes:
    """Encode events in the binary format of COPY."""
    row = np.zeros((), _ROW)
    row["fields"] = len(_COPIED) + 1
    row["factory_key"], row["received_at"] = factory_key, received_at
    for name, kind in _COPIED.items():
        row[f"{name}_width"] = np.dtype(kind).itemsize
    rows = np.frombuffer(bytearray(row.tobytes() * len(events.worker)), _ROW)
    for name, column in zip(list(_COPIED)[2:], (*events[:5], *events[6:]), strict=True):
        rows[name] = column
    if not any(events.event_id):
        return HEADER + rows.tobytes() + TRAILER
    texts = [text.encode() for text in events.event_id]
    rows["event_id_width"] = [len(text) for text in texts]
    raw, width = rows.tobytes(), rows.itemsize
    parts = [raw[n * width : (n + 1) * width] + text for n, text in enumerate(texts)]
    return HEADER + b"".join(parts) + TRAILER
