"""`python -m benchmarks.layout [--events N] [--late]`: what the key of `events` costs on PostgreSQL.

The same rows go into tables that differ in their primary key alone: bytes of heap and index an event, and
microseconds of the server process an event. See docs/EVENT_TABLE.md.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
from pathlib import Path

import numpy as np
import psycopg2

from benchmarks.scale import EVENTS_A_REQUEST, STATIONS, WORKERS
from benchmarks.stores import Postgres, open_stores
from benchmarks.workload import Events, Stream, disorder

_REST = ("event_type", "station_key", "source_key", "event_id")
KEYS = {
    "worker first: the identity": ("factory_key", "worker_key", "event_time", *_REST),
    "time first": ("factory_key", "event_time", "worker_key", *_REST),
    "worker and instant alone": ("factory_key", "worker_key", "event_time"),
}
_TYPES = {
    "event_time": ">i8",
    "received_at": ">i8",
    "confidence": ">f8",
    "factory_key": ">i4",
    "worker_key": ">i4",
    "units": ">i4",
    "station_key": ">i2",
    "event_type": ">i2",
    "source_key": ">i2",
    "model_key": ">i2",
}
_ROW = np.dtype(
    [("fields", ">i2")]
    + [part for name, kind in _TYPES.items() for part in ((f"{name}_width", ">i4"), (name, kind))]
    + [("event_id_width", ">i4")]
)


def _binary(events: Events, key: tuple[str, ...]) -> bytes:
    """Encode the rows for a binary COPY, in the order of the key."""
    rows = np.zeros(len(events.time), _ROW)
    given = {
        "event_time": events.time,
        "received_at": events.time.max(),
        "confidence": events.percent / 100,
        "factory_key": 1,
        "worker_key": events.worker + 1,
        "units": events.units,
        "station_key": events.station + 1,
        "event_type": events.kind + 1,
    }
    rows["fields"] = len(_TYPES) + 1
    for name, kind in _TYPES.items():
        rows[f"{name}_width"] = np.dtype(kind).itemsize
        rows[name] = given.get(name, 0)
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + np.sort(rows, order=key[1:3]).tobytes() + b"\xff\xff"


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(url: str, table: str, key: tuple[str, ...], events: Events) -> str:
    """Load the events into a new table with this key; a line of figures."""
    with contextlib.closing(psycopg2.connect(url)) as connection:
        cursor = connection.cursor()
        cursor.execute(f"CREATE TABLE {table} (LIKE public.events_first, PRIMARY KEY ({', '.join(key)}))")
        cursor.execute(f"CREATE TEMPORARY TABLE staged ON COMMIT DELETE ROWS AS SELECT * FROM {table} WITH NO DATA")
        connection.commit()
        copy = f"COPY staged ({', '.join(_TYPES)}, event_id) FROM STDIN (FORMAT binary)"
        pid = connection.get_backend_pid()
        before, stored = _cpu_seconds(pid), 0
        for first in range(0, len(events.time), EVENTS_A_REQUEST):
            batch = events.take(slice(first, first + EVENTS_A_REQUEST))
            cursor.copy_expert(copy, io.BytesIO(_binary(batch, key)))
            cursor.execute(f"INSERT INTO {table} SELECT * FROM staged ON CONFLICT DO NOTHING")
            stored += cursor.rowcount
            connection.commit()
        microseconds = (_cpu_seconds(pid) - before) * 1e6 / stored
        cursor.execute("SELECT pg_relation_size(%s), pg_indexes_size(%s)", (table, table))
        heap, index = (size / stored for size in cursor.fetchone())
    return f"heap {heap:5.1f}  index {index:5.1f}  sum {heap + index:6.1f} bytes  {microseconds:5.2f} µs"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layout")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--late", action="store_true", help="a tenth arrives up to a day late")
    asked = parser.parse_args()
    stream = Stream(workers=WORKERS, stations=STATIONS, shift_minutes=960)
    events = stream.take(asked.events)
    if asked.late:
        events, _ = disorder(events, late=0.1, duplicates=0, most=stream.events_a_day)
    with open_stores(None) as (_directory, stores):
        store = stores["postgresql"]
        assert isinstance(store, Postgres)
        url = store.fresh()
        for number, (name, key) in enumerate(KEYS.items()):
            print(f"{name:28} {measure(url, f'layout{number}', key, events)}", flush=True)


if __name__ == "__main__":
    main()
