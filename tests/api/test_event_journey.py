"""The way of one event, from POST to a number on the screen: start here to learn the service.

ARCHITECTURE.md names the file of each step; each test below takes the same event one step further.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

import pytest

HOUR = 3600 * 1_000_000
EVENT = {
    "timestamp": "2026-01-15T10:15:00Z",
    "worker_id": "W1",
    "workstation_id": "S3",
    "event_type": "working",
    "confidence": 0.93,
    "count": 1,
    "source_id": "camera-7",
    "model_version": "2026.1",
}


@pytest.fixture
def posted(client: Any) -> Any:
    """Return the answer to the event's POST; the clock stands at 2026-01-15T12:00:00Z."""
    return client.post("/api/v1/events/", json=EVENT, headers={"X-Request-ID": "journey-1"})


def data_of(client: Any, path: str) -> Any:
    reply = client.get("/api/v1" + path)
    assert reply.status_code == 200, reply.text
    return reply.get_json()["data"]


def test_it_is_acknowledged_once_it_is_stored(posted: Any) -> None:
    assert posted.status_code == 201
    assert posted.get_json() == {
        "message": "Event ingested successfully",
        "status": 201,
        "duplicate": False,
        "timestamp": "2026-01-15T12:00:00Z",
    }
    assert posted.headers["X-Request-ID"] == "journey-1"


def test_it_is_kept_as_it_was_sent_with_the_time_it_was_received(client: Any, posted: Any) -> None:
    [stored] = data_of(client, "/events/")
    sent = {name: value for name, value in EVENT.items() if name != "count"}  # means nothing on a state event
    assert stored.items() >= sent.items()
    assert stored["received_at"] == "2026-01-15T12:00:00Z"


def test_a_second_delivery_changes_nothing(client: Any, clock: Any, posted: Any) -> None:
    clock.now += HOUR
    again = client.post("/api/v1/events/", json=EVENT)
    assert (again.status_code, again.get_json()["duplicate"]) == (200, True)
    [stored] = data_of(client, "/events/")
    assert stored["received_at"] == "2026-01-15T12:00:00Z"


def test_it_registers_whom_it_speaks_of(client: Any, posted: Any) -> None:
    assert data_of(client, "/workers/W1")["name"] == "W1"
    assert data_of(client, "/workstations/S3")["name"] == "S3"


def test_it_opens_an_interval_that_lasts_until_the_state_times_out(client: Any, posted: Any) -> None:
    working, unknown = data_of(client, "/metrics/workers/W1/intervals")
    assert (working["state"], working["workstation_id"]) == ("working", "S3")
    assert (working["start"], working["end"]) == ("2026-01-15T10:15:00Z", "2026-01-15T11:15:00Z")
    assert working["event"]["timestamp"] == EVENT["timestamp"]
    assert working["event"]["source_id"] == "camera-7"
    assert unknown["state"] == "unknown"
    assert (unknown["workstation_id"], unknown["event"]) == (None, None)
    assert (unknown["start"], unknown["end"]) == ("2026-01-15T11:15:00Z", "2026-01-15T12:00:00Z")


def test_it_becomes_the_number_of_its_worker(client: Any, posted: Any) -> None:
    data = data_of(client, "/metrics/workers/W1")
    assert data["total_active_time_hours"] == 1
    assert data["unknown_time_hours"] == 0.75
    assert data["coverage_percentage"] == 57.14  # 1 h of 1.75 h
    assert data["utilization_percentage"] == 100
    assert data["utilization_lower_percentage"] == 57.14
    assert data["units_per_hour"] == 0
    assert data["event_count"] == 1


def test_it_becomes_the_number_of_its_workstation_and_factory(client: Any, posted: Any) -> None:
    station = data_of(client, "/metrics/workstations/S3")
    assert (station["occupancy_time_hours"], station["productive_time_hours"]) == (1, 1)
    factory = data_of(client, "/metrics/factory")
    assert (factory["total_productive_time_hours"], factory["total_events"]) == (1, 1)
    assert (factory["active_worker_count"], factory["active_station_count"]) == (1, 1)


def test_an_event_that_comes_late_changes_the_time_it_speaks_of(client: Any, posted: Any) -> None:
    late = {**EVENT, "timestamp": "2026-01-15T10:45:00Z", "event_type": "idle"}
    client.post("/api/v1/events/", json={**EVENT, "timestamp": "2026-01-15T11:15:00Z", "event_type": "absent"})
    before = data_of(client, "/metrics/workers/W1")
    assert (before["total_active_time_hours"], before["total_idle_time_hours"]) == (1, 0)
    client.post("/api/v1/events/", json=late)
    after = data_of(client, "/metrics/workers/W1")
    assert (after["total_active_time_hours"], after["total_idle_time_hours"]) == (0.5, 0.5)
    assert after["total_absent_time_hours"] == before["total_absent_time_hours"] == 0.75


def test_the_open_interval_grows_with_the_clock(client: Any, clock: Any) -> None:
    clock.now -= HOUR  # 11:00, a quarter of an hour before the state would time out
    client.post("/api/v1/events/", json=EVENT)
    assert data_of(client, "/metrics/workers/W1")["total_active_time_hours"] == 0.75
    clock.now += HOUR // 8
    assert data_of(client, "/metrics/workers/W1")["total_active_time_hours"] == 0.875
    clock.now += 10 * HOUR
    assert data_of(client, "/metrics/workers/W1")["total_active_time_hours"] == 1


def test_the_screen_asks_for_that_number(client: Any, posted: Any) -> None:
    with client.get("/") as page:
        assert page.status_code == 200
        assert page.mimetype == "text/html"
        asked = page.text
    waiting = re.findall(r'src="/?([^":]+\.js)"', asked)
    seen: set[str] = set()
    while waiting:
        source = waiting.pop()
        if source not in seen:
            seen.add(source)
            with client.get("/" + source) as script:
                assert script.status_code == 200, source
                asked += script.text
                imported = re.findall(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+\.js)["']""", script.text)
            waiting += [posixpath.normpath(posixpath.join(posixpath.dirname(source), path)) for path in imported]
    assert "metrics/" in asked
