"""What only SQLite does its own way."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from itertools import count, repeat
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy import URL, Connection, Engine, event, text

from factory.settings import Settings

DriverError = sqlite3.Error

_STEPS_BETWEEN_LOOKS = 100_000
"""Instructions of SQLite's machine between two looks at the clock; some milliseconds."""

WRITE = {"begin": "BEGIN IMMEDIATE"}
SNAPSHOT = {"begin": "BEGIN"}
WRITING_SNAPSHOT = WRITE
ONE_WRITER = True
"""Whether transactions that write take turns."""


def engine_options(url: URL, settings: Settings) -> dict[str, Any]:
    """Arguments of create_engine; makes the folder of the file."""
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    return {
        "pool_size": settings.db_pool_size,
        "max_overflow": settings.db_max_overflow,
        "pool_timeout": settings.db_pool_timeout_seconds,
        "connect_args": {"timeout": settings.db_lock_timeout_seconds},
    }


def prepare(engine: Engine, settings: Settings) -> None:
    """Set up each connection, and begin transactions ourselves: the driver would begin them late."""

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        _use_write_ahead_log(connection)
        # Temporary tables stay where SQLite puts them, in a file when they outgrow the cache: in memory the sort of a
        # whole history would grow with it.
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            "cache_size = -16384",
            # Pages that change again and again are moved into the file less often.
            "wal_autocheckpoint = 4000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    limit = settings.db_statement_timeout_seconds
    if limit:

        @event.listens_for(engine, "connect")
        def limited(connection: sqlite3.Connection, record: Any) -> None:
            until = record.info["until"] = [0.0]
            connection.set_progress_handler(lambda: time.monotonic() > until[0], _STEPS_BETWEEN_LOOKS)

        @event.listens_for(engine, "before_cursor_execute")
        def begins(connection: Connection, *_statement: Any) -> None:
            connection.info["until"][0] = time.monotonic() + limit

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        begin = connection.get_execution_options().get("begin", "BEGIN IMMEDIATE")
        driver: Any = connection.connection.driver_connection
        if begin == "BEGIN":
            driver.execute(begin)
        else:
            _begin_alone(driver, begin, settings.db_lock_timeout_seconds)


def _begin_alone(connection: sqlite3.Connection, begin: str, patience: float) -> None:
    """Wait for the other writer. SQLite's own wait sleeps ever longer, up to 100 ms, where commits take a few."""
    deadline = time.monotonic() + patience
    pause = 0.0005
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                connection.execute(begin)
                return
            except sqlite3.OperationalError as error:
                if reason(error) != "busy" or time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(pause / 2, pause))
            pause = min(pause * 1.2, 0.01)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience * 1000:.0f}")


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # Of several processes that open a new file at once all but one are told that it is locked, without
    # the wait that busy_timeout promises elsewhere.
    for attempt in range(50):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            time.sleep(0.01 * (attempt + 1))
    connection.execute("PRAGMA journal_mode = WAL")


def act_for(_tx: Connection, _organisation: int | None) -> None:
    """SQLite has no row-level security: the look-ups by id and by key alone keep organisations apart."""


def confirm_commit(_tx: Connection) -> None:
    """A commit that returned is on disk, and there is no other place for it to be."""


def reason(error: BaseException | None) -> str:
    """Why the driver failed: busy, slow, full, away, or other."""
    message = str(error)
    if message == "interrupted":
        return "slow"
    if "locked" in message or "busy" in message:
        return "busy"
    if message == "database or disk is full":
        return "full"
    if isinstance(error, sqlite3.OperationalError) and ("unable to open" in message or "disk" in message):
        return "away"
    return "other"


def relation(columns: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """SQL of a table `given` with these columns (arrays or lists) and the row number `i`, from 0."""
    names = list(columns)
    lists = [np.asarray(columns[name]).tolist() for name in names]
    selected = ", ".join(f"json_extract(value, '$[{n}]') AS {name}" for n, name in enumerate(names))
    rows = msgspec.json.encode(list(zip(*lists, strict=True))).decode()
    return f"(SELECT key AS i, {selected} FROM json_each(:given)) AS given", {"given": rows}


def for_each(table: str, condition: str) -> str:
    """SQL that joins, for each row before it, the rows of `table` that an index finds by `condition`."""
    return f"CROSS JOIN {table} WHERE {condition}"


def lock_factory_shared(tx: Connection, factory_key: int) -> None:
    """Nothing to do: a writer is alone."""


def lock_factory(tx: Connection, factory_key: int) -> None:
    """Nothing to do: a writer is alone."""


def lock_registries(tx: Connection, factory_key: int) -> None:
    """Nothing to do: a writer is alone."""


def lock_derivation(tx: Connection) -> None:
    """Nothing to do: a writer is alone."""


# On a row that is stored already, the database hands its content to `stored_before`, which answers false.
_INSERT = """INSERT INTO events (factory_key, worker_key, event_time, event_type, station_key, source_key,
    event_id, units, confidence, model_key, received_at) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)
    ON CONFLICT (factory_key, worker_key, event_time, event_type, station_key, source_key, event_id)
    DO UPDATE SET units = units WHERE stored_before(?12, units, confidence, model_key)"""


def insert_events(tx: Connection, factory_key: int, events: Any, received_at: int) -> dict[int, tuple[Any, ...]]:
    """Insert event_log.EventColumns; the content of those that were stored before, by row."""
    stored: dict[int, tuple[Any, ...]] = {}

    def stored_before(place: int, *content: Any) -> bool:
        stored[place] = content
        return False

    lists = [column if isinstance(column, list) else column.tolist() for column in events]
    connection = tx.connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    connection.create_function("stored_before", 4, stored_before)
    connection.executemany(_INSERT, zip(repeat(factory_key), *lists, repeat(received_at), count()))
    return stored


def fetch_columns(
    tx: Connection, columns: Mapping[str, str], select: str, parameters: Mapping[str, Any]
) -> list[npt.NDArray[Any]]:
    """The columns that `select` answers, as arrays of int64 or float64.

    `columns` names what it selects, none of it null, with the width: i8, i4, i2 or f8.
    """
    rows = tx.execute(text(select.format(", ".join(columns))), parameters).cursor.fetchall()
    lists = list(zip(*rows, strict=True)) or [()] * len(columns)
    return [np.array(values, dtype=f"{kind[0]}8") for values, kind in zip(lists, columns.values(), strict=True)]


def fetch_pages(
    tx: Connection, select: str, parameters: Mapping[str, Any]
) -> list[tuple[int, int, bytes | memoryview]]:
    """The rows (smallint, bigint, bytes) that `select` answers."""
    return list(tx.execute(text(select), parameters).cursor.fetchall())


def lock_schema(tx: Connection) -> None:
    """Nothing to do: a writer is alone."""


def back_up(engine: Engine, target: Path) -> None:
    """A copy of the database as it is at one moment, while others write; nothing stays where it fails.

    Raises FileExistsError, and OSError where the copy is not whole.
    """
    with target.open("xb"):
        pass
    try:
        with closing(sqlite3.connect(target)) as copy, engine.connect() as connection:
            source = connection.connection.driver_connection
            assert isinstance(source, sqlite3.Connection)
            source.backup(copy)
            for (state,) in copy.execute("PRAGMA integrity_check(1000000000)"):
                # SQLite 3.40 says this of each row of a table without rowid whose key is not its first columns.
                if state != "ok" and not state.startswith("NULL value in "):
                    raise OSError(f"the copy is not whole: {state}")
    except BaseException:
        target.unlink()
        raise
