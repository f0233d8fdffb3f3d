"""Clients that send or read slowly hold no database connection: there is one, and others are answered meanwhile."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.durability.load import make_event
from tests.servers import RunningServer

EVENTS = 1000
PIPELINED = 40
"""So many answers of EVENTS events are more than the buffers between server and client hold."""
PROMPT = 2.0


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[RunningServer]:
    one = {"WEB_WORKERS": "1", "DB_POOL_SIZE": "1", "DB_MAX_OVERFLOW": "0", "DB_POOL_TIMEOUT_SECONDS": "3"}
    with RunningServer(database_url, tmp_path / "server.log", REFRESH_INTERVAL_SECONDS="0", **one) as running:
        events = [make_event(0, number) for number in range(EVENTS)]
        assert running.post_json("/api/v1/events/batch", events).status == 201
        yield running


def connect(server: RunningServer, stack: ExitStack) -> socket.socket:
    link = stack.enter_context(socket.socket())
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.settimeout(20)
    link.connect(("127.0.0.1", server.port))
    return link


def others_are_answered(server: RunningServer, first: int) -> None:
    for number in range(first, first + 5):
        began = time.monotonic()
        assert server.post_json("/api/v1/events/", make_event(1, number)).status == 201
        assert server.request("GET", "/api/v1/events/?limit=10").status == 200
        assert server.request("GET", "/api/v1/metrics/factory").status == 200
        assert time.monotonic() - began < 3 * PROMPT


def test_clients_that_send_slowly(server: RunningServer) -> None:
    bodies = {
        "/events/": make_event(2, 0),
        "/events/batch": [make_event(2, number) for number in range(1, 50)],
        "/workers/": {"worker_id": "slow", "name": "Slow"},
        "/factories/": {"factory_id": "slow", "name": "Slow", "time_zone": "UTC"},
    }
    with ExitStack() as stack:
        links = []
        for path, value in bodies.items():
            body = json.dumps(value).encode()
            head = f"POST /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            link = connect(server, stack)
            link.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:-1])
            links.append((link, body[-1:]))
        others_are_answered(server, 0)
        for link, rest in links:
            link.sendall(rest)
            assert link.recv(12) == b"HTTP/1.1 201"


def test_clients_that_read_slowly(server: RunningServer) -> None:
    months = "from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z"
    paths = (
        "/events/?limit=1000",
        "/metrics/workers/W1/intervals",
        f"/metrics/timeseries?metric=event_count&entity=worker&id=W1&bucket=15m&{months}",
    )
    with ExitStack() as stack:
        links = []
        for path in paths:
            link = connect(server, stack)
            link.sendall(f"GET /api/v1{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * PIPELINED)
            links.append(link)
        time.sleep(1)
        others_are_answered(server, 100)
        for link in links:
            assert link.recv(12) == b"HTTP/1.1 200"


def test_clients_that_do_not_hang_up(server: RunningServer) -> None:
    with ExitStack() as stack:
        began = time.monotonic()
        for _ in range(8):
            link = connect(server, stack)
            link.sendall(b"GET /api/v1/health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert link.recv(12) == b"HTTP/1.1 200"
        assert time.monotonic() - began < 4 * PROMPT
        others_are_answered(server, 200)
