"""Reading metrics of a long history, beside the same of a short one.

The long history is loaded by `factory import`: every worker is seen each twelve minutes of a working day of
eight hours, so that ten million events are a year. The short one is its first 60,000 events. Each request
asks for another window, so that no answer has been given before; one connection, one request after the other.
"""

from __future__ import annotations

import os
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
_SERIES = "/api/v1/metrics/timeseries?metric=total_units_produced"


def _instant(us: int) -> str:
    return f"{np.datetime64(us, 'us')}Z"


def _windows(end: int, count: int, seed: int, edge: int) -> list[tuple[str, str]]:
    """All of the history but for up to a day at each end, cut at multiples of `edge` microseconds."""
    rng = Random(seed)
    longest = min(DAY, (end - START) // 4) // edge
    return [
        (_instant(START + rng.randrange(longest) * edge), _instant(end - rng.randrange(longest) * edge))
        for _ in range(count)
    ]


def metrics_requests(kind: str, end: int, count: int, seed: int) -> list[bytes]:
    """Requests of a kind for a history that ends at `end`, each with a window of its own."""
    if kind.startswith("series"):
        length, bucket = (365 * DAY, "day") if "worker" in kind else (30 * DAY, "hour")
        rng = Random(seed)
        first = [max(START, end - length - rng.randrange(48) * HOUR) for _ in range(count)]
        who = "&entity=worker&id=W{}" if "worker" in kind else "&entity=factory"
        metric = _SERIES if "worker" in kind else _SERIES.replace("total_units_produced", "total_production_count")
        paths = [
            metric
            + who.format(rng.randrange(WORKERS))
            + f"&bucket={bucket}&from={_instant(low)}&to={_instant(low + length)}"
            for low in first
        ]
    else:
        entity, edge = kind.split()[0], 1 if "any" in kind else HOUR
        paths = [f"/api/v1/metrics/{entity}?from={low}&to={high}" for low, high in _windows(end, count, seed, edge)]
    return [request("GET", path) for path in paths]


_KINDS = {
    "factory whole hours": ("GET /metrics/factory, whole hours", 50, True),
    "workers whole hours": ("GET /metrics/workers, whole hours", 50, True),
    "factory any edges": ("GET /metrics/factory, any edges", 100, False),
    "workers any edges": ("GET /metrics/workers, any edges", 100, False),
    "series worker": ("timeseries: worker, year by day", 50, False),
    "series factory": ("timeseries: factory, month by hour", 50, False),
}


def history_rows(store: str, database: Database, directory: Path, scale: Scale) -> list[Row]:
    """A row a kind of question."""
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
            for turn in range(scale.rounds):
                for name, server, end in (("long", long, ends[0]), ("short", short, ends[1])):
                    asked = metrics_requests(kind, end, scale.reads, seed * 100 + turn)
                    found[name].append(server.load(asked, connections=1, seconds=scale.reads * 0.1))
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
