"""A store with a year of a large plant for `benchmarks.ui`: kept, and brought up to now at each run."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import numpy as np

from benchmarks.scale import STATIONS, WORKERS
from benchmarks.server import command
from benchmarks.workload import DAY, SECOND, START, Events, Stream, json_lines

DAYS = 365
EVERY_SECONDS = 23 * 60
"""Between two state events of a worker: with the counts about 30 events in a working day of 8 hours."""


def open_store(directory: Path) -> str:
    """Return the URL of the store in the directory: 500 workers, every day of a year up to now."""
    directory.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{directory / 'factory.db'}"
    note = directory / "range.json"  # microseconds since the epoch: the first day, and up to where it is filled
    now = time.time_ns() // 1000
    first, until = json.loads(note.read_text()) if note.exists() else (now // DAY * DAY - DAYS * DAY, 0)
    command(url, "db", "upgrade")
    file = directory / "events.ndjson.gz"
    events = _events(first, until, now)
    if len(events.time):
        with gzip.open(file, "wt", compresslevel=1) as out:
            for begin in range(0, len(events.time), 100_000):
                out.write("\n".join(json_lines(events.take(slice(begin, begin + 100_000)))) + "\n")
        command(url, "import", str(file))
        file.unlink()
    note.write_text(json.dumps([first, now]))
    return url


def _events(first: int, until: int, now: int) -> Events:
    """Make the plant's events from `until` to `now`; its first day is `first`."""
    stream = Stream(workers=WORKERS, stations=STATIONS, shift_minutes=480, every=EVERY_SECONDS)
    events = stream.take(stream.events_a_day * ((now - first) // DAY + 2))
    moved = events._replace(time=events.time - START + first)
    return moved.take(np.flatnonzero((moved.time >= until) & (moved.time < now - SECOND)))
