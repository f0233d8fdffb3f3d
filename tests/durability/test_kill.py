"""Acknowledged means durable: SIGKILL to every server process in the middle of concurrent posts."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.durability.load import Load, make_event, post_events, stored_event_ids
from tests.servers import RunningServer

ROUNDS = 3
SECONDS_OF_LOAD = 1.2


def factory_command(server: RunningServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "factory.cli.main", *arguments],
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_acknowledged_event_is_there_exactly_once_after_kill_9(database_url: str, tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    sent: set[str] = set()
    server = RunningServer(database_url, tmp_path / "server.log", WEB_WORKERS="2", REFRESH_INTERVAL_SECONDS="0.2")
    try:
        for _ in range(ROUNDS):
            server.start()
            load = Load(server).start()
            time.sleep(SECONDS_OF_LOAD)
            server.kill()
            load.stop()
            assert load.refused == []
            acknowledged |= load.acknowledged
            sent |= load.sent
        assert len(acknowledged) > 100, "too few events for the test to mean anything"

        server.start()
        stored = stored_event_ids(server)
        assert acknowledged - stored.keys() == set()
        assert stored.keys() - sent == set()
        assert {identity: times for identity, times in stored.items() if times > 1} == {}
        counted = server.request("GET", "/api/v1/metrics/factory?from=2026-01-01T00:00:00Z").body["data"][
            "total_events"
        ]
        assert counted == len(stored)

        verified = factory_command(server, "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr

        # What was not acknowledged can be sent again unchanged.
        unsure = sorted(sent - acknowledged)
        events = [make_event(*map(int, identity.split("-"))) for identity in unsure]
        refused: list[tuple[int, str]] = []
        for start in range(0, len(events), 500):
            post_events(server, events[start : start + 500], refused)
        assert refused == []
        stored = stored_event_ids(server)
        assert stored.keys() == sent
        assert set(stored.values()) == {1}
    finally:
        server.kill()
    assert "Traceback" not in server.read_log()


def test_a_killed_server_process_is_replaced_and_loses_nothing(database_url: str, tmp_path: Path) -> None:
    with RunningServer(database_url, tmp_path / "server.log", WEB_WORKERS="2") as server:
        assert server.process is not None
        load = Load(server, clients=3).start()
        time.sleep(0.6)
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        assert children, "no server processes found"
        subprocess.run(["kill", "-9", children[0]], check=True)
        time.sleep(0.8)
        load.stop()
        server.wait_until_ready()
        stored = stored_event_ids(server)
        assert load.acknowledged
        assert load.acknowledged - stored.keys() == set()
        assert set(stored.values()) == {1}
        assert factory_command(server, "verify").returncode == 0
