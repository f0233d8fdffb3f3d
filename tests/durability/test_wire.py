"""Requests that only a raw socket can send, against a real server: lies about length, half requests, smuggling."""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from tests.hostile.site import GOOD, event, line
from tests.servers import RunningServer

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, fresh_database: Callable[[str], str]) -> Iterator[RunningServer]:
    log = tmp_path_factory.mktemp("wire") / "server.log"
    running = RunningServer(fresh_database("sqlite"), log, WEB_WORKERS="2", MAX_REQUESTS_IN_FLIGHT="24")
    with running:
        yield running


@pytest.fixture(autouse=True)
def server_stays_well(server: RunningServer) -> Iterator[None]:
    """After every attack the server answers, and its log tells of no error of its own."""
    yield
    assert server.request("GET", "/api/v1/health/ready").status == 200
    assert "Traceback" not in server.read_log()


def post(
    path: str, body: bytes, *headers: str, length: str | None = None, content_type: str = "application/json"
) -> bytes:
    """Return a request's bytes, with a Content-Length of our own choosing."""
    lines = [
        f"POST /api/v1{path} HTTP/1.1",
        "Host: localhost",
        f"Content-Type: {content_type}",
        *([] if length == "" else [f"Content-Length: {len(body) if length is None else length}"]),
        "Connection: close",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def statuses(received: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3})", received)]


def count_of(server: RunningServer, worker: str) -> int:
    return len(server.request("GET", f"/api/v1/events/?worker_id={worker}").body["data"])


def fresh_worker() -> str:
    return f"W-{uuid4().hex[:12]}"


def test_a_content_length_longer_than_the_body_stores_nothing(server: RunningServer) -> None:
    worker = fresh_worker()
    for path, body in (("/events/", line(event(worker_id=worker))), ("/events/batch", line([event(worker_id=worker)]))):
        for extra in (1, 1000, 10**6):
            received = server.raw(post(path, body, length=str(len(body) + extra)))
            assert set(statuses(received)) <= {400, 408}
    assert count_of(server, worker) == 0


def test_lines_cut_off_by_the_connection_store_nothing(server: RunningServer) -> None:
    worker = fresh_worker()
    body = b"\n".join(line(event(worker_id=worker, event_id=str(number))) for number in range(100))
    cut = body[: len(body) // 2]
    request = post("/events/batch", cut, length=str(len(body)), content_type="application/x-ndjson")
    assert set(statuses(server.raw(request))) <= {400, 408}
    assert count_of(server, worker) == 0


def test_a_gzip_cut_off_by_the_connection_stores_nothing(server: RunningServer) -> None:
    worker = fresh_worker()
    body = gzip.compress(b"\n".join(line(event(worker_id=worker, event_id=str(number))) for number in range(500)))
    request = post("/events/batch", body[:-9], "Content-Encoding: gzip", length=str(len(body)))
    assert set(statuses(server.raw(request))) <= {400, 408}
    assert count_of(server, worker) == 0


def test_a_content_length_shorter_than_the_body_reads_only_that_much(server: RunningServer) -> None:
    worker = fresh_worker()
    body = line(event(worker_id=worker))
    for length in (0, 1, len(body) - 1):
        received = server.raw(post("/events/", body, length=str(length)))
        assert statuses(received)[0] == 400
    assert count_of(server, worker) == 0


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "+5", " ", "0x10", "5, 6", "9" * 40, "１０", "5\x00"])
def test_a_content_length_that_is_no_number_is_refused(server: RunningServer, length: str) -> None:
    received = server.raw(post("/events/", line(GOOD), length=length))
    assert set(statuses(received)) <= {400, 413}


def test_a_huge_content_length_is_refused_before_the_body_is_read(server: RunningServer) -> None:
    received = server.raw(post("/events/batch", b"[", length=str(10**15)), shut=False)
    assert statuses(received) == [413]
    body = json.loads(received.split(b"\r\n\r\n", 1)[1])
    assert (body["status"], body["path"]) == (413, "/api/v1/events/batch")


def test_two_content_lengths_that_differ_are_refused(server: RunningServer) -> None:
    worker = fresh_worker()
    body = line(event(worker_id=worker))
    assert set(statuses(server.raw(post("/events/", body, "Content-Length: 5")))) <= {400}
    assert count_of(server, worker) == 0


def test_a_length_and_chunks_at_once_do_not_smuggle_a_request(server: RunningServer) -> None:
    worker = fresh_worker()
    smuggled = post("/events/", line(event(worker_id=worker)))
    body = b"0\r\n\r\n" + smuggled
    received = server.raw(post("/events/batch", body, "Transfer-Encoding: chunked"))
    assert len(statuses(received)) <= 1
    assert count_of(server, worker) == 0


def chunks(*parts: bytes) -> bytes:
    return b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts)


def test_a_body_in_chunks_is_accepted(server: RunningServer) -> None:
    worker = fresh_worker()
    body = line(event(worker_id=worker))
    received = server.raw(
        post("/events/", chunks(body[:10], body[10:]) + b"0\r\n\r\n", "Transfer-Encoding: chunked", length=""),
        shut=False,
    )
    assert statuses(received) == [201]
    assert count_of(server, worker) == 1


@pytest.mark.parametrize("end", [b"", b"5\r\nab", b"zz\r\n", b"-1\r\n\r\n", b"fffffffffffffffff\r\n"], ids=repr)
def test_broken_chunks_store_nothing(server: RunningServer, end: bytes) -> None:
    worker = fresh_worker()
    lines = b"\n".join(line(event(worker_id=worker, event_id=str(number))) for number in range(5)) + b"\n"
    request = post(
        "/events/batch",
        chunks(lines) + end,
        "Transfer-Encoding: chunked",
        length="",
        content_type="application/x-ndjson",
    )
    assert set(statuses(server.raw(request))) <= {400, 408}
    assert count_of(server, worker) == 0


