"""Posts events to a server in batches, and keeps them while it is away.

Every event is delivered at least once and, since the server recognises a repeated event, stored once.
"""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from factory.adapters.events.event_spool import EventSpool

_AWAY = {408, 425, 429, 500, 502, 503, 504}
_TOO_LARGE = 413
_LONGEST_WAIT = 300.0
_LONGEST_BACKOFF = 15.0
_ROUTE = "/api/v1/events/batch"


class SendingRefused(Exception):
    """The server will never take these requests as they are: wrong address, factory or credentials."""


@dataclass
class Delivery:
    """Numbers of events. `acknowledged` counts created ones and duplicates; `dropped` had no room on disk."""

    sent: int = 0
    acknowledged: int = 0
    duplicates: int = 0
    failed: int = 0
    dropped: int = 0
    first_failure: str | None = None


class EventSender:
    """`connected` may be set to False to play a cut network: nothing is sent, all is kept."""

    def __init__(
        self,
        *,
        url: str,
        factory_id: str | None,
        spool: EventSpool,
        api_key: str | None = None,
        batch_size: int = 500,
        timeout: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without a factory the server chooses: that of the key, or the default one.

        Raises ValueError for an address, or an API key, that is none.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the address must look like http://localhost:5000")
        connection = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = connection(parts.hostname, parts.port, timeout=timeout)
        self._path = parts.path.rstrip("/") + _ROUTE
        self._headers = {
            "Content-Type": "application/json",
            **({} if factory_id is None else {"X-Factory-ID": factory_id}),
        }
        if api_key is not None:
            if not re.fullmatch("[!-~]+", api_key):
                raise ValueError("an API key has no spaces and no other than ASCII characters")
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._spool = spool
        self._batch_size = batch_size
        self._clock = clock
        self._failures = 0
        self._retry_at = clock()
        self.connected = True
        self.delivery = Delivery()

    @property
    def stored(self) -> int:
        return len(self._spool)

    @property
    def waits(self) -> float:
        """Seconds until the next try; 0 when the server answers."""
        return max(0.0, self._retry_at - self._clock()) if self._failures else 0.0

    def send(self, events: list[dict[str, Any]]) -> None:
        """Delivers new events, or stores them when the server does not take them now.

        Raises SendingRefused, with the events stored.
        """
        for begin in range(0, len(events), self._batch_size):
            batch = events[begin : begin + self._batch_size]
            try:
                taken = self._may_try() and self._deliver(batch)
            except SendingRefused:
                self._store(events[begin:])
                raise
            if not taken:
                self._store(batch)

    def resend(self, batches: int = 4) -> None:
        """Delivers up to so many batches of what is stored, oldest first, as long as the server takes them."""
        for _ in range(batches):
            if not self.stored or not self._may_try():
                return
            batch = self._spool.oldest(self._batch_size)
            if not self._deliver(batch):
                return
            self._spool.forget(len(batch))

    def close(self) -> None:
        self._connection.close()

    def _may_try(self) -> bool:
        return self.connected and self._clock() >= self._retry_at

    def _store(self, events: list[dict[str, Any]]) -> None:
        self.delivery.dropped += self._spool.append(events)

    def _deliver(self, events: list[dict[str, Any]]) -> bool:
        """Return True when the server has dealt with the events, False when they are to be sent again later."""
        try:
            status, retry_after, body = self._post(json.dumps(events).encode())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return self._away(None)
        self.delivery.sent += len(events)
        if status in _AWAY:
            return self._away(retry_after)
        self._failures = 0
        if status == _TOO_LARGE and len(events) > 1:
            half = len(events) // 2
            # A first half that was taken is sent again if the second one fails: harmless.
            return self._deliver(events[:half]) and self._deliver(events[half:])
        if status in (401, 403):
            raise SendingRefused(f"the server does not let us in ({status}: {_text(body, 'error')}): see --api-key")
        if status not in (200, 201, 422):
            raise SendingRefused(f"the server answered {status}: {_text(body, 'error')}")
        self._read(body)
        return True

    def _post(self, body: bytes) -> tuple[int, str | None, Any]:
        reused = self._connection.sock is not None
        try:
            self._connection.request("POST", self._path, body, self._headers)
            response = self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self._connection.close()
            if not reused:
                raise
            # That the server closed an idle connection does not mean that it is away.
            self._connection.request("POST", self._path, body, self._headers)
            response = self._connection.getresponse()
        content = response.read()
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        return response.status, response.getheader("Retry-After"), answer

    def _away(self, retry_after: str | None) -> bool:
        self._failures += 1
        backoff = min(_LONGEST_BACKOFF, 0.25 * 2 ** min(self._failures, 10))
        announced = _seconds(retry_after)
        self._retry_at = self._clock() + (backoff if announced is None else min(announced, _LONGEST_WAIT))
        return False

    def _read(self, body: Any) -> None:
        try:
            created, duplicates, failed = body["created_count"], body["duplicate_count"], body["failed_count"]
        except (KeyError, TypeError):
            raise SendingRefused("the answer is not one of this API: is the address right?") from None
        self.delivery.acknowledged += created + duplicates
        self.delivery.duplicates += duplicates
        self.delivery.failed += failed
        if failed and self.delivery.first_failure is None:
            self.delivery.first_failure = _text((body.get("errors") or [None])[0], "message")


def _text(body: Any, field: str) -> str:
    return str(body[field]) if isinstance(body, dict) and field in body else "no reason given"


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After as RFC 9110 has it: seconds or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc)
    return max(0.0, (at - datetime.now(timezone.utc)).total_seconds())
