"""gunicorn's `gthread` worker that waits for slow clients without a thread, with admission control and our errors.

Deadlines and errors matter where no NGINX stands in front, as after `make run` or `factory serve`; NGINX reads a
request whole and refuses broken ones itself.
"""

from __future__ import annotations

import logging
import os
import re
import selectors
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from typing import Any
from uuid import uuid4

import msgspec
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from factory.adapters.clock import ahead_of_system, system_clock
from factory.api.http.admission import FULL
from factory.domain.timestamp import format_timestamp
from factory.server.arrival import Arrival
from factory.settings import load_settings

HEADER_SECONDS = 10.0
"""How long a client may take from the first byte of a request to the end of its headers."""
SMALL_BODY_SECONDS = 15.0
"""How long it may take for a body of SMALL_BODY_BYTES or less."""
BODY_SECONDS = 60.0
"""How long it may take for a longer one, while a thread reads it."""
SILENCE_SECONDS = 15
"""How long it may send nothing in the middle of that."""
UNREAD_SECONDS = 30
"""How long it may read nothing of an answer."""
LEAVE_SECONDS = 2.0
"""How long it may take to close the connection after its last answer."""

SPARE_THREADS = 4
"""Threads beyond one per request: they refuse further requests at once, and answer health checks."""
SIGN_IN = "/api/v1/session/"
SIGN_IN_THREADS = 8
SIGN_INS_WAITING = 100
"""Most requests of the sign-in under way and waiting; one more is answered 503."""

