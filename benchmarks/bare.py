"""The limit of a store: ready rows into the same table, and nothing else.

PostgreSQL: binary COPY into a temporary table and INSERT ... ON CONFLICT DO NOTHING. SQLite: executemany.
One durable transaction a batch.
"""

from __future__ import annotations

import io
import pickle
import sqlite3
from collections.abc import Callable
from typing import Any

import psycopg2

from benchmarks.child import be_child, read_parts


def _prepare(given: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    parts = read_parts(given["file"])[given["first"] :: given["step"]]
    return (
        _postgresql(given["database"], parts) if given["store"] == "postgresql" else _sqlite(given["database"], parts)
    )


def _postgresql(url: str, parts: list[bytes]) -> Callable[[], dict[str, Any]]:
    connection = psycopg2.connect(url)
    cursor = connection.cursor()
    cursor.execute("CREATE TEMPORARY TABLE staged ON COMMIT DELETE ROWS AS SELECT * FROM bare.events WITH NO DATA")
    connection.commit()

    def run() -> dict[str, Any]:
        rows = 0
        for part in parts:
            cursor.copy_expert("COPY staged FROM STDIN (FORMAT binary)", io.BytesIO(part))
            cursor.execute("INSERT INTO bare.events SELECT * FROM staged ON CONFLICT DO NOTHING")
            rows += cursor.rowcount
            connection.commit()
        return {"rows": rows}

    return run


def _sqlite(path: str, parts: list[bytes]) -> Callable[[], dict[str, Any]]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -32768")
    batches = [pickle.loads(part) for part in parts]
    values = ",".join("?" * len(batches[0][0]))

    def run() -> dict[str, Any]:
        before = connection.total_changes
        for batch in batches:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(f"INSERT INTO events VALUES ({values}) ON CONFLICT DO NOTHING", batch)
            connection.execute("COMMIT")
        return {"rows": connection.total_changes - before}

    return run


if __name__ == "__main__":
    be_child(_prepare)
