"""What only PostgreSQL does its own way."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Mapping
from select import POLLIN, poll
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg2.errors
from sqlalchemy import URL, Connection, Engine, event, text
from sqlalchemy.exc import InvalidatePoolError

from factory.domain.ranges import begins
from factory.settings import Settings

DriverError = psycopg2.Error

WRITE = {"isolation_level": "READ COMMITTED"}
SNAPSHOT = {"isolation_level": "REPEATABLE READ"}
WRITING_SNAPSHOT = SNAPSHOT
ONE_WRITER = False
"""Whether transactions that write take turns."""

TENANT = "factory_tenant"
"""The role of transactions that act for an organisation."""

_NAMED = re.compile(r":([a-z_]+)")

_FACTORY, _REGISTRIES, _SCHEMA = 7301, 7302, 7304
"""First halves of the advisory locks' keys; the second is the factory's key."""


def engine_options(url: URL, settings: Settings) -> dict[str, Any]:
    """Arguments of create_engine."""
    options = {
        "lock_timeout": f"{settings.db_lock_timeout_seconds * 1000:.0f}",
        "statement_timeout": f"{settings.db_statement_timeout_seconds * 1000:.0f}",
        "timezone": "UTC",
        "client_min_messages": "warning",
        "jit": "off",
    }
    return {
        "pool_size": settings.db_pool_size,
        "max_overflow": settings.db_max_overflow,
        "pool_timeout": settings.db_pool_timeout_seconds,
        "connect_args": {
            "application_name": "factory",
            "connect_timeout": 5,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    }


def prepare(engine: Engine, settings: Settings) -> None:
    """Let the pool hand out no connection that the server has ended, a restarted one for example."""

    @event.listens_for(engine, "checkout")
    def handed_out(connection: Any, _record: object, _proxy: object) -> None:
        # A server speaks to an idle connection only to end it, so this needs no question and no answer.
        said = poll()
        said.register(connection.fileno(), POLLIN)
        if said.poll(0):
            raise InvalidatePoolError  # with it go all that are as old: the pool connects anew


def act_for(tx: Connection, organisation: int) -> None:
    """Hold the rest of the transaction to an organisation's rows (store/row_security.py)."""
    # SET, unlike SELECT set_config(), does not fix the snapshot: own_derived has to come first in it.
    cursor = tx.connection.cursor()
    cursor.execute(f"SET LOCAL ROLE {TENANT}; SET LOCAL factory.organisation = {int(organisation)}")


def reason(error: BaseException | None) -> str:
    """Why the driver failed: conflict, busy, slow, away, or other."""
    if isinstance(error, psycopg2.errors.SerializationFailure | psycopg2.errors.DeadlockDetected):
        return "conflict"
    if isinstance(error, psycopg2.errors.QueryCanceled):
        return "slow"
    if isinstance(error, psycopg2.errors.LockNotAvailable):
        return "busy"
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return "away"
    return "other"


def for_each(table: str, condition: str) -> str:
    """SQL that joins, for each row before it, the rows of `table` that an index finds by `condition`.

    OFFSET 0 keeps the planner from another way: right after a table has grown it takes it for small, and
    would rather read all of it.
    """
    return f"CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {condition} OFFSET 0) {table.split()[-1]}"


