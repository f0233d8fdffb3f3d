"""`factory import` of a gzipped NDJSON file, what it takes on disk, and `factory rebuild` of it.

The events are those of the batch row: 500 workers, each seen once a minute, in time order. The import ends
when its derived state is up to date.
"""

from __future__ import annotations

import gzip
from pathlib import Path

from benchmarks.report import Row
from benchmarks.scale import STATIONS, WORKERS, Scale
from benchmarks.server import command
from benchmarks.stores import Database
from benchmarks.workload import Stream, json_lines

_A_CHUNK = 100_000
_REBUILD_SECONDS = 300
_BYTES = {"postgresql": 120, "sqlite": 60}
_MOST_MEGABYTES = 300


def write_file(path: Path, stream: Stream, count: int) -> tuple[Path, int]:
    """Write the next `count` events of a stream as gzipped NDJSON; the file, and the last event's instant."""
    last = 0
    with gzip.open(path, "wb", compresslevel=1) as file:
        for first in range(0, count, _A_CHUNK):
            events = stream.take(min(_A_CHUNK, count - first))
            file.write(("\n".join(json_lines(events)) + "\n").encode())
            last = int(events.time[-1])
    return path, last


def bulk_rows(store: str, database: Database, directory: Path, scale: Scale, batch_rate: float) -> list[Row]:
    """Import, size and rebuild of one database; `batch_rate` is the batch row's, in events a second."""
    count = scale.bulk_events
    stream = Stream(workers=WORKERS, stations=STATIONS, shift_minutes=480)
    file, _ = write_file(directory / "bulk.ndjson.gz", stream, count)
    url = database.fresh()
    seconds, peak = command(url, "import", str(file))
    packed = file.stat().st_size
    file.unlink()
    rate = count / seconds
    rows = [
        Row(
            f"factory import, {count:,} events",
            store,
            f"{rate:,.0f} events/s",
            f"{batch_rate:,.0f} events/s by batch",
            round(rate / batch_rate, 3),
            ">= 1.0",
            rate >= batch_rate,
            peak_megabytes=peak,
            details={"seconds": round(seconds, 2), "packed_bytes": packed},
        ),
        _size(store, database, url, count),
    ]
    seconds, peak = command(url, "rebuild")
    rows.append(
        Row(
            f"factory rebuild, {count:,} events",
            store,
            f"{seconds:,.1f} s",
            mark=f"< {_REBUILD_SECONDS} s at 10,000,000, < {_MOST_MEGABYTES} MB",
            met=seconds * 10_000_000 / count < _REBUILD_SECONDS and peak < _MOST_MEGABYTES,
            peak_megabytes=peak,
            details={"seconds": round(seconds, 2), "events_per_second": round(count / seconds)},
        )
    )
    database.drop(url)
    return rows


def _size(store: str, database: Database, url: str, count: int) -> Row:
    sizes = {part: round(size / count, 1) for part, size in database.sizes(url).items()}
    total = sum(sizes.values())
    return Row(
        f"bytes an event, {count:,} events",
        store,
        f"{total:.1f} bytes",
        " + ".join(f"{size} {part}" for part, size in sizes.items()),
        mark=f"<= {_BYTES[store]}",
        met=total <= _BYTES[store],
        details=sizes,
    )
