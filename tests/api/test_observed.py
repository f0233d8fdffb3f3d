"""Series for Prometheus about factories, sources and requests that are under way."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import request
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry, generate_latest
from tests.conftest import NOON, Clock

from factory.adapters.observe.prometheus_metrics import IngestMetrics
from factory.domain.shifts import DEFAULT_SHIFTS, is_running

HOUR = 3_600_000_000


def value(client: FlaskClient, series: str) -> float | None:
    found = re.search(rf"^{re.escape(series)} (\S+)$", client.get("/metrics").text, flags=re.MULTILINE)
    return None if found is None else float(found[1])


def event(source: str) -> dict[str, Any]:
    return {
        "timestamp": "2026-01-15T11:00:00Z",
        "worker_id": "W1",
        "workstation_id": "S1",
        "event_type": "working",
        "source_id": source,
    }


def test_when_a_source_was_heard_of_last_is_told(client: FlaskClient, clock: Clock) -> None:
    series = 'factory_source_last_arrival_timestamp_seconds{factory="default",organisation_key="1",source="camera-1"}'
    client.post("/api/v1/events/", json=event("camera-1"))
    assert value(client, series) == NOON / 1e6

    clock.now += HOUR
    client.post("/api/v1/events/batch", json=[event("camera-1")])  # a repeated event shows that its source lives, too

    assert value(client, series) == (NOON + HOUR) / 1e6


def test_sources_without_number_do_not_fill_the_memory(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.adapters.observe.prometheus_metrics._MOST_SOURCES", 3)

    client.post("/api/v1/events/batch", json=[event(f"camera-{number}") for number in range(5)])

    assert client.get("/metrics").text.count("factory_source_last_arrival_timestamp_seconds{") == 3


def test_the_sources_of_one_organisation_take_no_room_from_another() -> None:
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    for number in range(1_001):
        metrics._saw(1, "plant", f"camera-{number}", NOON)
    metrics._saw(2, "plant", "camera", NOON)
    told = generate_latest(registry).decode()
    assert told.count('{factory="plant",organisation_key="1"') == 1_000
    assert told.count('{factory="plant",organisation_key="2"') == 1


def test_a_shift_runs_by_the_clock_of_its_factory(client: FlaskClient, clock: Clock) -> None:
    series = 'factory_shift_running{factory="default",organisation="default",organisation_key="1"}'
    shifts = [{"name": "Late", "start": "21:00", "end": "02:00"}]
    changed = client.patch("/api/v1/factories/default", json={"time_zone": "Asia/Tokyo", "shifts": shifts})
    assert changed.status_code == 200

    told = []
    for hours in (0, -1, 5):  # noon in UTC is nine in the evening in Tokyo
        clock.now = NOON + hours * HOUR
        told.append(value(client, series))

    assert told == [1, 0, 0]


@pytest.mark.parametrize(
    ("shifts", "minute", "runs"),
    [
        (DEFAULT_SHIFTS, 0, True),
        ([], 0, True),
        ([{"name": "Day", "start": "06:00", "end": "14:00"}], 359, False),
        ([{"name": "Day", "start": "06:00", "end": "14:00"}], 360, True),
        ([{"name": "Day", "start": "06:00", "end": "14:00"}], 840, False),
        ([{"name": "Night", "start": "22:00", "end": "06:00"}], 1320, True),
        ([{"name": "Night", "start": "22:00", "end": "06:00"}], 359, True),
        ([{"name": "Night", "start": "22:00", "end": "06:00"}], 360, False),
    ],
)
def test_a_shift_holds_its_first_minute_and_not_its_last(shifts: Any, minute: int, runs: bool) -> None:
    assert is_running(shifts, minute) is runs


def test_requests_under_way_are_counted_while_they_are(client: FlaskClient, app: Any) -> None:
    seen: list[float | None] = []

    def look(answer: Any) -> Any:
        if request.path != "/metrics":  # which this asks for itself
            seen.append(value(app.test_client(), "factory_requests_in_flight"))
        return answer

    app.after_request(look)

    client.get("/api/v1/workers/")

    assert seen == [1]
    assert value(client, "factory_requests_in_flight") == 0
    assert value(client, "factory_requests_in_flight_limit") == 2 * 32


def test_connections_are_told_while_they_are_taken(client: FlaskClient, app: Any) -> None:
    taken = 'factory_database_connections{pool="primary"}'
    store = app.extensions["factory_store"]
    client.get("/api/v1/workers/")
    before = value(client, taken)

    with store.snapshot(), store.snapshot():
        within = value(client, taken)

    assert (before, within, value(client, taken)) == (0, 2, 0)
    assert value(client, "factory_database_connections_limit") == 2 * (5 + 5)