def relation(columns: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """SQL of a table `given` with these columns (arrays or lists) and the row number `i`, from 0."""
    arrays, parameters = [], {}
    for name, values in columns.items():
        array = np.asarray(values)
        kind = {"i": "bigint", "u": "bigint", "f": "float8"}.get(array.dtype.kind, "text")
        arrays.append(f"CAST(:given_{name} AS {kind}[])")
        numbers = "{" + ",".join(map(str, array.tolist())) + "}"
        parameters[f"given_{name}"] = array.tolist() if kind == "text" else numbers
    names = ", ".join(columns)
    return (
        f"(SELECT place - 1 AS i, {names} FROM unnest({', '.join(arrays)}) "
        f"WITH ORDINALITY AS u({names}, place)) AS given",
        parameters,
    )


# COPY knows no row-level security; a trigger compares each row with this setting instead, which says the factory only
# if it is visible to the transaction.
_WRITES = (
    "set_config('factory.writes', coalesce((SELECT :key FROM factories WHERE factory_key = :key)::text, ''), true)"
)
_SHARE = text(f"SELECT pg_advisory_xact_lock_shared(:lock, :key), {_WRITES}")
_OWN = text(f"SELECT pg_advisory_xact_lock(:lock, :key), {_WRITES}")


def share_factory(tx: Connection, factory_key: int) -> None:
    """Write events of a factory beside others, until the end of the transaction."""
    tx.execute(_SHARE, {"lock": _FACTORY, "key": factory_key})


def own_factory(tx: Connection, factory_key: int) -> None:
    """Wait until nobody else writes events of a factory, and keep others from it."""
    tx.execute(_OWN, {"lock": _FACTORY, "key": factory_key})


def own_registries(tx: Connection, factory_key: int) -> None:
    """Be the only one that gives out keys in a factory."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock, :key)"), {"lock": _REGISTRIES, "key": factory_key})


def own_derived(tx: Connection) -> None:
    """Wait to be the only one that derives rows; before any other statement of the transaction.

    LOCK, unlike a SELECT of an advisory lock, does not fix the snapshot yet: all that the owners before
    have committed is in it. What comes later is not, so that one refresh sees one moment throughout.
    """
    tx.execute(text("LOCK TABLE derivation_lock IN EXCLUSIVE MODE"))


# The fields of COPY's binary form: a count, then the width and the bytes of each. event_id comes last.
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
_STAGE = f"""CREATE TEMPORARY TABLE IF NOT EXISTS staged_events ON COMMIT DELETE ROWS AS
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
_HEADER, _TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_REPEATED = "events_repeated"


def insert_events(tx: Connection, factory_key: int, events: Any, received_at: int) -> dict[int, tuple[Any, ...]]:
    """Insert event_log.EventColumns, ordered by their identity; the content of those stored before, by row.

    The first event of a worker at an instant goes into `events_first`, others into `events_beside`. COPY costs
    half of INSERT ... ON CONFLICT, but fails at the first row whose key is there. Most deliveries have none, so
    COPY is tried first, unless the connection's last one had some.
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


def _copy_all(tx: Connection, factory_key: int, events: Any, received_at: int) -> bool:
    """Whether all events could be copied, since none of them was there."""
    cursor = tx.connection.cursor()
    first = begins(events.worker, events.time)
    cursor.execute("SAVEPOINT copying")
    try:
        for table, rows in (("events_first", np.flatnonzero(first)), ("events_beside", np.flatnonzero(~first))):
            if len(rows):
                some = events if len(rows) == len(first) else events.take(rows)
                cursor.copy_expert(_COPY.format(table), io.BytesIO(_binary(factory_key, some, received_at)))
    except psycopg2.errors.UniqueViolation:
        cursor.execute("ROLLBACK TO SAVEPOINT copying")
        return False
    return True


_Identity = tuple[Any, ...]
"""Worker, instant, type, station, source and event_id."""


def _insert_staged(
    tx: Connection, table: str, factory_key: int, events: Any, rows: Any, received_at: int
) -> dict[_Identity, int]:
    """Insert the chosen events where the key is not in the table yet; the identities and rows of the others."""
    cursor = tx.connection.cursor()
    cursor.execute(_STAGE)
    cursor.execute("DELETE FROM staged_events")
    content = _binary(factory_key, events.take(rows), received_at)
    cursor.copy_expert(_COPY_STAGED, io.BytesIO(content))
    cursor.execute(_INSERT_STAGED.format(table))
    left = set(cursor.fetchall())
    likely = rows[np.isin(events.time[rows], [identity[1] for identity in left])]
    columns = (events.worker, events.time, events.kind, events.station, events.source)
    texts = [events.event_id[row] for row in likely.tolist()]
    identities = zip(*(column[likely].tolist() for column in columns), texts, strict=True)
    return {identity: row for identity, row in zip(identities, likely.tolist(), strict=True) if identity in left}


def _stored(tx: Connection, factory_key: int, left: dict[_Identity, int]) -> dict[int, tuple[Any, ...]]:
    """The content of those of the events that are stored, by row."""
    if not left:
        return {}
    instants = sorted({identity[:2] for identity in left})
    given, parameters = relation({"worker": [one[0] for one in instants], "time": [one[1] for one in instants]})
    same = "e.factory_key = :factory_key AND e.worker_key = given.worker AND e.event_time = given.time"
    found = tx.execute(
        text(f"SELECT {_IDENTITY}, e.units, e.confidence, e.model_key FROM {given} {for_each('events e', same)}"),
        {"factory_key": factory_key, **parameters},
    )
    contents = ((left.get(tuple(row[:6])), tuple(row[6:])) for row in found)
    return {row: content for row, content in contents if row is not None}


def _binary(factory_key: int, events: Any, received_at: int) -> bytes:
    row = np.zeros((), _ROW)
    row["fields"] = len(_COPIED) + 1
    row["factory_key"], row["received_at"] = factory_key, received_at
    for name, kind in _COPIED.items():
        row[f"{name}_width"] = np.dtype(kind).itemsize
    rows = np.frombuffer(bytearray(row.tobytes() * len(events.worker)), _ROW)
    for name, column in zip(list(_COPIED)[2:], (*events[:5], *events[6:]), strict=True):
        rows[name] = column
    if not any(events.event_id):
        return _HEADER + rows.tobytes() + _TRAILER
    texts = [text.encode() for text in events.event_id]
    rows["event_id_width"] = [len(text) for text in texts]
    raw, width = rows.tobytes(), rows.itemsize
    parts = [raw[n * width : (n + 1) * width] + text for n, text in enumerate(texts)]
    return _HEADER + b"".join(parts) + _TRAILER


def _copied(tx: Connection, query: str, parameters: Mapping[str, Any]) -> memoryview:
    """The rows that a query answers in COPY's binary form."""
    cursor = tx.connection.cursor()
    complete = cursor.mogrify(_NAMED.sub(r"%(\1)s", query), parameters).decode()
    target = io.BytesIO()
    cursor.copy_expert(f"COPY ({complete}) TO STDOUT (FORMAT binary)", target)
    return target.getbuffer()[len(_HEADER) : -len(_TRAILER)]


def fetch_columns(
    tx: Connection, columns: Mapping[str, str], select: str, parameters: Mapping[str, Any]
) -> list[npt.NDArray[Any]]:
    """The columns that `select` answers, as arrays of int64 or float64.

    `columns` names what it selects, none of it null, with the width: i8, i4, i2 or f8.
    """
    copied = _copied(tx, select.format(", ".join(columns)), parameters)
    parts = [part for n, kind in enumerate(columns.values()) for part in ((f"width{n}", ">i4"), (f"{n}", f">{kind}"))]
    rows = np.frombuffer(copied, np.dtype([("fields", ">i2"), *parts]))
    return [rows[f"{n}"].astype(f"{kind[0]}8") for n, kind in enumerate(columns.values())]


_PAGE_ROW = struct.Struct(">hihiqi")


def fetch_pages(
    tx: Connection, select: str, parameters: Mapping[str, Any]
) -> list[tuple[int, int, bytes | memoryview]]:
    """The rows (smallint, bigint, bytes) that `select` answers; the driver would ask for hexadecimal digits."""
    copied, place = _copied(tx, select, parameters), 0
    rows: list[tuple[int, int, bytes | memoryview]] = []
    while place < len(copied):
        _, _, number, _, large, length = _PAGE_ROW.unpack_from(copied, place)
        place += _PAGE_ROW.size + length
        rows.append((number, large, copied[place - length : place]))
    return rows


def own_schema(tx: Connection) -> None:
    """Be the only one that changes the schema, until the end of the transaction."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock, 0)"), {"lock": _SCHEMA})
