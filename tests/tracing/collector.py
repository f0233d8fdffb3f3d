"""A collector that takes OTLP over HTTP and keeps what came, as it came and as it reads."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    def __init__(self, *, status: int = 200, delay: float = 0.0) -> None:
        """One that answers with the status after so many seconds."""
        self.bodies: list[bytes] = []
        self.paths: set[str] = set()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.paths.add(self.path)
                collector.bodies.append(body)
                time.sleep(delay)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def requests(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(body) for body in list(self.bodies)]

    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests()
            for of_resource in request.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]

    def resources(self) -> dict[str, set[str]]:
        """Return the values of each attribute that is told of the processes."""
        found: dict[str, set[str]] = {}
        for request in self.requests():
            for of_resource in request.resource_spans:
                for one in of_resource.resource.attributes:
                    found.setdefault(one.key, set()).add(one.value.string_value)
        return found

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans() if span.name == name]

    def wait_for(self, name: str, number: int = 1) -> list[Span]:
        """Return the spans of a name, once there are so many."""
        return wait_until(lambda: found if len(found := self.named(name)) >= number else None, f"{number} of {name}")

    def __enter__(self) -> Collector:
        threading.Thread(target=self._server.serve_forever).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def wait_until(found: Callable[[], Any], what: str, seconds: float = 15.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)
    return result


def attributes(span: Span) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}
