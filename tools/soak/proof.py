"""The checks after a soak."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.reference import Reference, read_event, rfc3339

from tools.soak.plant import Plant


def differences(plant: Plant, key: str, events: list[dict[str, Any]]) -> Iterator[str]:
    """Return one sentence per difference between a backend's answers and the naive recomputation of the events."""
    headers = {"Authorization": f"Bearer {key}"}
    now = time.time_ns() // 1_000
    reference = Reference([read_event(event) for event in events], now)
    start, end = reference.window(None, None)
    end -= end % 1_000_000
    window = f"from={quote(rfc3339(start))}&to={quote(rfc3339(end))}"
    expected = {
        "/metrics/factory": reference.metrics("factory", None, start, end)["data"],
        "/metrics/workers": reference.metrics("worker", None, start, end)["data"],
        "/metrics/workstations": reference.metrics("workstation", None, start, end)["data"],
        "/metrics/workers/W7/intervals": reference.intervals("worker", "W7", start, end)["data"],
        "/metrics/workstations/S3/intervals": reference.intervals("workstation", "S3", start, end)["data"],
    }
    for number, backend in enumerate(plant.backends, 1):
        for path, data in expected.items():
            reply = backend.request("GET", f"/api/v1{path}?{window}", headers=headers)
            if reply.status != 200:
                yield f"backend {number}: {path} is answered {reply.status}"
                continue
            found = _said(reply.body["data"])
            if found != data:
                yield f"backend {number}: {path} says {_first_difference(found, data)}"


def misplaced(plant: Plant, key: str, events: list[dict[str, Any]]) -> Iterator[str]:
    """Find acknowledged events that are not stored exactly once, and stored ones that nobody sent."""
    stored: Counter[str] = Counter()
    cursor = ""
    while True:
        path = f"/api/v1/events/?limit=1000{cursor}"
        reply = plant.backends[0].request("GET", path, headers={"Authorization": f"Bearer {key}"})
        if reply.status != 200:
            yield f"{path} is answered {reply.content.decode()[:200]}"
            return
        page = reply.body
        stored.update(event["event_id"] for event in page["data"])
        if not page.get("next_cursor"):
            break
        cursor = f"&cursor={quote(page['next_cursor'])}"
    sent = {event["event_id"] for event in events}
    for what, ids in (
        ("lost", sent - stored.keys()),
        ("stored and never sent", stored.keys() - sent),
        ("stored more than once", {identity for identity, times in stored.items() if times > 1}),
    ):
        if ids:
            yield f"{len(ids)} events {what}, such as {sorted(ids)[:3]}"


def _said(answer: Any) -> Any:
    """Strip from an answer what the reference does not know: the time of arrival, and empty fields."""
    if isinstance(answer, list):
        return [_said(one) for one in answer]
    if isinstance(answer, dict) and answer.get("event"):
        event = {name: value for name, value in answer["event"].items() if value is not None and name != "received_at"}
        return {**answer, "event": event}
    return answer


def _first_difference(found: Any, expected: Any) -> str:
    if isinstance(found, list) and isinstance(expected, list):
        if len(found) != len(expected):
            return f"{len(found)} entries instead of {len(expected)}"
        pair = next((f, e) for f, e in zip(found, expected, strict=True) if f != e)
        return _first_difference(*pair)
    if isinstance(found, dict) and isinstance(expected, dict):
        names = [name for name in {**found, **expected} if found.get(name) != expected.get(name)]
        return json.dumps({name: [found.get(name), expected.get(name)] for name in names})[:500]
    return f"{found} instead of {expected}"
