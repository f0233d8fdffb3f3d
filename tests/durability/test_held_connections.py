"""Clients without a credential that send slowly, or sign in all at once, take nobody else's place."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from tests.durability.load import make_event
from tests.servers import Reply, RunningServer, wait_until

LIMIT = 8
MORE_THAN_ALL_THREADS = 60
HEAD = "Host: localhost\r\nContent-Type: application/json\r\n"


# The database has no part in it.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(
        database_url,
        tmp_path / "server.log",
        ACCESS="required",
        SECRET_KEY="only for tests: 0123456789 abcdefghij",
        MAX_REQUESTS_IN_FLIGHT=str(LIMIT),
        RATE_LIMIT_SIGN_IN="1000/minute",
        REFRESH_INTERVAL_SECONDS="0",
    ) as running:
        yield running


def sign_in(server: RunningServer, number: int) -> Reply:
    body = {"email": f"nobody-{number}@example.org", "password": "a wrong one"}
    return server.post_json("/api/v1/session/", body, timeout=120)  # a hash costs seconds on a busy machine


def others_are_answered(server: RunningServer) -> None:
    """Assert that answers come while nobody's connection has ended: those that are refused need a moment for it."""
    for path in ("/api/v1/health/live", "/api/v1/health/ready", "/api/v1/session/"):
        assert server.request("GET", path).status == 200, path
    wait_until(lambda: server.request("GET", "/api/v1/metrics/factory").status == 401, "an answer", 10)
    assert sign_in(server, 0).status == 401


@pytest.mark.parametrize(
    "begun",
    [
        "",
        "GET /api/v1/health/live HT",
        f"GET /api/v1/metrics/factory HTTP/1.1\r\n{HEAD}X-Slow: a",
        f"POST /api/v1/session/ HTTP/1.1\r\n{HEAD}Content-Length: 5000\r\n\r\n",
        f"POST /api/v1/workers/ HTTP/1.1\r\n{HEAD}Content-Length: 5000\r\n\r\n",
        f"POST /api/v1/events/ HTTP/1.1\r\n{HEAD}Content-Length: 5000\r\n\r\n",
        f"POST /api/v1/events/batch HTTP/1.1\r\n{HEAD}Content-Length: 5000000\r\n\r\n",
        f"POST /api/v1/session/ HTTP/1.1\r\n{HEAD}Content-Length: 5000000\r\n\r\n",
        f"POST /api/v1/session/ HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n",
        f"POST /api/v1/session/ HTTP/1.1\r\n{HEAD}Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n",
    ],
    ids=["silence", "line", "head", "session", "registry", "event", "batch", "huge", "chunks", "expect"],
)
def test_requests_that_arrive_slowly_hold_nobody_up(server: RunningServer, begun: str) -> None:
    with ExitStack() as stack:
        links = [stack.enter_context(socket.socket()) for _ in range(MORE_THAN_ALL_THREADS)]
        for link in links:
            link.connect(("127.0.0.1", server.port))
            link.sendall(begun.encode())
        for _ in range(3):
            others_are_answered(server)
            for link in links:
                with suppress(OSError):  # refused already
                    link.sendall(b"1" if begun else b"")
            time.sleep(0.2)


@pytest.mark.parametrize("length", [5_000, 100])
def test_a_body_that_never_ends_is_ended(server: RunningServer, length: int) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as link:
        link.sendall(f"POST /api/v1/session/ HTTP/1.1\r\n{HEAD}Content-Length: {length}\r\n\r\n".encode())
        link.settimeout(1)
        answer = b""
        deadline = time.monotonic() + 25
        while not answer:
            assert time.monotonic() < deadline, "still read after all that time"
            try:
                answer = link.recv(4096)
            except TimeoutError:
                link.sendall(b"1")
        while more := link.recv(4096):
            answer += more
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400"), head
        assert json.loads(body)["code"] == "incomplete_body"


def test_many_sign_ins_at_once_wait_in_turn_and_leave_the_others_their_slots(server: RunningServer) -> None:
    with ThreadPoolExecutor(45) as pool:
        signing_in = [pool.submit(sign_in, server, number) for number in range(45)]
        statuses: Counter[int] = Counter()
        while not all(one.done() for one in signing_in):
            statuses[server.post_json("/api/v1/events/", make_event(0, 0)).status] += 1
    assert statuses.keys() == {401}
    assert Counter(one.result().status for one in signing_in) == {401: 45}


@pytest.mark.parametrize("path", ["/workers/", "/factories/", "/users/", "/keys/"])
def test_a_large_body_is_for_events_only(database_url: str, tmp_path: Path, path: str) -> None:
    with RunningServer(database_url, tmp_path / "open.log") as server:
        large = b'{"name":"' + b"a" * 70_000 + b'"}'
        headers = {"Content-Type": "application/json"}
        refused = server.request("POST", f"/api/v1{path}", large, headers)
        assert (refused.status, refused.body["code"]) == (413, "body_too_large")
        events = json.dumps([make_event(1, number) for number in range(1000)]).encode()
        assert len(events) > 70_000
        assert server.request("POST", "/api/v1/events/batch", events, headers).status == 201