_RECEIVED_AT_ONCE = 64 * 1024

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
    """A `gthread` worker whose threads wait for no client.

    The main loop receives a request. A thread takes it on when its head and a small body are there; longer bodies are
    those of events, whose sender has shown a credential before they are read. Routes of the sign-in have threads of
    their own, for which requests wait in turn.
    """

    wsgi: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arriving: dict[TConn, tuple[Arrival, float]] = {}
        """Requests that are being received, with the deadline of the head, or of the body."""
        self._bodies: dict[TConn, float] = {}
        """Requests that are under way before their body is there, with its deadline."""
        self._leaving: dict[TConn, tuple[float, int]] = {}
        """Connections that are closed on our side, with the client's deadline and the bytes still taken from it."""
        self._taken_on: set[TConn] = set()
        """Connections that are under way, but for those of the sign-in."""
        self._signing_in: set[TConn] = set()
        """Connections with a request of the sign-in that is under way, or waits for its turn."""
        self._of_thread = threading.local()
        self._stopped = 0.0

    def run(self) -> None:
        try:
            super().run()
        finally:
            self._sign_in_threads.shutdown(wait=False)

    def init_process(self) -> None:
        self._sign_in_threads = ThreadPoolExecutor(SIGN_IN_THREADS, "sign-in")
        super().init_process()

    def load_wsgi(self) -> None:
        super().load_wsgi()
        application, most = self.wsgi, self.cfg.threads - SPARE_THREADS

        def mark_overload(environ: dict[str, Any], start_response: Any) -> Any:
            environ[FULL] = len(self._taken_on) > most if self._of_thread.main else self._of_thread.refused
            return application(environ, start_response)

        self.wsgi = mark_overload

    def enqueue_req(self, conn: TConn) -> None:
        """Receive the next request of a connection; in the main loop, as all methods up to `handle`."""
        conn.init()
        conn.sock.setblocking(False)
        arrival = Arrival(conn.parser.unreader.take_buffered())
        self._arriving[conn] = arrival, time.monotonic() + (HEADER_SECONDS if arrival.received else self.cfg.keepalive)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._receive, conn))
        self._receive(conn)

    def _receive(self, conn: TConn, _socket: Any = None) -> None:
        arrival, deadline = self._arriving[conn]
        begun, had_head = bool(arrival.received), arrival.has_head
        ended = False
        try:
            received = conn.sock.recv(_RECEIVED_AT_ONCE)
            ended = not received
            arrival.add(received)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            ended = True
        if arrival.is_too_long:
            del self._arriving[conn]
            self.poller.unregister(conn.sock)
            self.handle_error(None, conn.sock, conn.client, errors.LimitRequestHeaders("head"))
            self._leave(conn)
            return
        if ended or arrival.is_ready:
            del self._arriving[conn]
            self.poller.unregister(conn.sock)
            conn.parser.unreader.unread(bytes(arrival.received))
            self._take_on(conn, arrival)
            return
        if arrival.has_head and not had_head:
            deadline = time.monotonic() + SMALL_BODY_SECONDS
        elif arrival.received and not begun:
            deadline = time.monotonic() + HEADER_SECONDS
        self._arriving[conn] = arrival, deadline
        if arrival.asks_first:
            with suppress(OSError):
                conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _take_on(self, conn: TConn, arrival: Arrival) -> None:
        if arrival.goes_on:
            self._bodies[conn] = time.monotonic() + BODY_SECONDS
        if not f"{arrival.path}/".startswith(SIGN_IN):
            taken_on = self.tpool.submit(self.handle, conn)
        elif len(self._signing_in) < SIGN_INS_WAITING:
            self._signing_in.add(conn)
            taken_on = self._sign_in_threads.submit(self._handle_sign_in, conn, refused=False)
        else:
            taken_on = self.tpool.submit(self._handle_sign_in, conn, refused=True)
        taken_on.add_done_callback(lambda future: self.method_queue.defer(self.finish_request, conn, future))

    def finish_request(self, conn: TConn, future: Any) -> None:
        self._signing_in.discard(conn)
        self._bodies.pop(conn, None)
        if not future.cancelled() and future.exception() is None and future.result() is False:
            self._leave(conn)
        else:
            super().finish_request(conn, future)

    def _leave(self, conn: TConn) -> None:
        """Close our side, and wait for the client in the main loop: closed at once it might not read the answer."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._discard, conn))
        except OSError:  # the client has left already
            self._close(conn)
            return
        self._leaving[conn] = time.monotonic() + LEAVE_SECONDS, _RECEIVED_AT_ONCE

    def _discard(self, conn: TConn, _socket: Any = None) -> None:
        deadline, most = self._leaving[conn]
        try:
            most -= len(received := conn.sock.recv(_RECEIVED_AT_ONCE))
            if received and most > 0:
                self._leaving[conn] = deadline, most
                return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            pass
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        if self._leaving.pop(conn, None) is not None:
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """End connections past their deadline; the main loop calls this about once per second."""
        super().murder_pending()
        now = time.monotonic()
        if not self.alive:
            for conn, (arrival, deadline) in self._arriving.items():
                if not arrival.received:  # a request may be on its way; but none is waited for long
                    self._arriving[conn] = arrival, min(deadline, self._stopped + STOP_KEEPALIVE_LINGER)
        else:
            self._stopped = now
        late = [conn for conn, (_, deadline) in self._arriving.items() if deadline < now]
        late += [conn for conn, deadline in list(self._bodies.items()) if deadline < now]
        for conn in late:
            with suppress(OSError):  # the client has left meanwhile
                conn.sock.shutdown(socket.SHUT_RD)  # the poller, or the waiting thread, reads the end
        for conn in [conn for conn, (deadline, _) in self._leaving.items() if deadline < now]:
            self._close(conn)

    def handle(self, conn: TConn) -> Any:
        self._of_thread.main = True
        self._taken_on.add(conn)
        try:
            return self._handle(conn)
        finally:
            self._taken_on.discard(conn)

    def _handle_sign_in(self, conn: TConn, *, refused: bool) -> Any:
        self._of_thread.main, self._of_thread.refused = False, refused
        return self._handle(conn)

    def _handle(self, conn: TConn) -> Any:
        # In the kernel, since gunicorn makes the socket blocking again, which resets a timeout of Python. When nothing
        # arrives for so long, the read fails and the body counts as incomplete.
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SILENCE_SECONDS, 0))
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", UNREAD_SECONDS, 0))
        conn.data_ready = True
        return super().handle(conn)

    def _keepalive_after(self, conn: TConn, keepalive: Any) -> bool:
        """Whether the connection can be used again; a thread waits but a moment for a body that nobody read."""
        return bool(keepalive and conn.parser.finish_body(deadline=time.monotonic() + 0.1))

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
