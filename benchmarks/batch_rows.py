"""POST /events/batch: in time order, beside the bare store, and late and repeated.

In every round three take turns on the same database server: ours in time order, the bare store with the
very rows that ours has just stored, and ours with a tenth of the events up to a working day late (24 hours
later at the same place in the day) and a twentieth sent twice. Late events go to a factory of their own in
the same tables. A turn of ours ends when GET /metrics/factory has answered and counts every event.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.child import Child, Result, run_together, write_parts
from benchmarks.report import Row, percentiles
from benchmarks.scale import EVENTS_A_REQUEST, STATIONS, WORKERS, Scale
from benchmarks.server import Server, request
from benchmarks.stores import Database
from benchmarks.workload import Events, Ints, Stream, disorder, json_arrays

LATE_FACTORY = "late"
CONNECTIONS = {"postgresql": 4, "sqlite": 4}
MARK = {"postgresql": 0.6, "sqlite": 0.3}


@dataclass
class _Turns:
    """The result of the turns of one of the three."""

    events: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def add(self, events: int, seconds: float, results: list[Result]) -> None:
        self.events += events
        self.seconds += seconds
        self.rates.append(round(events / seconds))
        for result in results:
            self.cpu_seconds += result["cpu_seconds"]
            self.latencies += result.get("latencies", [])

    @property
    def rate(self) -> float:
        return self.events / self.seconds


def batch_rows(store: str, database: Database, directory: Path, scale: Scale) -> list[Row]:
    """Both rows of a store."""
    batches = scale.batches if store == "postgresql" else scale.sqlite_batches
    a_turn = batches * EVENTS_A_REQUEST
    ordered, late = _streams(scale, a_turn)
    url = database.fresh()
    bare = database.prepare_limit(url)
    ours, limit, disordered = _Turns(), _Turns(), _Turns()
    with Server(url, directory) as server:
        server.request("POST", "/api/v1/factories", json.dumps({"factory_id": LATE_FACTORY}).encode())
        before = len(ordered.time) - scale.rounds * a_turn
        _send(server, store, ordered.take(slice(0, before)), "default")
        _send(server, store, late[0].take(slice(0, before)), LATE_FACTORY)
        for turn in range(scale.rounds):
            part = slice(before + turn * a_turn, before + (turn + 1) * a_turn)
            events = ordered.take(part)
            result = _send(server, store, events, "default")
            _check(result, part.stop)
            ours.add(a_turn, result["ended"] - result["began"], [result])
            _run_limit(store, database, url, bare, events, directory, limit)
            result = _send(server, store, late[0].take(part), LATE_FACTORY)
            _check(result, len(np.unique(late[1][: part.stop])))
            disordered.add(a_turn, result["ended"] - result["began"], [result])
        peak = server.peak_megabytes()
    database.drop(url)
    beside = f"{limit.rate:,.0f} rows/s bare"
    first = _row("batch, in time order", store, ours, beside, ours.rate / limit.rate, MARK[store], peak)
    first.details |= {"limit_per_second": round(limit.rate), "limit_turns": limit.rates}
    beside = "in time order"
    return [
        first,
        _row("batch, 10 % late, 5 % twice", store, disordered, beside, disordered.rate / ours.rate, 0.5, peak),
    ]


def _streams(scale: Scale, a_turn: int) -> tuple[Events, tuple[Events, Ints]]:
    stream = Stream(workers=WORKERS, stations=STATIONS, shift_minutes=scale.shift_minutes)
    a_day = stream.events_a_day // EVENTS_A_REQUEST * EVENTS_A_REQUEST
    ordered = stream.take(a_day + scale.rounds * a_turn)
    return ordered, disorder(ordered, late=0.10, duplicates=0.05, most=a_day)


def _send(server: Server, store: str, events: Events, factory: str) -> Result:
    bodies = json_arrays(events, EVENTS_A_REQUEST)
    requests = [request("POST", f"/api/v1/events/batch?factory={factory}", body) for body in bodies]
    last = request("GET", f"/api/v1/metrics/factory?factory={factory}")
    return server.load(requests, connections=CONNECTIONS[store], last=last)


def _check(result: Result, expected: int) -> None:
    counted = json.loads(result["last_body"])["data"]["total_events"]
    if counted != expected:
        raise RuntimeError(f"The metrics count {counted} events where {expected} were acknowledged")


def _run_limit(
    store: str, database: Database, url: str, bare: str, events: Events, directory: Path, limit: _Turns
) -> None:
    rows = database.ready_rows(url, int(events.time.min()), int(events.time.max()) + 1, EVENTS_A_REQUEST)
    file = write_parts(directory / "ready", rows)
    loops = 2 if store == "postgresql" else 1
    children = [Child("bare", store=store, database=bare, file=str(file), first=n, step=loops) for n in range(loops)]
    file.unlink()
    results = run_together(children)
    seconds = max(r["ended"] for r in results) - min(r["began"] for r in results)
    limit.add(sum(r["rows"] for r in results), seconds, results)


def _row(what: str, store: str, turns: _Turns, limit: str, ratio: float, mark: float, peak: float) -> Row:
    return Row(
        what,
        store,
        f"{turns.rate:,.0f} events/s",
        limit,
        round(ratio, 3),
        f">= {mark}",
        ratio >= mark,
        **percentiles(turns.latencies),
        generator_share=turns.cpu_seconds / turns.seconds / (os.cpu_count() or 1),
        peak_megabytes=peak,
        details={"events_per_second": round(turns.rate), "turns": turns.rates},
    )
