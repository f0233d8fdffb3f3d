"""POST /events/: one durable event a request, beside a POST that does nothing in the same server."""

from __future__ import annotations

import json
import os
from pathlib import Path

from benchmarks.report import Row, percentiles
from benchmarks.scale import STATIONS, WORKERS, Scale
from benchmarks.server import SERVE_WITH_NOTHING, Server, request
from benchmarks.stores import Database
from benchmarks.workload import Stream, json_arrays, json_lines

CONNECTIONS = 16
_MOST_A_SECOND = 6000
_FIRST = 5000
_BODY_OF_NOTHING = b"{}"


def single_row(store: str, database: Database, directory: Path, scale: Scale) -> Row:
    """Ours and nothing take turns in one server; the metrics must count every event at the end of a turn."""
    most = int(scale.single_seconds * _MOST_A_SECOND)
    stream = Stream(workers=WORKERS, stations=STATIONS, shift_minutes=480)
    last = request("GET", "/api/v1/metrics/factory")
    rates: dict[str, list[float]] = {"ours": [], "nothing": [], "nothing, without the product around it": []}
    latencies: list[float] = []
    cpu, seconds = 0.0, 0.0
    url = database.fresh()
    with Server(url, directory, command=SERVE_WITH_NOTHING) as server:
        # A plant registers its workers once; a row of that would measure nothing else.
        (first,) = json_arrays(stream.take(_FIRST), _FIRST)
        server.request("POST", "/api/v1/events/batch", first)
        stored = _FIRST
        for _ in range(scale.rounds):
            posts = [request("POST", "/api/v1/events/", line.encode()) for line in json_lines(stream.take(most))]
            result = server.load(posts, connections=CONNECTIONS, seconds=scale.single_seconds, last=last)
            stored += result["requests"]
            counted = json.loads(result["last_body"])["data"]["total_events"]
            if counted != stored:
                raise RuntimeError(f"The metrics count {counted} events where {stored} were acknowledged")
            took = result["ended"] - result["began"]
            rates["ours"].append(result["requests"] / took)
            latencies += result["latencies"]
            cpu, seconds = cpu + result["cpu_seconds"], seconds + took
            for name, path in (
                ("nothing", "/bench/nothing"),
                ("nothing, without the product around it", "/bare/nothing"),
            ):
                result = server.load(
                    [request("POST", path, _BODY_OF_NOTHING)] * most,
                    connections=CONNECTIONS,
                    seconds=scale.single_seconds / 2,
                )
                rates[name].append(result["requests"] / (result["ended"] - result["began"]))
        peak = server.peak_megabytes()
    database.drop(url)
    mean = {name: sum(values) / len(values) for name, values in rates.items()}
    ratio, times = mean["ours"] / mean["nothing"], percentiles(latencies)
    return Row(
        "single posts, 16 connections",
        store,
        f"{mean['ours']:,.0f} events/s",
        f"{mean['nothing']:,.0f} POST/s of nothing",
        round(ratio, 3),
        ">= 0.5, p99 < 50 ms",
        ratio >= 0.5 and times["p99_ms"] < 50,
        **times,
        generator_share=cpu / seconds / (os.cpu_count() or 1),
        peak_megabytes=peak,
        details={"turns": rates, "longest_ms": round(max(latencies) * 1000, 2)},
    )