def test_chunks_over_the_limit_are_a_413(server: RunningServer) -> None:
    body = chunks(*[b" " * MIB] * 17) + b"0\r\n\r\n"
    received = server.raw(post("/events/batch", body, "Transfer-Encoding: chunked", length=""), shut=False)
    assert set(statuses(received)) <= {413}


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\r\n\r\n",
        b"\x00" * 100,
        b"GET\r\n\r\n",
        b"GET /api/v1/health/ HTTP/9.9\r\n\r\n",
        b"GET /api/v1/health/\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/v1/workers/\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api/v1/health/ HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
        b"GET /api/v1/health/ HTTP/1.1\r\nHost: x\r\nX-Factory-ID: \xff\xfe\r\nConnection: close\r\n\r\n",
        b"GET /api/v1/workers/ HTTP/1.1\r\nHost: x\r\nX-Factory-ID: \xff\xfe\r\nConnection: close\r\n\r\n",
        b'GET /api/v1/workers/ HTTP/1.1\r\nHost: a b"<>\r\nConnection: close\r\n\r\n',
        b"GET http://evil/api/v1/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=lambda value: repr(value)[:50],
)
def test_a_broken_request_is_refused_without_harm(server: RunningServer, request_bytes: bytes) -> None:
    received = server.raw(request_bytes)
    assert all(status < 500 or status in (501, 505) for status in statuses(received)), received[:500]
    for answer in received.split(b"HTTP/1.")[1:]:
        head, body = answer.split(b"\r\n\r\n", 1)
        assert int(head[2:5]) == 200 or json.loads(body)["status"] == int(head[2:5])


def test_a_header_cannot_be_put_into_the_answer_through_the_request_id(server: RunningServer) -> None:
    received = server.raw(
        b"GET /api/v1/health/ HTTP/1.1\r\nHost: x\r\nX-Request-ID: a\rX-Evil: 1\r\nConnection: close\r\n\r\n"
    )
    assert b"\r\nX-Evil" not in received
    assert b"\rX-Evil" not in received


def test_silent_clients_do_not_keep_others_from_being_served(server: RunningServer) -> None:
    # More than there are threads.
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(60)]
    reply = server.request("GET", "/api/v1/health/live", timeout=9)
    for connection in silent:
        connection.close()
    assert reply.status == 200


def test_clients_that_stop_inside_their_headers_hold_the_threads_for_seconds_only(server: RunningServer) -> None:
    started = time.monotonic()
    halves = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(60)]
    for half in halves:
        half.sendall(b"GET /api/v1/health/live HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    # Each goes on sending a little: silence alone would not tell.
    while time.monotonic() - started < 8:
        time.sleep(1)
        for half in halves:
            half.sendall(b"a")
    reply = server.request("GET", "/api/v1/health/live", timeout=40)
    for half in halves:
        half.close()
    assert reply.status == 200
    # Ten seconds for each round of them, and three rounds where one process has got all.
    assert time.monotonic() - started < 35


def test_a_client_that_stops_inside_its_body_is_told_so_and_stores_nothing(server: RunningServer) -> None:
    worker = fresh_worker()
    body = line(event(worker_id=worker))
    received = server.raw(post("/events/", body, length=str(len(body) + 1)), shut=False, timeout=40)
    assert statuses(received) == [400]
    assert json.loads(received.split(b"\r\n\r\n", 1)[1])["code"] == "incomplete_body"
    assert count_of(server, worker) == 0


def test_a_client_that_leaves_before_the_answer_does_no_harm(server: RunningServer) -> None:
    worker = fresh_worker()
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as link:
            link.sendall(post("/events/", line(event(worker_id=worker))))
    deadline = time.monotonic() + 10
    while count_of(server, worker) == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert count_of(server, worker) == 1


def test_a_timeline_of_two_hundred_long_ids_fits_into_a_request(server: RunningServer) -> None:
    ids = [f"{number:03}-{uuid4().hex}" for number in range(200)]
    seen = [event(worker_id=one, event_type="working") for one in ids]
    assert server.post_json("/api/v1/events/batch", seen).status == 201
    answer = server.request("GET", f"/api/v1/metrics/timeline?entity=worker&bucket=day&id={','.join(ids)}")
    assert [row["id"] for row in answer.body["data"]] == ids


def test_one_event_posted_by_many_at_once_is_created_once(server: RunningServer) -> None:
    worker = fresh_worker()
    results: list[int] = []
    barrier = threading.Barrier(12)

    def send() -> None:
        barrier.wait()
        results.append(server.post_json("/api/v1/events/", event(worker_id=worker)).status)

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [200] * 11 + [201]
    assert count_of(server, worker) == 1


def test_a_conflict_posted_by_many_at_once_leaves_one_version(server: RunningServer) -> None:
    worker = fresh_worker()
    results: dict[int, int] = {}
    barrier = threading.Barrier(8)

    def send(count: int) -> None:
        barrier.wait()
        results[count] = server.post_json("/api/v1/events/", event(worker_id=worker, count=count)).status

    threads = [threading.Thread(target=send, args=[count]) for count in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results.values()) == [201] + [409] * 7
    [winner] = [count for count, status in results.items() if status == 201]
    [stored] = server.request("GET", f"/api/v1/events/?worker_id={worker}").body["data"]
    assert stored["count"] == winner
