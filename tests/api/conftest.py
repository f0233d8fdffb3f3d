"""Fixtures for tests of HTTP itself: one store is enough, what is stored is held elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.conftest import Clock, close_store, make_settings


@pytest.fixture(scope="module")
def served(fresh_database: Callable[[str], str]) -> Iterator[Flask]:
    """An application in demo mode on SQLite with one worker's morning in it; shared by a module's tests."""
    from factory.app import create_app

    app = create_app(make_settings(fresh_database("sqlite"), DEMO_MODE="true"), clock=Clock())
    morning = [("08:00", "working"), ("09:00", "product_count"), ("10:00", "idle"), ("11:00", "absent")]
    events = [
        {
            "timestamp": f"2026-01-15T{time}:00Z",
            "worker_id": "W1",
            "workstation_id": "S3",
            "event_type": kind,
            "confidence": 0.9,
        }
        for time, kind in morning
    ]
    answer = app.test_client().post("/api/v1/events/batch", json=events)
    assert answer.status_code == 201, answer.text
    yield app
    close_store(app.extensions["factory_store"])


@pytest.fixture
def site(served: Flask) -> FlaskClient:
    return served.test_client()


def api_rules(app: Flask) -> list[tuple[str, str]]:
    """Every method and address below /api/v1 that answers data, with path parameters filled in."""
    found = []
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1/") or rule.endpoint in ("api.doc", "api.specs", "api.openapi"):
            continue
        address = rule.rule
        for name, value in (("worker_id", "W1"), ("workstation_id", "S3"), ("factory_id", "default")):
            address = address.replace(f"<{name}>", value)
        found += [(method, address) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return sorted(found)


def asked(address: str) -> str:
    """The address with the parameters that it cannot do without."""
    needed: dict[str, Any] = {
        "/api/v1/metrics/timeseries": "?metric=event_count&entity=worker&id=W1&bucket=hour",
        "/api/v1/metrics/timeline": "?entity=worker",
    }
    return address + needed.get(address.rstrip("/"), "")
