"""The senders and readers of a soak, through NGINX, and the answers that they got."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

from factory.adapters.events.event_sender import EventSender
from factory.adapters.events.event_spool import EventSpool
from factory.domain.sample.simulated_stream import SimulatedStream
from factory.operations.simulate_live import Disturbance, simulate_live

WORKERS = 40
SPEED = 12.0
"""How much faster the plant's time passes than ours: half an hour is six hours, whose ends and pages come and go."""
PATIENCE_SECONDS = 70.0


class PlantClock:
    """The time that events speak of, in microseconds; it has passed by when the soak ends."""

    def __init__(self, seconds: float) -> None:
        self._began = time.time_ns() // 1_000
        self._start = self._began - round((SPEED * seconds + 600) * 1_000_000)

    def at(self, ours: int) -> int:
        return self._start + round(SPEED * (ours - self._began))


class Answer(NamedTuple):
    """`status` is 0 where nobody answered; times are those of the monotonic clock."""

    at: float
    status: int
    seconds: float


class Client:
    """One connection through NGINX, kept open; each answer is noted."""

    def __init__(self, port: int, key: str) -> None:
        self.answers: list[Answer] = []
        self.wrong: list[str] = []
        """Wrong answers: one that is not the API's, or a 503 without Retry-After."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any, float]:
        """Status, body and the seconds after which to come again."""
        began = time.monotonic()
        status, answer, again = 0, None, 0.5
        try:
            self._connection.request(method, path, body, self._headers)
            response = self._connection.getresponse()
            content = response.read()
            status = response.status
            answer = json.loads(content)
            if status in (429, 503):
                again = float(response.headers["Retry-After"])
            elif status not in (200, 201):
                self.wrong.append(f"{status} {content.decode()[:300]}")
        except (OSError, http.client.HTTPException):
            status = 0
            self._connection.close()
        except (ValueError, KeyError, TypeError) as error:
            self.wrong.append(f"{status} {error!r}")
        now = time.monotonic()
        self.answers.append(Answer(now, status, now - began))
        return status, answer, again


class SinglePosts(threading.Thread):
    """Posts one event after the other, each again and again until it is acknowledged."""

    def __init__(
        self, *, port: int, key: str, number: int, rate: float, clock: PlantClock, stop: threading.Event
    ) -> None:
        super().__init__(name=f"single posts {number}", daemon=True)
        self.client = Client(port, key)
        self.acknowledged: list[dict[str, Any]] = []
        self.waiting: deque[dict[str, Any]] = deque()
        self._stream = SimulatedStream(seed=number, workers=WORKERS, run=f"single{number}")
        self._rate, self._clock, self._over, self._began = rate, clock, stop, time.monotonic()
        self.give_up = threading.Event()

    def run(self) -> None:
        made = 0
        while not self.give_up.is_set() and not (self._over.is_set() and not self.waiting):
            due = 0 if self._over.is_set() else int((time.monotonic() - self._began) * self._rate) - made
            for _ in range(due):
                self.waiting.append(self._stream.next(self._clock.at(time.time_ns() // 1_000)))
                made += 1
            if not self.waiting:
                self._over.wait(0.5 / self._rate)
                continue
            event = self.waiting[0]
            status, _, again = self.client.ask("POST", "/api/v1/events/", json.dumps(event).encode())
            if status in (200, 201):
                self.acknowledged.append(self.waiting.popleft())
            else:
                self.give_up.wait(again)


class Batches(threading.Thread):
    """The simulator with its spool: small batches, some events late, some twice."""

    def __init__(
        self,
        *,
        port: int,
        key: str,
        rate: float,
        seconds: float,
        spool: Path,
        clock: PlantClock,
        stop: threading.Event,
    ) -> None:
        super().__init__(name="batches", daemon=True)
        self._spool = EventSpool(spool, limit=1_000_000)
        self.sender = EventSender(
            url=f"http://127.0.0.1:{port}", factory_id=None, spool=self._spool, api_key=key, timeout=PATIENCE_SECONDS
        )
        self.made: list[dict[str, Any]] = []
        self.error: str | None = None
        self._stream = SimulatedStream(seed=1000, workers=WORKERS, run="batch")
        self._rate, self._seconds, self._clock, self._over = rate, seconds, clock, stop

    def next(self, at: int) -> dict[str, Any]:
        """Take the next event of the stream and note it."""
        self.made.append(self._stream.next(self._clock.at(at)))
        return self.made[-1]

    def run(self) -> None:
        try:
            simulate_live(
                stream=self,  # type: ignore[arg-type]
                sender=self.sender,
                rate=self._rate,
                duration=self._seconds,
                disturbance=Disturbance(late=0.03, duplicates=0.03),
                seed=1,
                now=time.time_ns() // 1_000,
                monotonic=time.monotonic,
                wait=lambda seconds: bool(time.sleep(seconds)),
                progress=lambda made: None,
                drain_seconds=120.0,
            )
        except Exception as error:  # the report tells it
            self.error = repr(error)

    @property
    def all_acknowledged(self) -> bool:
        counts = self.sender.delivery
        return not (self.error or self.sender.stored or counts.failed or counts.dropped)


class Reader(threading.Thread):
    """Asks for the factory's figures, and that each answer holds what was acknowledged before the question."""

    def __init__(self, *, port: int, key: str, senders: list[SinglePosts], stop: threading.Event) -> None:
        super().__init__(name="reader", daemon=True)
        self.client = Client(port, key)
        self.missed: list[str] = []
        self._senders, self._over = senders, stop

    def run(self) -> None:
        while not self._over.wait(1.0):
            acknowledged = sum(len(sender.acknowledged) for sender in self._senders)
            status, answer, _ = self.client.ask("GET", "/api/v1/metrics/factory")
            with contextlib.suppress(KeyError, TypeError):
                found = answer["data"]["total_events"]
                if status == 200 and found < acknowledged:
                    self.missed.append(f"{found} of {acknowledged}")
