"""Senders that post single events through NGINX while something happens, and remember what was acknowledged."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from uuid import uuid4

from tests.stack.conftest import Stack

SENDERS = 4
PAUSE_SECONDS = 0.1


class Senders:
    """Send in the background between `with` and its end.

    Each sends an event until it is acknowledged, as SPEC asks of a sender, and counts every answer on the way. Where
    NGINX hangs up an idle connection at the moment of a request, the request is sent again on a new one, as browsers
    and HTTP libraries do.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(SENDERS)]
        self._run = uuid4().hex[:8]
        self.acknowledged: list[str] = []
        self.answers: Counter[int | str] = Counter()
        self.without_retry_after = 0
        self.longest_seconds = 0.0

    def __enter__(self) -> Senders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int, seconds: float = 60) -> None:
        """Until so many more events have been acknowledged."""
        wanted = len(self.acknowledged) + more
        self._stack.wait_until(lambda: len(self.acknowledged) >= wanted, f"{more} more events acknowledged", seconds)

    def _send(self, number: int) -> None:
        with closing(self._stack.connect()) as connection:
            self._send_on(connection, number)

    def _send_on(self, connection: HTTPConnection, number: int) -> None:
        sent = 0
        while not self._stop.is_set():
            sent += 1
            event_id = f"{self._run}-{number}-{sent}"
            body = json.dumps(
                {
                    "timestamp": f"2026-11-01T{sent // 3600:02d}:{sent // 60 % 60:02d}:{sent % 60:02d}Z",
                    "worker_id": f"{self._run}-{number}",
                    "workstation_id": "S1",
                    "event_type": "product_count",
                    "event_id": event_id,
                }
            )
            while not self._once(connection, body):
                if self._stop.wait(0.2):
                    return
            with self._lock:
                self.acknowledged.append(event_id)
            self._stop.wait(PAUSE_SECONDS)

    def _once(self, connection: HTTPConnection, body: str) -> bool:
        headers = {"X-API-Key": self._stack.key, "Content-Type": "application/json"}
        began = time.monotonic()
        status: int | str
        retry_after = None
        for attempt in ("on the connection that is open", "on a new one"):
            reused = connection.sock is not None
            try:
                connection.request("POST", "/api/v1/events/", body, headers)
                answer = connection.getresponse()
                answer.read()
                status, retry_after = answer.status, answer.getheader("Retry-After")
                break
            except (OSError, HTTPException) as error:
                connection.close()
                status = type(error).__name__
                if not reused or attempt == "on a new one":
                    break
        with self._lock:
            self.answers[status] += 1
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)
            if status in (429, 503) and retry_after is None:
                self.without_retry_after += 1
        return status in (200, 201)


def stored(stack: Stack, senders: Senders) -> list[str]:
    """Return the event ids of these senders in the database, repeated ones repeated."""
    return stack.sql(f"SELECT event_id FROM events WHERE event_id LIKE '{senders._run}-%'")
