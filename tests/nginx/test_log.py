"""NGINX's log: a JSON object a request, in the Elastic Common Schema, and nothing that tells who asked for what."""

from __future__ import annotations

import json
import socket

from tests.nginx.conftest import Nginx, wait_for


def test_a_line_is_ecs_and_names_neither_the_person_nor_the_query(nginx: Nginx) -> None:
    waits = [0.0, 0.03, 0.25, 1.02]
    for wait in waits:
        nginx.ask("GET", f"/api/v1/workers/Alice?wait={wait}", headers={"X-Request-ID": "r-1"})
    log = nginx.access_log
    wait_for(lambda: len(log.read_text().splitlines()) == len(waits), "the lines")

    text = log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]

    for wait, line in zip(waits, lines, strict=True):
        assert isinstance(line["event.duration"], int)
        # The clock of NGINX ticks in milliseconds, and is read when something happens.
        assert wait * 1e9 - 5e6 <= line["event.duration"] < wait * 1e9 + 200e6
        assert line["event.duration"] % 1_000_000 == 0
    first = lines[0]
    assert first["url.path"] == "/api/v1/workers"
    assert (first["http.request.id"], first["http.request.method"], first["http.response.status_code"]) == (
        "r-1",
        "GET",
        200,
    )
    assert (first["service.name"], first["http.version"], first["nginx.upstream.status"]) == ("nginx", "1.1", "200")
    assert "Alice" not in text


def test_every_name_of_a_line_is_of_the_schema_or_below_nginx(nginx: Nginx) -> None:
    nginx.ask("GET", "/")
    log = nginx.access_log
    wait_for(log.read_text, "the line")

    names = json.loads(log.read_text()).keys()

    assert {name for name in names if not name.startswith("nginx.")} == {
        "@timestamp",
        "log.level",
        "message",
        "ecs.version",
        "service.name",
        "event.dataset",
        "event.duration",
        "http.request.id",
        "http.request.method",
        "http.response.status_code",
        "http.response.body.bytes",
        "http.version",
        "url.path",
    }


def test_what_goes_wrong_with_a_request_is_in_its_line_alone(nginx: Nginx) -> None:
    secret = "code=SplxlOBeZQQYbYS6WxSbIA"
    batch = b" " * 200_000
    sign_in = f"/api/v1/session/Alice?{secret}"

    kept_on_disk = nginx.ask("POST", "/api/v1/events/batch", batch)
    too_large = nginx.ask("POST", f"/api/v1/events/Alice?{secret}", b" " * 2_000_000)
    away = nginx.ask("GET", f"/api/v1/workers/Alice?hang_up&{secret}")
    refused = [nginx.ask("POST", sign_in, b"").status for _ in range(30)]
    not_there = nginx.ask("GET", f"/page?{secret}")
    with socket.create_connection(("127.0.0.1", nginx.port)) as client:
        client.sendall(f"GET /page?{secret} HTTP/1.1\r\nHost: a b\r\n\r\n".encode())
        not_http = client.recv(100)
    lines = 35
    wait_for(lambda: len(nginx.access_log.read_text().splitlines()) == lines, "the lines")

    assert [one.status for one in (kept_on_disk, too_large, away, not_there)] == [200, 413, 503, 404]
    assert refused[-1] == 429
    assert not_http.startswith(b"HTTP/1.1 400")
    assert nginx.error_log.read_text() == ""
    said = nginx.access_log.read_text()
    assert [word for word in ("Alice", "127.0.0.1:", "SplxlOBeZQQYbYS6WxSbIA") if word in strip_upstream(said)] == []


def strip_upstream(text: str) -> str:
    """Return the log without the addresses of the backends."""
    lines = [json.loads(line) for line in text.splitlines()]
    return json.dumps(
        [{name: value for name, value in line.items() if name != "nginx.upstream.address"} for line in lines]
    )
