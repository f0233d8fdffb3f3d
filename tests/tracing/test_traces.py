"""A real server's requests, as it tells a real receiver of OTLP of them, and the facts that it never tells."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.servers import RunningServer, free_port
from tests.tracing.collector import Collector, attributes, wait_until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
BATCH = "POST /api/v1/events/batch"
WORKER = "GET /api/v1/metrics/workers/<worker_id>"
SECRET = "Sekretarius"
"""Part of all that must not leave."""

NAMES = {"http.request.method", "http.route", "http.response.status_code", "error.type"} | {
    "db.system.name",
    "db.query.text",
}
OF_THE_PROCESS = {
    "service.name",
    "service.version",
    "service.instance.id",
    "telemetry.sdk.name",
    "telemetry.sdk.language",
    "telemetry.sdk.version",
}


def event(**changes: object) -> dict[str, object]:
    return {
        "timestamp": "2026-01-15T10:00:00Z",
        "worker_id": f"{SECRET}-worker",
        "workstation_id": f"{SECRET}-station",
        "source_id": f"{SECRET}-camera",
        "event_id": f"{SECRET}-event",
        "event_type": "working",
    } | changes


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as receiver:
        yield receiver


@pytest.fixture(params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, fresh_database: Callable[[str], str], collector: Collector, tmp_path: Path
) -> Iterator[RunningServer]:
    url = fresh_database(request.param)
    with traced(url, tmp_path, collector.url, LOG_LEVEL="INFO", LOG_FORMAT="json") as running:
        yield running


def traced(database: str, tmp_path: Path, endpoint: str, **environment: str) -> RunningServer:
    tracing = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    return RunningServer(database, tmp_path / "server.log", **tracing | environment)


def lines(server: RunningServer) -> list[dict[str, object]]:
    return [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]


def test_a_request_is_a_span_that_continues_the_callers_trace(server: RunningServer, collector: Collector) -> None:
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01", "Content-Type": "application/json"}
    answer = server.request("POST", "/api/v1/events/batch", json.dumps([event()]).encode(), headers)
    assert answer.status == 201

    [span] = collector.wait_for(BATCH)

    assert collector.paths == {"/v1/traces"}
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, CALLER)
    assert span.kind == Span.SPAN_KIND_SERVER
    assert attributes(span) == {
        "http.request.method": "POST",
        "http.route": "/api/v1/events/batch",
        "http.response.status_code": 201,
    }
    [line] = [one for one in lines(server) if one.get("url.path") == "/api/v1/events/batch"]
    assert (line["trace.id"], line["span.id"]) == (TRACE, span.span_id.hex())


def test_what_a_request_does_is_below_its_span(server: RunningServer, collector: Collector) -> None:
    server.post_json("/api/v1/events/batch", [event()])
    server.request("GET", f"/api/v1/metrics/workers/{SECRET}-worker")
    [of_events] = collector.wait_for(BATCH)
    [of_metrics] = collector.wait_for(WORKER)
    [ingestion] = collector.named("ingest events")
    spans = collector.spans()

    assert ingestion.parent_span_id == of_events.span_id
    statements = [one for one in spans if one.parent_span_id == ingestion.span_id]
    assert {attributes(one)["db.system.name"] for one in statements} <= {"sqlite", "postgresql"}
    assert any(attributes(one)["db.query.text"].startswith("INSERT") for one in statements)
    of_trace = {one.span_id for one in spans if one.trace_id == of_metrics.trace_id}
    [refresh] = collector.named("refresh derived rows")
    assert refresh.span_id in of_trace
    # A statement belongs to something: looks in the background begin no traces.
    known = {one.span_id for one in spans}
    assert [one.name for one in spans if one.kind == Span.SPAN_KIND_CLIENT and one.parent_span_id not in known] == []


def test_nothing_leaves_but_what_is_allowed(server: RunningServer, collector: Collector) -> None:
    headers = {
        "User-Agent": f"{SECRET}-agent",
        "X-Request-ID": f"{SECRET}-request",
        "X-Forwarded-For": "198.51.100.77",
        "Authorization": f"Bearer {SECRET}",
        "Cookie": f"session={SECRET}",
        "baggage": f"person={SECRET}",
        "tracestate": f"vendor={SECRET}",
        "traceparent": f"00-{TRACE}-{CALLER}-01",
        "Content-Type": "application/json",
    }
    plain = {name: value for name, value in headers.items() if name != "Authorization"}
    deliveries = [[event(), event(), event(timestamp=f"{SECRET}")], [event(confidence=0.5)]]
    for body in deliveries:
        server.request("POST", f"/api/v1/events/batch?note={SECRET}", json.dumps(body).encode(), plain)
    for path in (
        f"/api/v1/metrics/workers/{SECRET}-worker?from={SECRET}",
        f"/api/v1/metrics/workers/{SECRET}-worker",
        f"/api/v1/workers/{SECRET}-worker/data",
        f"/api/v1/events/?worker_id={SECRET}-worker",
        f"/{SECRET}",
    ):
        server.request("GET", path, headers=plain)
    server.request(
        "PATCH", f"/api/v1/workers/{SECRET}-worker", json.dumps({"name": f"{SECRET} Name"}).encode(), headers
    )
    server.request("PATCH", f"/api/v1/workers/{SECRET}-worker", json.dumps({"name": f"{SECRET} N"}).encode(), plain)
    server.request(SECRET.upper(), "/api/v1/events/", headers=plain)
    server.request("GET", "/api/v1/health/live", headers=plain)
    collector.wait_for("GET /api/v1/health/live")
    collector.wait_for("PATCH /api/v1/workers/<worker_id>", 2)

    spans = collector.spans()

    assert {name for span in spans for name in attributes(span)} <= NAMES
    assert {"_OTHER", "GET /api/v1/workers/<worker_id>/data"} <= {
        span.name.split(" /api/v1/events")[0] for span in spans
    }
    assert [span.name for span in spans if span.events or span.links or span.trace_state or span.status.message] == []
    assert collector.resources().keys() <= OF_THE_PROCESS
    sent = b"".join(collector.bodies).lower()
    assert len(spans) > 20
    for secret in (SECRET, "198.51.100.77", "127.0.0.1"):
        assert secret.lower().encode() not in sent


def ask_at_once(server: RunningServer, times: int) -> None:
    with ThreadPoolExecutor(16) as clients:
        list(clients.map(lambda _: server.request("GET", "/api/v1/health/live"), range(times)))


def test_every_server_process_sends_its_spans(
    fresh_database: Callable[[str], str], collector: Collector, tmp_path: Path
) -> None:
    def two_have_sent() -> bool:
        ask_at_once(server, 100)
        return len(collector.resources().get("service.instance.id", ())) == 2

    with traced(fresh_database("sqlite"), tmp_path, collector.url, WEB_WORKERS="2") as server:
        wait_until(two_have_sent, "spans of both processes", seconds=60)


def test_what_waits_is_sent_when_the_server_ends(
    fresh_database: Callable[[str], str], collector: Collector, tmp_path: Path
) -> None:
    never = {"OTEL_BSP_SCHEDULE_DELAY": "600000"}
    with traced(fresh_database("sqlite"), tmp_path, collector.url, **never) as server:
        ask_at_once(server, 200)
        assert collector.bodies == []
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0

    assert len(collector.named("GET /api/v1/health/live")) == 200, server.read_log()


@pytest.mark.parametrize("trouble", ["nobody listens", "it fails", "it is slow"])
def test_a_collector_in_trouble_costs_no_request_anything(
    trouble: str, fresh_database: Callable[[str], str], tmp_path: Path
) -> None:
    # More spans than the queue holds, so that it is full when requests end.
    small = {"OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "8"}
    with Collector(status=503 if trouble == "it fails" else 200, delay=5.0 if trouble == "it is slow" else 0.0) as bad:
        endpoint = f"http://127.0.0.1:{free_port()}" if trouble == "nobody listens" else bad.url
        with traced(fresh_database("sqlite"), tmp_path, endpoint, **small) as server:
            started = time.monotonic()
            for number in range(40):
                body = [event(event_id=str(number))]
                assert server.post_json("/api/v1/events/batch", body).status == 201
            assert time.monotonic() - started < 5
            assert server.process is not None
            stopped = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(25) == 0
            assert time.monotonic() - stopped < 15
        if trouble != "nobody listens":
            assert bad.bodies != []


@pytest.mark.parametrize(("flags", "arrives"), [("01", True), ("00", False)])
def test_a_caller_decides_for_its_trace_and_the_share_for_the_others(
    flags: str, arrives: bool, fresh_database: Callable[[str], str], collector: Collector, tmp_path: Path
) -> None:
    share = {"OTEL_TRACES_SAMPLER_ARG": "0" if arrives else "1"}
    with traced(fresh_database("sqlite"), tmp_path, collector.url, **share) as server:
        server.request("GET", "/api/v1/health/live", headers={"traceparent": f"00-{TRACE}-{CALLER}-{flags}"})
        server.request("GET", "/api/v1/demo/")
        collector.wait_for("GET /api/v1/health/live" if arrives else "GET /api/v1/demo/")

    assert bool(collector.named("GET /api/v1/health/live")) is arrives
    assert bool(collector.named("GET /api/v1/demo/")) is not arrives


def test_a_traceparent_that_is_none_begins_a_trace(
    fresh_database: Callable[[str], str], collector: Collector, tmp_path: Path
) -> None:
    wrong = ["", "nonsense", f"00-{'0' * 32}-{CALLER}-01", f"ff-{TRACE}-{CALLER}-01", "é" * 300]
    with traced(fresh_database("sqlite"), tmp_path, collector.url) as server:
        for given in wrong:
            head = f"GET /api/v1/demo/ HTTP/1.1\r\nHost: localhost\r\ntraceparent: {given}\r\nConnection: close\r\n\r\n"
            assert server.raw(head.encode()).startswith(b"HTTP/1.1 200")
        spans = collector.wait_for("GET /api/v1/demo/", len(wrong))

    assert {span.parent_span_id for span in spans} == {b""}
    assert len({span.trace_id for span in spans} - {bytes(16), bytes.fromhex(TRACE)}) == len(wrong)


def test_a_failure_is_an_error_without_its_words(
    fresh_database: Callable[[str], str], collector: Collector, tmp_path: Path
) -> None:
    url = fresh_database("sqlite")
    with traced(url, tmp_path, collector.url) as server:
        server.post_json("/api/v1/events/batch", [event()])
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            database.execute("ALTER TABLE factories RENAME TO elsewhere")
            database.commit()
        answer = server.post_json("/api/v1/events/batch", [event()])
        assert answer.status >= 500
        spans = collector.wait_for(BATCH, 2)
        failed = wait_until(lambda: [one for one in collector.spans() if "error.type" in attributes(one)], "an error")

    assert {one.status.code for one in spans} == {Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR}
    assert {one.status.code for one in failed} == {Status.STATUS_CODE_ERROR}
    assert {attributes(one)["error.type"] for one in failed} == {"OperationalError"}


def test_without_a_collector_nothing_of_opentelemetry_is_imported(fresh_database: Callable[[str], str]) -> None:
    script = """
import sys
from factory.app import create_app
client = create_app().test_client()
assert client.get("/api/v1/health/ready").status_code == 200
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    environment = {"DATABASE_URL": fresh_database("sqlite"), "LOG_LEVEL": "WARNING"}

    def loaded(**more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment | more, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert loaded() == "[]"
    assert "opentelemetry.sdk" in loaded(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}")
