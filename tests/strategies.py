"""Hypothesis strategies: small histories of a factory that sit on every edge the definitions have.

A `History` is a set of events that are accepted in any order (no two are a conflict), the factory's
settings, and the windows to ask about. `deliveries` turns it into requests: shuffled, repeated,
written in different words, cut anywhere.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from random import Random
from typing import Any

import hypothesis
from hypothesis import strategies as st
from tests.reference import Event, Reference, instant, read_event, rfc3339

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
SKEW = 5 * MINUTE

# Instants around which a history lies: clock changes of each zone (spring, autumn), and a plain day.
ANCHORS = {
    "Europe/Berlin": ("2025-03-30T01:00:00Z", "2025-10-26T01:00:00Z"),
    "America/New_York": ("2025-03-09T07:00:00Z", "2025-11-02T06:00:00Z"),
    "Asia/Kolkata": ("2025-06-30T18:30:00Z",),
    "Australia/Lord_Howe": ("2025-10-04T15:30:00Z", "2025-04-05T15:00:00Z"),  # by half an hour
    "America/Havana": ("2025-03-09T05:00:00Z", "2025-11-02T05:00:00Z"),  # no local midnight; two of them
    "Asia/Beirut": ("2025-03-29T22:00:00Z", "2025-10-25T21:00:00Z"),
    "UTC": ("2024-02-29T00:00:00Z", "2025-01-01T00:00:00Z"),
}
TIMEOUTS = (0, 1, 900, 3600, 7200, 604_800)
WORKERS = ("W1", "W2", "w1")
STATIONS = ("S1", "s1", "S-2")
SOURCES = (None, "cam-1", "Cam-1", "camera \uffee", "camera \U0001f600")
EVENT_IDS = (None, "1", "10", "9", "\u00e9")
CONFIDENCES = (None, 0, 0.3, 0.1 + 0.2, 0.5, 1, 1.0)
COUNTS = (None, 0, 1, 3, 1_000_000)
LONG_AGO = 40 * 24 * HOUR
SEEDS = st.integers(0, 2**32)
WHOLE = os.environ.get("HYPOTHESIS_PROFILE") == "ci"
"""True when `make prove` runs, which has time for everything."""


def examples(number: int) -> hypothesis.settings:
    """Let a law over HTTP try `number` examples on each store, sixty times as many with HYPOTHESIS_PROFILE=ci."""
    return hypothesis.settings(max_examples=number * (60 if WHOLE else 1))


@dataclass(frozen=True)
class History:
    time_zone: str
    state_timeout_seconds: int
    now: int
    events: tuple[Event, ...]
    windows: tuple[tuple[int | None, int | None], ...]

    def reference(self, events: list[Event] | None = None, now: int | None = None) -> Reference:
        """Return the numbers once these events (all of them, if none are named) have been accepted."""
        return Reference(
            list(self.events) if events is None else events,
            now=self.now if now is None else now,
            time_zone=self.time_zone,
            state_timeout_seconds=self.state_timeout_seconds,
        )


@st.composite
def histories(draw: st.DrawFn, max_events: int = 14) -> History:
    zone = draw(st.sampled_from(sorted(ANCHORS)))
    anchor = instant(draw(st.sampled_from(ANCHORS[zone])))
    timeout = draw(st.sampled_from(TIMEOUTS))
    # Few distinct instants, a timeout or a quarter of an hour apart: ties and boundaries are the rule.
    quarters = st.integers(-60, 60).map(lambda n: n * 15 * MINUTE)
    edges = st.sampled_from((0, 0, 0, 1, -1, SECOND, timeout * SECOND, timeout * SECOND - 1))
    near = st.tuples(quarters, edges).map(lambda pair: anchor + pair[0] + min(pair[1], 3 * HOUR))
    moments = draw(st.lists(near | st.just(anchor - LONG_AGO), min_size=1, max_size=7))
    now = draw(st.sampled_from([anchor + 16 * HOUR, max(moments), max(moments) + 1, anchor + 90 * MINUTE]))
    moments += [now + draw(st.sampled_from((0, 1, 150 * SECOND, SKEW)))]
    moments += [m + timeout * SECOND for m in moments if timeout < 8000]
    moments = [min(m, now + SKEW) for m in moments]
    event = st.builds(
        Event,
        timestamp=st.sampled_from(moments),
        worker_id=st.sampled_from(WORKERS),
        workstation_id=st.sampled_from(STATIONS),
        event_type=st.sampled_from(("working", "working", "idle", "absent", "product_count")),
        count=st.sampled_from(COUNTS),
        confidence=st.sampled_from(CONFIDENCES),
        source_id=st.sampled_from(SOURCES),
        event_id=st.sampled_from(EVENT_IDS),
        model_version=st.sampled_from((None, "v1")),
    )
    drawn = draw(st.lists(event, min_size=1, max_size=max_events))
    events = {e.identity: read_event(said(e)) for e in drawn}  # of two that are a conflict, one
    window_edge = st.sampled_from(
        [*(e.timestamp for e in events.values()), anchor, anchor - 24 * HOUR, anchor + 1, now, now + HOUR]
    )
    windows: list[tuple[int | None, int | None]] = [(None, None)]
    for _ in range(2):
        left, right = sorted((draw(window_edge), draw(window_edge)))
        windows.append((left, right))
    windows.append(draw(st.sampled_from([(windows[1][0], None), (None, windows[2][1]), (now, now + SKEW)])))
    return History(zone, timeout, now, tuple(events.values()), tuple(windows))


def said(event: Event) -> dict[str, Any]:
    """Write the event as a plain sender does."""
    fields = {
        "timestamp": rfc3339(event.timestamp),
        "worker_id": event.worker_id,
        "workstation_id": event.workstation_id,
        "event_type": event.event_type,
        "count": event.count,
        "confidence": event.confidence,
        "source_id": event.source_id,
        "event_id": event.event_id,
        "model_version": event.model_version,
    }
    return {name: value for name, value in fields.items() if value is not None}


def reworded(event: Event, random: Random) -> dict[str, Any]:
    """Write the event as another sender might: another offset, explicit nulls, fields that are ignored."""
    words = said(event)
    offset, written = random.choice(((0, ""), (0, "Z"), (0, "z"), (0, "+00:00"), (330, "+05:30"), (-210, "-03:30")))
    local = rfc3339(event.timestamp + offset * MINUTE).removesuffix("Z")
    if "." in local:
        local += random.choice(("", "9", "999999"))
    words["timestamp"] = random.choice(("T", "t", " ")).join(local.split("T")) + written
    if event.event_type != "product_count":
        words["count"] = random.choice((0, 7))
    elif event.count == 1 and random.random() < 0.5:
        del words["count"]
    for name in ("count", "confidence", "source_id", "event_id", "model_version"):
        if name not in words and random.random() < 0.3:
            words[name] = None
    if isinstance(event.confidence, float) and event.confidence.is_integer() and random.random() < 0.5:
        words["confidence"] = int(event.confidence)
    if random.random() < 0.3:
        words["shift"] = {"crew": [1, None]}
    return words


@dataclass(frozen=True)
class Delivery:
    """One request to the ingestion routes: the events in it, and the request that carries them."""

    events: tuple[Event, ...]
    path: str
    content_type: str
    body: bytes


def deliveries(events: tuple[Event, ...], random: Random, *, in_one: bool = False) -> list[Delivery]:
    """Cut the events, in any order and some of them twice, into requests of any size and kind."""
    order = list(events) + [e for e in events if random.random() < 0.3]
    random.shuffle(order)
    requests: list[Delivery] = []
    while order:
        size = len(order) if in_one else random.choice((1, 1, 2, 3, 8))
        part, order = order[:size], order[size:]
        requests.append(_request(part, random))
    return requests


def _request(events: list[Event], random: Random) -> Delivery:
    words = [reworded(event, random) for event in events]
    kinds = ["array", "lines"] + ["single"] * (len(events) == 1)
    kind = random.choice(kinds)
    if kind == "single":
        path, content_type, body = "/api/v1/events/", "application/json", json.dumps(words[0])
    elif kind == "array":
        path, content_type, body = "/api/v1/events/batch", "application/json", json.dumps(words)
    else:
        lines = "".join(json.dumps(w) + random.choice(("\n", "\n\n", "\r\n")) for w in words)
        path, content_type, body = "/api/v1/events/batch", "application/x-ndjson", lines
    return Delivery(tuple(events), path, content_type, body.encode())
