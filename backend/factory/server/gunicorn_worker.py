"""gunicorn's `gthread` worker with deadlines for slow clients, admission control and errors in the API's JSON shape.

Deadlines and errors matter where no NGINX stands in front, as after `make run` or `factory serve`; NGINX reads a
request whole and refuses broken ones itself.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import struct
import time
from contextlib import suppress
from functools import cache
from typing import Any
from uuid import uuid4

import msgspec
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.util import close_graceful
from gunicorn.workers.gthread import TConn, ThreadWorker

from factory.adapters.clock import ahead_of_system, system_clock
from factory.api.http.admission import FULL
from factory.domain.timestamp import format_timestamp
from factory.settings import load_settings

HEADER_SECONDS = 10.0
"""How long a client may take from the first byte of a request to the end of its headers."""
SILENCE_SECONDS = 15
"""How long a client may send nothing in the middle of a body."""

SPARE_THREADS = 4
"""Threads beyond one per request: they refuse further requests at once, and answer health checks."""

log = logging.getLogger("gunicorn.error")

_STATUSES: dict[type[Exception], tuple[int, str]] = {
    errors.LimitRequestLine: (414, "URI Too Long"),
    errors.ExpectationFailed: (417, "Expectation Failed"),
    errors.LimitRequestHeaders: (431, "Request Header Fields Too Large"),
    errors.UnsupportedTransferCoding: (501, "Not Implemented"),
}


class ServerLogger(Logger):  # type: ignore[misc]
    """The logger of gunicorn's own lines, without the access lines that it would format and drop."""

    access_log_enabled = False


class DeadlineWorker(ThreadWorker):  # type: ignore[misc]
    """A `gthread` worker whose threads are not held by clients that stop half-way."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading_headers: dict[TConn, float] = {}
        self._taken_on: set[TConn] = set()
        """Connections from the first byte of a request to the last byte of its answer."""

    wsgi: Any

    def load_wsgi(self) -> None:
        super().load_wsgi()
        application, most = self.wsgi, self.cfg.threads - SPARE_THREADS

        def mark_overload(environ: dict[str, Any], start_response: Any) -> Any:
            environ[FULL] = len(self._taken_on) > most
            return application(environ, start_response)

        self.wsgi = mark_overload

    def handle(self, conn: TConn) -> Any:
        # In the kernel, since gunicorn makes the socket blocking again, which resets a timeout of Python. When nothing
        # arrives for so long, the read fails and the body counts as incomplete.
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SILENCE_SECONDS, 0))
        self._reading_headers[conn] = time.monotonic() + HEADER_SECONDS
        self._taken_on.add(conn)
        try:
            stays = super().handle(conn)
            if stays is False:
                # gunicorn waits two seconds for the client to close too, and would wait in the main loop.
                close_graceful(conn.sock)
                conn.close = lambda graceful=False: None
            return stays
        finally:
            self._taken_on.discard(conn)
            self._reading_headers.pop(conn, None)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Stop the deadline: the headers are read."""
        self._reading_headers.pop(conn, None)
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Close connections past their deadline; the main loop calls this about once per second."""
        super().murder_pending()
        now = time.monotonic()
        for conn, deadline in list(self._reading_headers.items()):
            if deadline < now:
                with suppress(OSError):  # the client has left meanwhile
                    conn.sock.shutdown(socket.SHUT_RD)  # the waiting thread reads the end and closes

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer a request that is no valid HTTP or exceeds gunicorn's limits, before it reaches the application."""
        if not isinstance(exc, errors.ParseException) or isinstance(exc, errors.ConfigurationProblem):
            super().handle_error(req, client, addr, exc)
            return
        status, reason = _STATUSES.get(type(exc), (400, "Bad Request"))
        request_id = uuid4().hex
        log.warning("refused %s", type(exc).__name__, extra={"fields": {"request_id": request_id, "status": status}})
        with suppress(OSError):
            client.sendall(_refusal(status, reason, getattr(req, "path", None) or "", request_id))


@cache
def _clock_ahead() -> int:
    """Of this server process, which on_starting has told when the clock of CLOCK_AT began."""
    return ahead_of_system(load_settings(os.environ))


def _refusal(status: int, reason: str, path: str, request_id: str) -> bytes:
    body = msgspec.json.encode(
        {
            "error": "The request is not valid HTTP" if status == 400 else reason,
            "code": re.sub(r"[^a-z]+", "_", reason.lower()),
            "status": status,
            "timestamp": format_timestamp(system_clock() + _clock_ahead()),
            "path": path.encode("ascii", "replace").decode(),
            "request_id": request_id,
        }
    )
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Cache-Control: no-store\r\nX-Request-ID: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
