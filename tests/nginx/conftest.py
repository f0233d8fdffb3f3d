"""An NGINX of this host with the deployed site, before a backend that answers when it is told to."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.servers import Reply, free_port, http_request

SITE = "factory.example.org"
DEPLOYED = Path(__file__).resolve().parents[2] / "deploy" / "nginx"
CONFIGURATION = Template("""
daemon off;
worker_processes 1;
$user
pid $place/nginx.pid;
error_log $place/error.log warn;
events {}
http {
    client_body_temp_path $place/body;
    proxy_temp_path $place/proxy;
    fastcgi_temp_path $place/fastcgi;
    uwsgi_temp_path $place/uwsgi;
    scgi_temp_path $place/scgi;
    geo $$from_proxy { default 0; }
    include http.conf;
    include backends.conf;
    include plain.conf;
    include redirect.conf;
    include strangers.conf;
}
""")
SETTINGS = {
    "NGINX_MAX_BODY": "1m",
    "NGINX_CONNECTIONS": "8",
    "NGINX_RATE_INGEST": "1000r/s",
    "NGINX_RATE_READ": "1r/m",
    "NGINX_RATE_SIGN_IN": "1r/m",
    "NGINX_SERVER_NAME": SITE,
}


@dataclass(frozen=True)
class Nginx:
    port: int
    clear_port: int
    """Of the server that leads to HTTPS."""
    access_log: Path
    error_log: Path

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        return http_request("127.0.0.1", self.port, method, path, body, headers)


class Sleeper(http.server.BaseHTTPRequestHandler):
    """Answers after the seconds in the query's `wait`, and hangs up instead where the query is `hang_up`."""

    def do_GET(self) -> None:
        asked = parse_qs(self.path.partition("?")[2], keep_blank_values=True)
        if "hang_up" in asked:
            self.close_connection = True
            return
        time.sleep(float(asked.get("wait", ["0"])[0]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def backend() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sleeper) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def nginx(tmp_path: Path, backend: int) -> Iterator[Nginx]:
    found = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        pytest.skip("nginx is not installed (Debian: apt-get install nginx-light)")
    running = Nginx(free_port(), free_port(), tmp_path / "access.log", tmp_path / "error.log")
    for name in ("site.conf", "proxy.conf", "refusals.conf", "security-headers.conf"):
        shutil.copy(DEPLOYED / name, tmp_path)
    for name, port in (
        ("http", 0),
        ("plain", running.port),
        ("redirect", running.clear_port),
        ("strangers", running.port),
    ):
        text = (DEPLOYED / "templates" / f"{name}.conf.template").read_text()
        text = text.replace("/dev/stdout", str(running.access_log)).replace("/dev/stderr", str(running.error_log))
        text = text.replace("listen 8080", f"listen 127.0.0.1:{port}").replace("listen [::]:8080", "# ")
        for setting, value in SETTINGS.items():
            text = text.replace(f"${{{setting}}}", value)
        (tmp_path / f"{name}.conf").write_text(text)
    upstream = subprocess.run(
        [DEPLOYED / "upstream", f"127.0.0.1:{backend}"], capture_output=True, text=True, check=True
    )
    (tmp_path / "backends.conf").write_text(upstream.stdout)
    main = tmp_path / "nginx.conf"
    # Workers of another user could not enter pytest's directories.
    user = "user root;" if os.geteuid() == 0 else ""
    main.write_text(CONFIGURATION.substitute(place=tmp_path, user=user))
    process = subprocess.Popen([found, "-c", str(main), "-e", str(running.error_log)], stderr=subprocess.DEVNULL)
    try:
        wait_for((tmp_path / "nginx.pid").exists, f"NGINX to start: {running.error_log}")
        yield running
    finally:
        process.terminate()
        process.wait(10)


def wait_for(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)
