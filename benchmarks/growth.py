"""Growth of time and bytes with the events and with the workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.bulk_rows import write_file
from benchmarks.history_rows import metrics_requests
from benchmarks.report import Row, percentiles
from benchmarks.scale import STATIONS, WORKERS, Scale
from benchmarks.server import Server, command
from benchmarks.stores import Database
from benchmarks.workload import HOUR, Stream

_EVENTS = (10_000, 100_000, 1_000_000, 10_000_000)
_WORKERS = (10, 100, 1000)


def growth_rows(names: list[str], stores: dict[str, Database], directory: Path, scale: Scale) -> Iterator[list[Row]]:
    """Measure a row for each number of events at 500 workers, and each number of workers at a million events."""
    most = scale.history_events
    sizes = [(count, WORKERS) for count in _EVENTS if count <= most]
    sizes += [(min(1_000_000, most), workers) for workers in _WORKERS]
    for store in names:
        for events, workers in sizes:
            yield [_row(store, stores[store], directory, events, workers, scale.reads)]


def _row(store: str, database: Database, directory: Path, events: int, workers: int, reads: int) -> Row:
    stream = Stream(workers=workers, stations=min(STATIONS, workers), shift_minutes=480)
    file, last = write_file(directory / "growth.ndjson.gz", stream, events)
    url = database.fresh()
    seconds, peak = command(url, "import", str(file))
    file.unlink()
    times = {}
    with Server(url, directory) as server:
        for kind in ("factory whole hours", "workers whole hours", "workers any edges"):
            result = server.load(metrics_requests(kind, last // HOUR * HOUR + HOUR, reads, 1), connections=1)
            times[kind] = percentiles(result["latencies"])
    sizes = {part: round(size / events, 1) for part, size in database.sizes(url).items()}
    database.drop(url)
    shown = ", ".join(f"{kind} {time['p95_ms']:.1f}" for kind, time in times.items())
    return Row(
        f"{events:,} events, {workers} workers",
        store,
        f"import {events / seconds:,.0f}/s, {sum(sizes.values()):.0f} bytes an event",
        f"p95 ms: {shown}",
        peak_megabytes=peak,
        details={"events": events, "workers": workers, "seconds": seconds, "bytes": sizes, "times": times},
    )
