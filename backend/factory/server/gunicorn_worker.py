"""gunicorn's threaded server process, with three things it lacks: patience that ends, a limit to what it takes on,
and errors in our shape.

Behind NGINX neither matters much, since it reads a request whole and refuses broken ones itself.
"""

from __future__ import annotations

import logging
import re
import socket
import struct
import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

import msgspec
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.util import close_graceful
from gunicorn.workers.gthread import TConn, ThreadWorker

from factory.api.http.admission import FULL

HEADER_SECONDS = 10.0
"""How long a client may take from the first byte of a request to the end of its headers."""
SILENCE_SECONDS = 15
"""How long a client may send nothing in the middle of a body."""

SPARE_THREADS = 4
"""Beside a thread for each request: they refuse one more at once, or say how the server is."""

log = logging.getLogger("gunicorn.error")

_STATUSES: dict[type[Exception], tuple[int, str]] = {
    errors.LimitRequestLine: (414, "URI Too Long"),
    errors.ExpectationFailed: (417, "Expectation Failed"),
    errors.LimitRequestHeaders: (431, "Request Header Fields Too Large"),
    errors.UnsupportedTransferCoding: (501, "Not Implemented"),
}


class ServerLogger(Logger):  # type: ignore[misc]
    """gunicorn's own lines. It would prepare an access line for each request too, and then drop it."""

    access_log_enabled = False


class DeadlineWorker(ThreadWorker):  # type: ignore[misc]
    """A `gthread` worker whose threads cannot be held by clients that stop half-way."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading_headers: dict[TConn, float] = {}
        self._taken_on: set[TConn] = set()
        """From the first byte of a request to the last one of its answer."""

    wsgi: Any

    def load_wsgi(self) -> None:
        super().load_wsgi()
        application, most = self.wsgi, self.cfg.threads - SPARE_THREADS

        def say_whether_full(environ: dict[str, Any], start_response: Any) -> Any:
            environ[FULL] = len(self._taken_on) > most
            return application(environ, start_response)

        self.wsgi = say_whether_full

    def handle(self, conn: TConn) -> Any:
        # In the kernel, because gunicorn makes the socket blocking again and so forgets a timeout of Python's.
        # Nothing arrives for so long: the read fails, and the body counts as incomplete.
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SILENCE_SECONDS, 0))
        self._reading_headers[conn] = time.monotonic() + HEADER_SECONDS
        self._taken_on.add(conn)
        try:
            stays = super().handle(conn)
            if stays is False:
                # gunicorn waits two seconds for the client to hang up too, and would do so in the loop of the process.
                close_graceful(conn.sock)
                conn.close = lambda graceful=False: None
            return stays
        finally:
            self._taken_on.discard(conn)
            self._reading_headers.pop(conn, None)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Called once the headers are read."""
        self._reading_headers.pop(conn, None)
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Called by the process's own loop about every second."""
        super().murder_pending()
        now = time.monotonic()
        for conn, deadline in list(self._reading_headers.items()):
            if deadline < now:
                with suppress(OSError):  # the client has left meanwhile
                    conn.sock.shutdown(socket.SHUT_RD)  # the waiting thread reads an end, and hangs up

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer a request that is no HTTP, or too large for its limits, before it reaches the application."""
        if not isinstance(exc, errors.ParseException) or isinstance(exc, errors.ConfigurationProblem):
            super().handle_error(req, client, addr, exc)
            return
        status, reason = _STATUSES.get(type(exc), (400, "Bad Request"))
        request_id = uuid4().hex
        log.warning("refused %s", type(exc).__name__, extra={"fields": {"request_id": request_id, "status": status}})
        with suppress(OSError):
            client.sendall(_refusal(status, reason, getattr(req, "path", None) or "", request_id))


def _refusal(status: int, reason: str, path: str, request_id: str) -> bytes:
    body = msgspec.json.encode(
        {
            "error": "The request is not valid HTTP" if status == 400 else reason,
            "code": re.sub(r"[^a-z]+", "_", reason.lower()),
            "status": status,
            "timestamp": datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "path": path.encode("ascii", "replace").decode(),
            "request_id": request_id,
        }
    )
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Cache-Control: no-store\r\nX-Request-ID: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
