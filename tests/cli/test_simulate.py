"""`factory simulate` against a real server, which is away for a while."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.servers import RunningServer, free_port, wait_until

from factory.adapters.events.event_sender import EventSender
from factory.adapters.events.event_spool import EventSpool
from factory.domain.sample.simulated_stream import SimulatedStream
from factory.domain.timestamp import MINUTE, parse_timestamp
from factory.operations.simulate_live import Disturbance, simulate_live

NOON = parse_timestamp("2026-01-15T12:00:00Z")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    running = RunningServer(f"sqlite:///{tmp_path / 'factory.db'}", tmp_path / "server.log")
    yield running
    running.kill()


def simulate(server: RunningServer, spool: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "factory.cli.main", "simulate", "--url", f"http://127.0.0.1:{server.port}"]
    return subprocess.Popen(
        [*command, "--spool", str(spool), *options], stderr=subprocess.PIPE, text=True, cwd=spool.parent
    )


def holds_some(spool: Path) -> bool:
    return spool.exists() and spool.stat().st_size > 0


def number(progress: str, word: str) -> int:
    """Return the last figure after a word of the progress line."""
    return int(re.findall(rf"{word} ([0-9,]+)", progress)[-1].replace(",", ""))


def stored_event_ids(server: RunningServer) -> list[str]:
    found: list[str] = []
    query = "?limit=1000"
    while True:
        page: Any = server.request("GET", f"/api/v1/events/{query}").body
        found.extend(event["event_id"] for event in page["data"])
        if not page.get("next_cursor"):
            return found
        query = f"?limit=1000&cursor={page['next_cursor']}"


@pytest.mark.system
def test_everything_arrives_exactly_once_though_the_server_was_away(server: RunningServer, tmp_path: Path) -> None:
    server.start()
    options = ("--workers", "30", "--rate", "300/s", "--late", "10%", "--duplicates", "20%", "--duration", "6s")
    spool = tmp_path / "spool.ndjson"
    process = simulate(server, spool, *options, "--batch-size", "200")
    wait_until(lambda: server.request("GET", "/api/v1/events/?limit=1").body["data"], "the first events")
    server.kill()
    wait_until(lambda: holds_some(spool), "events that are stored")
    server.start()

    _, progress = process.communicate(timeout=60)

    assert process.returncode == 0, progress
    ids = stored_event_ids(server)
    assert len(ids) == len(set(ids)) == number(progress, "made") == 1800
    assert number(progress, "duplicates") > 200
    assert number(progress, "failed") == number(progress, "stored") == 0
    assert not spool.exists()


@pytest.mark.system
def test_what_could_not_be_delivered_is_sent_by_the_next_run(server: RunningServer, tmp_path: Path) -> None:
    spool = tmp_path / "spool.ndjson"
    first = simulate(server, spool, "--rate", "100/s", "--seed", "7")
    wait_until(lambda: holds_some(spool), "events that are stored")
    first.send_signal(signal.SIGINT)
    _, progress = first.communicate(timeout=20)
    made = number(progress, "made")
    assert first.returncode == 1
    assert made == number(progress, "stored") > 0
    assert "the next run sends them" in progress

    server.start()
    second = simulate(server, spool, "--rate", "10/s", "--duration", "1s")
    _, progress = second.communicate(timeout=30)

    assert second.returncode == 0, progress
    assert len(set(stored_event_ids(server))) == made + 10


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[RunningServer]:
    secret = "only-for-tests: 0123456789abcdef-ghijklmnop"
    url, log = f"sqlite:///{tmp_path / 'guarded.db'}", tmp_path / "guarded.log"
    with RunningServer(url, log, ACCESS="required", SECRET_KEY=secret) as running:
        yield running


def make_key(server: RunningServer, *options: str) -> str:
    command = [sys.executable, "-m", "factory.cli.main", "key", "add", "--name", "Simulated", *options]
    ran = subprocess.run(command, env=server.environment, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


@pytest.mark.system
@pytest.mark.parametrize("given", ["option", "environment"])
def test_with_an_api_key_a_guarded_server_takes_the_events(
    guarded: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    key = make_key(guarded)
    options = ["--api-key", key]
    if given == "environment":
        monkeypatch.setenv("FACTORY_API_KEY", key)
        options = []
    process = simulate(guarded, tmp_path / "spool.ndjson", "--rate", "50/s", "--duration", "2s", *options)
    _, progress = process.communicate(timeout=60)

    assert process.returncode == 0, progress
    assert number(progress, "acknowledged") >= 90
    assert key not in progress


@pytest.mark.system
@pytest.mark.parametrize(
    ("scope", "sentence"),
    [
        (None, "the server does not let us in \\(401: Sign in, or send an API key\\): see --api-key"),
        ("wrong", "the server does not let us in \\(401: The API key is not valid\\): see --api-key"),
        ("read", "the server does not let us in \\(403: Your role does not allow this\\): see --api-key"),
    ],
)
def test_without_the_right_key_the_command_ends_with_a_sentence_and_keeps_the_events(
    guarded: RunningServer, tmp_path: Path, scope: str | None, sentence: str
) -> None:
    key = f"fk_aaaaaaaaaaaa_{'a' * 43}" if scope == "wrong" else make_key(guarded, "--scope", scope or "ingest")
    options = () if scope is None else ("--api-key", key)
    process = simulate(guarded, tmp_path / "spool.ndjson", "--rate", "50/s", "--duration", "20s", *options)
    _, progress = process.communicate(timeout=15)

    assert process.returncode == 1
    assert re.search(sentence, progress), progress
    assert "events wait in" in progress
    assert key not in progress


@pytest.mark.system
def test_an_unknown_factory_ends_the_command_with_a_sentence(server: RunningServer, tmp_path: Path) -> None:
    server.start()
    process = simulate(server, tmp_path / "spool.ndjson", "--factory", "nowhere", "--duration", "1s")

    _, errors = process.communicate(timeout=20)

    assert process.returncode == 1
    assert "Error: the server answered 404: Factory not found" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--late", "105%"], "'105%' is no share such as 5% or 0.05"),
        (["--rate", "fast"], "'fast' is no rate such as 50/s or 3000/m"),
        (["--rate", "0/s"], "a rate is more than 0"),
        (["--outage", "1h/5m"], "'1h/5m' is not of the form 5m/1h"),
        (["--duration", "soon"], "'soon' is no length of time"),
        (["--url", "localhost"], "the address must look like http://localhost:5000"),
    ],
)
def test_bad_options_are_refused_with_a_sentence(options: list[str], sentence: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "factory.cli.main", "simulate", *options]
    ended = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "COLUMNS": "300"}, timeout=60
    )

    assert ended.returncode == 2
    assert sentence in " ".join(ended.stderr.replace("│", " ").split())


def test_the_same_seed_makes_the_same_stream() -> None:
    def stream(seed: int) -> list[dict[str, Any]]:
        made = SimulatedStream(seed=seed, workers=5, run="r")
        return [made.next(NOON + n) for n in range(500)]

    assert stream(1) == stream(1) != stream(2)
    assert {event["event_type"] for event in stream(1)} == {"working", "idle", "absent", "product_count"}


def test_nobody_counts_before_being_seen() -> None:
    made = SimulatedStream(seed=1, workers=40, run="r")
    first: dict[str, str] = {}
    for n in range(2000):
        event = made.next(NOON + n * MINUTE)
        first.setdefault(event["worker_id"], event["event_type"])

    assert set(first.values()) == {"working"}
    assert len(first) == 40


def test_a_planned_outage_holds_events_back_and_loses_none(tmp_path: Path) -> None:
    """Without a network: whatever is sent while the connection is cut would fail the test."""
    spool = EventSpool(tmp_path / "spool.ndjson", limit=10_000)
    sender = EventSender(url=f"http://127.0.0.1:{free_port()}", factory_id="default", spool=spool)
    clock, stored = [0.0], []

    def wait(seconds: float) -> bool:
        clock[0] += max(seconds, 0.05)
        return False

    made = simulate_live(
        stream=SimulatedStream(seed=1, workers=5, run="r"),
        sender=sender,
        rate=100,
        duration=3.0,
        disturbance=Disturbance(outage_seconds=3.5, outage_every=4.0),
        seed=1,
        now=NOON,
        monotonic=lambda: clock[0],
        wait=wait,
        progress=lambda made: stored.append((made, sender.stored)),
        drain_seconds=0.0,
    )
    spool.close()

    assert made == 300
    assert stored[-1] == (300, 300)
    assert sender.delivery.sent == 0
