"""The cost of authentication for a single post: a key in required access beside open access, in turns."""

from __future__ import annotations

import secrets
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks.report import Row
from benchmarks.scale import STATIONS, WORKERS, Scale
from benchmarks.server import SERVE, Server, environment, request
from benchmarks.stores import Database
from benchmarks.workload import Stream, json_arrays, json_lines

CONNECTIONS = 16
_MOST_A_SECOND = 3000
_FIRST = 5000
_TURNS = 2  # as many as there are rounds: the difference is small
_SERVE_WITHOUT_LIMITS = [
    "-m",
    "gunicorn",
    "--config",
    "python:factory.server.gunicorn_config",
    "benchmarks.noop_app:create_app_without_limits()",
]
OPEN, KEY, NO_LIMIT = "open", "key", "key, without limits"


def access_rows(store: str, database: Database, directory: Path, scale: Scale) -> list[Row]:
    """Three servers take turns, each on a database of its own with the same events."""
    # Counted, and never reached.
    required = {"ACCESS": "required", "SECRET_KEY": secrets.token_urlsafe(48), "RATE_LIMIT_INGEST": "1000000/second"}
    commands = {OPEN: (SERVE, {}), KEY: (SERVE, required), NO_LIMIT: (_SERVE_WITHOUT_LIMITS, required)}
    most = int(scale.single_seconds * _MOST_A_SECOND)
    stream = Stream(workers=WORKERS, stations=STATIONS, shift_minutes=480)
    (first,) = json_arrays(stream.take(_FIRST), _FIRST)
    rates: dict[str, list[float]] = {name: [] for name in commands}
    microseconds: dict[str, list[float]] = {name: [] for name in commands}
    urls = {name: database.fresh() for name in commands}
    with ExitStack() as stack:
        servers, keys = {}, {}
        for name, (command, more) in commands.items():
            keys[name] = _new_key(urls[name], more) if more else None
            servers[name] = stack.enter_context(Server(urls[name], directory, command=command, **more))
            servers[name].load([request("POST", "/api/v1/events/batch", first, key=keys[name])], connections=1)
        for turn in range(_TURNS * scale.rounds):
            lines = json_lines(stream.take(most))
            order = list(commands)
            for name in order[turn % 3 :] + order[: turn % 3]:
                posts = [request("POST", "/api/v1/events/", line.encode(), key=keys[name]) for line in lines]
                before = servers[name].cpu_seconds()
                result = servers[name].load(posts, connections=CONNECTIONS, seconds=scale.single_seconds)
                microseconds[name].append((servers[name].cpu_seconds() - before) * 1e6 / result["requests"])
                rates[name].append(result["requests"] / (result["ended"] - result["began"]))
    for url in urls.values():
        database.drop(url)
    return [
        _row(store, "single posts with a key, limits counted", KEY, rates, microseconds, "< 15 %"),
        _row(store, "single posts with a key, no limits", NO_LIMIT, rates, microseconds, ""),
    ]


def _new_key(url: str, more: dict[str, str]) -> str:
    command = [sys.executable, "-m", "factory.cli.main", "key", "add", "--name", "bench", "--scope", "ingest"]
    ran = subprocess.run(command, env=environment(url, **more), capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def _row(
    store: str, what: str, name: str, rates: dict[str, list[float]], microseconds: dict[str, list[float]], mark: str
) -> Row:
    """Take the median of the turns' costs: both sides of a turn are measured within seconds of each other."""
    costs = [open_ / ours - 1 for open_, ours in zip(rates[OPEN], rates[name], strict=True)]
    cpu = [ours / open_ - 1 for open_, ours in zip(microseconds[OPEN], microseconds[name], strict=True)]
    return Row(
        what,
        store,
        f"{median(rates[name]):,.0f} events/s, {median(costs):+.1%} time, {median(cpu):+.1%} CPU",
        f"{median(rates[OPEN]):,.0f} events/s in open access",
        round(median(rates[name]) / median(rates[OPEN]), 3),
        mark,
        median(costs) < 0.15 if mark else None,
        details={
            "cost_by_turn": [round(cost, 3) for cost in costs],
            "cpu_cost_by_turn": [round(cost, 3) for cost in cpu],
            "cpu_cost": round(median(cpu), 3),
            "cpu_microseconds": {one: round(median(values)) for one, values in microseconds.items()},
            "rates": {one: [round(rate) for rate in values] for one, values in rates.items()},
        },
    )
