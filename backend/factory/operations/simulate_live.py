"""A live stream at a steady rate, with late events, repeated deliveries and cut connections."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from factory.adapters.events.event_sender import EventSender
from factory.domain.sample.simulated_stream import SimulatedStream

_LATE_SECONDS = (2.0, 120.0)
_REPEAT_SECONDS = (0.0, 30.0)
_TICK_SECONDS = 0.1
_MOST_A_TICK = 5_000


@dataclass(frozen=True)
class Disturbance:
    """Late events, repeated deliveries and cut connections.

    `late` and `duplicates` are shares of the events. The connection is cut during the last `outage_seconds` of every
    `outage_every` seconds.
    """

    late: float = 0.0
    duplicates: float = 0.0
    outage_seconds: float = 0.0
    outage_every: float = 0.0

    def cut(self, elapsed: float) -> bool:
        if self.outage_seconds <= 0:
            return False
        return elapsed % self.outage_every >= self.outage_every - self.outage_seconds


def simulate_live(
    *,
    stream: SimulatedStream,
    sender: EventSender,
    rate: float,
    duration: float | None,
    disturbance: Disturbance,
    seed: int,
    now: int,
    monotonic: Callable[[], float],
    wait: Callable[[float], bool],
    progress: Callable[[int], None],
    drain_seconds: float = 10.0,
) -> int:
    """Send events until `duration` seconds have passed or `wait(seconds)` returns True; return how many were made.

    Event n has the timestamp `now + n / rate` seconds, whenever it is delivered. At the end all late events are sent,
    and the spool is resent for at most `drain_seconds`; the rest stays in it. Raises SendingRefused.
    """
    random = Random(seed)
    held: list[tuple[float, int, dict[str, Any]]] = []
    begin, made, deliveries = monotonic(), 0, 0
    while True:
        elapsed = monotonic() - begin
        over = duration is not None and elapsed >= duration
        due = int((min(elapsed, duration) if duration is not None else elapsed) * rate)
        fresh: list[dict[str, Any]] = []
        for _ in range(min(due - made, _MOST_A_TICK)):
            event = stream.next(now + round(made * 1_000_000 / rate))
            made += 1
            deliveries += 2
            if random.random() < disturbance.late:
                heapq.heappush(held, (elapsed + random.uniform(*_LATE_SECONDS), deliveries, event))
            else:
                fresh.append(event)
            if random.random() < disturbance.duplicates:
                heapq.heappush(held, (elapsed + random.uniform(*_REPEAT_SECONDS), deliveries + 1, event))
        while held and held[0][0] <= elapsed:
            fresh.append(heapq.heappop(held)[2])
        sender.connected = not disturbance.cut(elapsed)
        sender.send(fresh)
        sender.resend()
        progress(made)
        if (over and made >= due) or wait(0.0 if made < due else _TICK_SECONDS):
            break

    sender.connected = True
    sender.send([event for _, _, event in sorted(held)])
    ends = monotonic() + drain_seconds
    while sender.stored and monotonic() < ends:
        sender.resend()
        progress(made)
        if wait(min(_TICK_SECONDS, sender.waits)):
            break
    return made
