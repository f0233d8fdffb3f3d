"""Reading metrics of a long history, beside the same of a short one.

The long history is loaded by `factory import`: every worker is seen each twelve minutes of a working day of
eight hours, so that ten million events are a year. The short one is its first 60,000 events. Each request
asks for another window, so that no answer has been given before (a history of three days has only so many
windows of whole hours: there they come again after all others); one connection, one request after the other.
"""

from __future__ import annotations

import os
from itertools import cycle, islice
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.bulk_rows import write_file
from benchmarks.child import Result
from benchmarks.report import Row, percentiles
from benchmarks.scale import SMALL_HISTORY, STATIONS, WORKERS, Scale
from benchmarks.server import Server, command, request
from benchmarks.stores import Database
from benchmarks.workload import DAY, HOUR, START, Stream

_SEEN_EACH = 12 * 60
_SERIES = "/api/v1/metrics/timeseries"


def _instant(us: int) -> str:
    return f"{np.datetime64(us, 'us')}Z"


def _windows(end: int, edge: int) -> list[tuple[str, str]]:
    """All of the history but for up to two days at each end, cut at whole hours or at any of a hundred microseconds."""
    longest = min(2 * DAY, (end - START) // 4)
    cuts = range(0, longest, edge) if edge == HOUR else Random(end).sample(range(longest), 100)
    return [(_instant(START + low), _instant(end - high)) for low in cuts for high in cuts]


def _series(kind: str, end: int) -> list[str]:
    """Choose a year by day of each worker, or a month of the factory by hour, ending at any hour of the last weeks."""
    length = 365 * DAY if "worker" in kind else 30 * DAY
    hours = min((end - START) // (2 * HOUR), 48 if "worker" in kind else 2000)
    windows = [(_instant(max(START, high - length)), _instant(high)) for high in range(end, end - hours * HOUR, -HOUR)]
    if "worker" in kind:
        what = [f"metric=total_units_produced&entity=worker&id=W{n}&bucket=day" for n in range(WORKERS)]
    else:
        what = ["metric=total_production_count&entity=factory&bucket=hour"]
    return [f"{_SERIES}?{asked}&from={low}&to={high}" for asked in what for low, high in windows]


def metrics_requests(kind: str, end: int, count: int, seed: int) -> list[bytes]:
    """Make requests of a kind for a history that ends at `end`; no window comes again before all others."""
    if kind.startswith("series"):
        paths = _series(kind, end)
    else:
        windows = _windows(end, 1 if "any" in kind else HOUR)
        paths = [f"/api/v1/metrics/{kind.split()[0]}?from={low}&to={high}" for low, high in windows]
    Random(seed).shuffle(paths)
    return [request("GET", path) for path in islice(cycle(paths), count)]


_KINDS = {
    "factory whole hours": ("GET /metrics/factory, whole hours", 50, True),
    "workers whole hours": ("GET /metrics/workers, whole hours", 50, True),
    "factory any edges": ("GET /metrics/factory, any edges", 100, False),
    "workers any edges": ("GET /metrics/workers, any edges", 100, False),
    "series worker": ("timeseries: worker, year by day", 50, False),
    "series factory": ("timeseries: factory, month by hour", 50, False),
}


def history_rows(store: str, database: Database, directory: Path, scale: Scale) -> list[Row]:
    """Measure one row for each kind of question."""
    urls, ends = [], []
    for count in (scale.history_events, SMALL_HISTORY):
        stream = Stream(workers=WORKERS, stations=STATIONS, shift_minutes=480, every=_SEEN_EACH)
        file, end = write_file(directory / "history.ndjson.gz", stream, count)
        urls.append(database.fresh())
        command(urls[-1], "import", str(file))
        ends.append(end // HOUR * HOUR + HOUR)
        file.unlink()
    rows = []
    with Server(urls[0], directory) as long, Server(urls[1], directory) as short:
        for seed, kind in enumerate(_KINDS):
            found: dict[str, list[Result]] = {"long": [], "short": []}
            requests = [metrics_requests(kind, end, scale.rounds * scale.reads, seed) for end in ends]
            for turn in range(scale.rounds):
                mine = slice(turn * scale.reads, (turn + 1) * scale.reads)
                for name, server, asked in (("long", long, requests[0]), ("short", short, requests[1])):
                    found[name].append(server.load(asked[mine], connections=1, seconds=scale.reads * 0.1))
            rows.append(_row(kind, store, scale, found, long.peak_megabytes()))
    for url in urls:
        database.drop(url)
    return rows


def _row(kind: str, store: str, scale: Scale, found: dict[str, list[Result]], peak: float) -> Row:
    what, most, compared = _KINDS[kind]
    times = {name: percentiles([t for r in results for t in r["latencies"]]) for name, results in found.items()}
    p95, beside = times["long"]["p95_ms"], times["short"]["p95_ms"]
    seconds = sum(r["ended"] - r["began"] for r in found["long"])
    return Row(
        what,
        store,
        f"p95 {p95:,.1f} ms at {scale.history_events:,}",
        f"p95 {beside:,.1f} ms at {SMALL_HISTORY:,}",
        round(p95 / beside, 2),
        f"p95 < {most} ms" + (", within 2x" if compared else ""),
        p95 < most and (not compared or p95 <= 2 * beside),
        **times["long"],
        generator_share=sum(r["cpu_seconds"] for r in found["long"]) / seconds / (os.cpu_count() or 1),
        peak_megabytes=peak,
        details={
            "short": times["short"],
            "events": scale.history_events,
            "requests": sum(r["requests"] for r in found["long"]),
        },
    )
