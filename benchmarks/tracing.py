"""`python -m benchmarks.tracing [--share 0.1]`: what tracing costs a request, beside a server without it.

Prints processor time of the server for each request, which says the same on a busy machine; SQLite, two processes.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.server import Server, command, request
from benchmarks.workload import Stream, json_arrays, json_lines

TURNS = 16
REQUESTS = 300
"""A turn, to each server."""
CONNECTIONS = 4


class _Collector(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def _collector() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _microseconds(server: Server, requests: list[bytes]) -> float:
    before = server.cpu_seconds()
    server.load(requests, connections=CONNECTIONS)
    return (server.cpu_seconds() - before) * 1e6 / len(requests)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tracing", description="Measure what tracing costs.")
    parser.add_argument("--share", default="1.0", help="of the traces that is recorded, 0 to 1")
    tracing = {"OTEL_TRACES_SAMPLER_ARG": parser.parse_args().share}
    stream = Stream(workers=50, stations=20, shift_minutes=480)
    (first,) = json_arrays(stream.take(5000), 5000)
    reading = request("GET", "/api/v1/metrics/factory?from=2026-01-05T00:00:00Z&to=2026-01-06T00:00:00Z")
    with tempfile.TemporaryDirectory() as place, _collector() as endpoint:
        directory = Path(place)
        urls = [f"sqlite:///{directory / name}.db" for name in ("plain", "traced")]
        for url in urls:
            command(url, "db", "upgrade")
        plain_server = Server(urls[0], directory, WEB_WORKERS="2")
        traced_server = Server(urls[1], directory, WEB_WORKERS="2", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, **tracing)
        with plain_server as plain, traced_server as traced:
            for server in (plain, traced):
                server.load([request("POST", "/api/v1/events/batch", first)], connections=1)
            for what in ("a reading of the factory", "a post of one event"):
                pairs = []
                for turn in range(TURNS):
                    posts = [
                        request("POST", "/api/v1/events/", line.encode()) for line in json_lines(stream.take(REQUESTS))
                    ]
                    requests = posts if what.startswith("a post") else [reading] * REQUESTS
                    both = [plain, traced] if turn % 2 == 0 else [traced, plain]
                    took = {server: _microseconds(server, requests) for server in both}
                    pairs.append((took[plain], took[traced]))
                without = median(pair[0] for pair in pairs)
                costs = median(pair[1] - pair[0] for pair in pairs)
                print(f"{what}: {without:.0f} us without, {costs:+.0f} us with traces ({costs / without:+.0%})")


if __name__ == "__main__":
    main()
