"""`CLOCK_AT`: another time for the whole application, the same in each of its processes, and running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from tests.servers import RunningServer, wait_until

from factory.adapters.clock import ahead_of_system, system_clock
from factory.settings import load_settings

BEGIN = datetime(2028, 2, 29, 23, 59, 58, tzinfo=timezone.utc)
MOVED = {"CLOCK_AT": BEGIN.isoformat(), "DEMO_MODE": "true"}
ANSWERS = 24
"""So many that each of two processes gives some."""


def start_of_clock(server: RunningServer) -> tuple[datetime, datetime]:
    """Return the earliest and latest instant at which the server's clock can have stood at BEGIN, by its answers."""
    before = datetime.now(timezone.utc)
    told = instant(server.request("GET", "/api/v1/metrics/now").body["timestamp"])
    return before - (told - BEGIN), datetime.now(timezone.utc) - (told - BEGIN)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def serving(server: RunningServer) -> list[int]:
    """Return the processes that serve."""
    assert server.process is not None
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return [int(child) for child in children]


def test_the_system_clock_is_the_applications_unless_it_is_moved() -> None:
    began = system_clock()

    assert ahead_of_system(load_settings({})) == 0
    ahead = ahead_of_system(load_settings(MOVED))
    at = int(BEGIN.timestamp() * 1_000_000)
    assert at - system_clock() <= ahead <= at - began
    given = load_settings({**MOVED, "CLOCK_SINCE": "2026-01-15T12:00:00Z"})
    assert ahead_of_system(given) == at - 1_768_478_400_000_000


@pytest.mark.journey
def test_all_processes_of_a_server_have_one_clock_that_runs(tmp_path: Path) -> None:
    began = datetime.now(timezone.utc)
    with RunningServer(f"sqlite:///{tmp_path}/factory.db", tmp_path / "server.log", WEB_WORKERS="2", **MOVED) as server:
        starts = [start_of_clock(server) for _ in range(ANSWERS)]
        killed, *_ = before = serving(server)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(serving(server)) == 2 and killed not in serving(server), "another process")
        server.wait_until_ready()
        ready = datetime.now(timezone.utc)
        starts += [start_of_clock(server) for _ in range(ANSWERS)]

        refused = server.raw(b"GET / HTTP/1.1\r\nbroken\r\n\r\n").partition(b"\r\n\r\n")[2]

        assert len(before) == 2
        assert BEGIN < instant(json.loads(refused)["timestamp"]) < BEGIN + (datetime.now(timezone.utc) - began)
        latest_of_all, earliest_of_all = max(early for early, _ in starts), min(late for _, late in starts)
        assert latest_of_all <= earliest_of_all, "one instant fits all answers"
        assert began <= earliest_of_all < ready

        def post(at: datetime) -> int:
            event = {"timestamp": at.isoformat(), "worker_id": "W1", "workstation_id": "S1", "event_type": "idle"}
            return server.post_json("/api/v1/events/", event).status

        assert post(BEGIN) == 201
        assert post(BEGIN + timedelta(hours=1)) == 400


@pytest.mark.system
def test_a_command_and_a_server_agree_where_they_are_told_when_the_clock_began(tmp_path: Path) -> None:
    since = datetime.now(timezone.utc) - timedelta(days=1)
    moved = {**MOVED, "CLOCK_SINCE": since.isoformat()}
    with RunningServer(f"sqlite:///{tmp_path}/factory.db", tmp_path / "server.log", **moved) as server:
        subprocess.run(
            [sys.executable, "-m", "factory.cli.main", "seed"], env=server.environment, check=True, capture_output=True
        )
        [newest] = server.request("GET", "/api/v1/events/?limit=1").body["data"]
        earliest, latest = start_of_clock(server)

    assert earliest <= since <= latest
    seen = instant(newest["timestamp"])
    present = BEGIN + (datetime.now(timezone.utc) - since)
    assert present - timedelta(hours=1) < seen < present  # the night shift has begun
