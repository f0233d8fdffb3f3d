"""SQLite as a `Dialect`, and the copy of a database file."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from itertools import count, repeat
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy import URL, Connection, Engine, event, text

from factory.settings import Settings
from factory.store.engine.dialect import Given, Reason
from factory.store.engine.event_columns import Content, EventColumns

DriverError: type[Exception] = sqlite3.Error

_STEPS_BETWEEN_CHECKS = 100_000
"""Instructions of SQLite's virtual machine between two checks of the time limit; some milliseconds."""

WRITE = {"begin": "BEGIN IMMEDIATE"}
SNAPSHOT = {"begin": "BEGIN"}
WRITING_SNAPSHOT = WRITE
ONE_WRITER = True


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


def _make(file: Path) -> None:
    """Make an empty file that only its owner reads: it will hold what persons do. Raises FileExistsError.

    SQLite gives the same mode to the files that it makes beside it.
    """
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def prepare(engine: Engine, settings: Settings) -> None:
    """Set the pragmas of each connection, and begin transactions here: the driver would begin them late."""

    @event.listens_for(engine, "do_connect")
    def connects(_dialect: object, _record: object, _arguments: object, _options: object) -> None:
        if engine.url.database and engine.url.database != ":memory:":
            with suppress(OSError):  # it is there, or SQLite says why it cannot be made
                _make(Path(engine.url.database))

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        _use_write_ahead_log(connection)
        # temp_store stays at its default, a file: in memory, the sort of a whole history would need as much memory.
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            "cache_size = -16384",
            # Pages that change often are copied into the database file less often.
            "wal_autocheckpoint = 4000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    limit = settings.db_statement_timeout_seconds
    if limit:

        @event.listens_for(engine, "connect")
        def limited(connection: sqlite3.Connection, record: Any) -> None:
            until = record.info["until"] = [0.0]
            connection.set_progress_handler(lambda: time.monotonic() > until[0], _STEPS_BETWEEN_CHECKS)

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
    """Begin, and wait for the other writer in short sleeps; SQLite's own wait sleeps up to 100 ms at a time."""
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
    # When several processes open a new file at once, all but one fail with "locked"; busy_timeout does not apply here.
    for attempt in range(50):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            time.sleep(0.01 * (attempt + 1))
    connection.execute("PRAGMA journal_mode = WAL")


def act_for(_tx: Connection, _organisation: int | None) -> None:
    """Do nothing: SQLite has no row-level security, and only the conditions of statements keep organisations apart."""


def confirm_commit(_tx: Connection) -> None:
    """Do nothing: a commit that returned is on disk."""


def reason(error: BaseException | None) -> Reason:
    """Classify an error of sqlite3."""
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


def relation(columns: Given) -> tuple[str, dict[str, Any]]:
    """Return SQL of a table `given` of a JSON array."""
    names = list(columns)
    lists = [np.asarray(columns[name]).tolist() for name in names]
    selected = ", ".join(f"json_extract(value, '$[{n}]') AS {name}" for n, name in enumerate(names))
    rows = msgspec.json.encode(list(zip(*lists, strict=True))).decode()
    return f"(SELECT key AS i, {selected} FROM json_each(:given)) AS given", {"given": rows}


def for_each(table: str, condition: str) -> str:
    """Return SQL of a join; SQLite does not reorder a CROSS JOIN."""
    return f"CROSS JOIN {table} WHERE {condition}"


def lock_factory_shared(tx: Connection, factory_key: int) -> None:
    """Do nothing: there is one writer at a time."""


def lock_factory(tx: Connection, factory_key: int) -> None:
    """Do nothing: there is one writer at a time."""


def lock_registries(tx: Connection, factory_key: int) -> None:
    """Do nothing: there is one writer at a time."""


def lock_derivation(tx: Connection) -> None:
    """Do nothing: there is one writer at a time."""


# For a row that is stored already, SQLite calls `stored_before` with its content; it returns false, so no update.
INSERT_EVENT = """INSERT INTO events (factory_key, worker_key, event_time, event_type, station_key, source_key,
    event_id, units, confidence, model_key, received_at) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)
    ON CONFLICT (factory_key, worker_key, event_time, event_type, station_key, source_key, event_id)
    DO UPDATE SET units = units WHERE stored_before(?12, units, confidence, model_key)"""


def insert_events(tx: Connection, factory_key: int, events: EventColumns, received_at: int) -> dict[int, Content]:
    """Insert events one by one; return the content of those stored before, by row."""
    stored: dict[int, Content] = {}

    def stored_before(row: int, units: int, confidence: float, model_key: int) -> bool:
        stored[row] = (units, confidence, model_key)
        return False

    lists = [column if isinstance(column, list) else column.tolist() for column in events]
    connection = tx.connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    connection.create_function("stored_before", 4, stored_before)
    connection.executemany(INSERT_EVENT, zip(repeat(factory_key), *lists, repeat(received_at), count()))
    return stored


def fetch_columns(
    tx: Connection, columns: Mapping[str, str], select: str, parameters: Mapping[str, Any]
) -> list[npt.NDArray[Any]]:
    """Return the columns of a query as arrays."""
    rows = tx.execute(text(select.format(", ".join(columns))), parameters).cursor.fetchall()
    lists = list(zip(*rows, strict=True)) or [()] * len(columns)
    return [np.array(values, dtype=f"{kind[0]}8") for values, kind in zip(lists, columns.values(), strict=True)]


def fetch_pages(
    tx: Connection, select: str, parameters: Mapping[str, Any]
) -> list[tuple[int, int, bytes | memoryview]]:
    """Return the rows of a query."""
    return list(tx.execute(text(select), parameters).cursor.fetchall())


def lock_schema(tx: Connection) -> None:
    """Do nothing: there is one writer at a time."""


def back_up(engine: Engine, target: Path) -> None:
    """Copy the database in one consistent state to a new file, while others write; no file is left on failure.

    Raises FileExistsError, and OSError where the copy fails its integrity check.
    """
    _make(target)
    try:
        with closing(sqlite3.connect(target)) as copy, engine.connect() as connection:
            source = connection.connection.driver_connection
            assert isinstance(source, sqlite3.Connection)
            source.backup(copy)
            for (state,) in copy.execute("PRAGMA integrity_check(1000000000)"):
                # SQLite 3.40 reports this for each row of a table without rowid whose key is not its first columns.
                if state != "ok" and not state.startswith("NULL value in "):
                    raise OSError(f"the copy is not whole: {state}")
    except BaseException:
        target.unlink()
        raise
