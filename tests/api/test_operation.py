"""An operator's sight of the service: its log lines and its Prometheus series."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.conftest import make_settings

EVENT = {"timestamp": "2026-01-15T11:00:00Z", "worker_id": "W1", "workstation_id": "S3", "event_type": "idle"}


def fields_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.fields for record in caplog.records if record.name == "factory.request"]  # type: ignore[attr-defined]


def test_a_request_is_one_line_with_its_route_status_duration_and_counts(
    site: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        site.post("/api/v1/events/batch", json=[{**EVENT, "worker_id": "W-log"}, {**EVENT, "worker_id": "W-log"}, {}])
        site.get("/api/v1/workers/W-log?from=secret")
    first, second = fields_of(caplog)
    assert first.pop("duration_ms") >= 0
    assert first == {
        "method": "POST",
        "route": "/api/v1/events/batch",
        "status": 201,
        "factory": "default",
        "events": 3,
        "created": 1,
        "duplicates": 1,
        "failed": 1,
    }
    assert (second["route"], second["status"]) == ("/api/v1/workers/<worker_id>", 400)
    assert "secret" not in str(second)


def test_requests_events_and_the_store_are_counted(site: FlaskClient) -> None:
    def value(text: str, series: str) -> float:
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(series))

    before = site.get("/metrics").text
    site.post("/api/v1/events/batch", json=[{**EVENT, "worker_id": "W-metrics"}] * 3 + [{}])
    site.post("/api/v1/events/", json={**EVENT, "event_type": "asleep"})
    site.get("/api/v1/metrics/factory")  # what waits is derived before it is read
    after = site.get("/metrics").text

    def grown(series: str) -> float:
        return value(after, series) - value(before, series)

    assert grown('factory_events_total{outcome="created",type="idle"}') == 1
    assert grown('factory_events_total{outcome="duplicate",type="idle"}') == 2
    assert grown('factory_events_total{outcome="invalid",type="unknown"}') == 2
    assert grown("factory_batch_events_count") == 1
    assert grown("factory_batch_events_sum") == 4
    assert grown("factory_commit_seconds_count") == 1
    assert grown('factory_event_lateness_seconds_bucket{le="3600.0"}') == 3
    assert grown('factory_event_lateness_seconds_bucket{le="900.0"}') == 0
    assert value(after, 'factory_newest_event_age_seconds{factory="default",organisation="default"}') == 3600
    assert 'factory_dirty_stretches{factory="default",organisation="default"}' in after
    assert value(after, "factory_store_up") == 1
    assert 'url_rule="/api/v1/events/batch"' in after


def test_metrics_can_be_switched_off(fresh_database: Any) -> None:
    from tests.conftest import close_store

    from factory.app import create_app

    app = create_app(make_settings(fresh_database("sqlite"), METRICS_ENABLED="false"))
    assert app.test_client().get("/metrics").status_code == 404
    close_store(app.extensions["factory_store"])
