"""NGINX's log lines: one JSON object each, in the Elastic Common Schema."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import pytest
from tests.servers import free_port, http_request

TEMPLATE = Path(__file__).resolve().parents[2] / "deploy" / "nginx" / "templates" / "http.conf.template"
CONFIGURATION = Template("""
daemon off;
pid $place/nginx.pid;
error_log $place/error.log;
events {}
http {
    client_body_temp_path $place;
    proxy_temp_path $place;
    fastcgi_temp_path $place;
    uwsgi_temp_path $place;
    scgi_temp_path $place;
    geo $$from_proxy { default 0; }
    include $place/http.conf;
    server {
        listen 127.0.0.1:$port;
        location / { proxy_pass http://127.0.0.1:$backend; }
    }
}
""")
SETTINGS = {
    "NGINX_MAX_BODY": "1m",
    "NGINX_RATE_INGEST": "10r/s",
    "NGINX_RATE_READ": "10r/s",
    "NGINX_RATE_SIGN_IN": "10r/s",
}


class Sleeper(http.server.BaseHTTPRequestHandler):
    """Answers after the seconds that the query names."""

    def do_GET(self) -> None:
        time.sleep(float(self.path.partition("?")[2]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def backend() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sleeper) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def nginx(tmp_path: Path, backend: int) -> Iterator[int]:
    """The port of an NGINX with our log format, which writes to `access.log`."""
    found = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        pytest.skip("nginx is not installed (Debian: apt-get install nginx-light)")
    port = free_port()
    text = TEMPLATE.read_text().replace("/dev/stdout", str(tmp_path / "access.log"))
    for name, value in SETTINGS.items():
        text = text.replace(f"${{{name}}}", value)
    (tmp_path / "http.conf").write_text(text)
    main = tmp_path / "nginx.conf"
    main.write_text(CONFIGURATION.substitute(place=tmp_path, port=port, backend=backend))
    process = subprocess.Popen([found, "-c", str(main), "-e", str(tmp_path / "error.log")], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: (tmp_path / "nginx.pid").exists(), f"NGINX to start: {tmp_path / 'error.log'}")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wait_for(true: Any, what: str) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def test_a_line_is_ecs_and_names_neither_the_person_nor_the_query(nginx: int, tmp_path: Path) -> None:
    waits = [0.0, 0.03, 0.25, 1.02]
    for wait in waits:
        http_request("127.0.0.1", nginx, "GET", f"/api/v1/workers/Alice?{wait}", headers={"X-Request-ID": "r-1"})
    log = tmp_path / "access.log"
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


def test_every_name_of_a_line_is_of_the_schema_or_below_nginx(nginx: int, tmp_path: Path) -> None:
    http_request("127.0.0.1", nginx, "GET", "/?0")
    log = tmp_path / "access.log"
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
