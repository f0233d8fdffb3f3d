"""Fixtures for tests of HTTP itself: one store is enough, what is stored is held elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert
from tests.conftest import NOON, Clock, close_store, make_settings

PATH_VALUES = {
    "worker_id": "W1",
    "workstation_id": "S3",
    "factory_id": "default",
    "organisation_id": "default",
    "key_id": "abcdefghijkl",
    "session_id": "abcdefghijkl",
    "user_id": "abcdefghijkl",
}
"""Values in the place of each path parameter; there is such a thing in `served`."""


@pytest.fixture(scope="module")
def served(fresh_database: Callable[[str], str]) -> Iterator[Flask]:
    """Yield an application in demo mode on SQLite with one worker's morning in it; shared by a module's tests."""
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
    _add_key(app)
    _add_user(app)
    yield app
    close_store(app.extensions["factory_store"])


def _add_key(app: Flask) -> None:
    from factory.store.access_schema import api_keys

    row = {"organisation_key": 1, "factory_key": 1, "key_id": PATH_VALUES["key_id"], "name": "Camera 7"}
    with app.extensions["factory_store"].writing() as tx:
        tx.execute(insert(api_keys).values(row | {"scope": "ingest", "secret_hash": b"", "created_at": NOON}))


def _add_user(app: Flask) -> None:
    from factory.store.access_schema import users

    row = {"organisation_key": 1, "user_id": PATH_VALUES["user_id"], "email": "ada@example.org", "name": "Ada"}
    flags = dict.fromkeys(("must_change_password", "totp_confirmed", "disabled"), False)
    with app.extensions["factory_store"].writing() as tx:
        tx.execute(insert(users).values(row | flags | {"created_at": NOON}))


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
        for name, value in PATH_VALUES.items():
            address = address.replace(f"<{name}>", value)
        found += [(method, address) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return sorted(found)


def asked(address: str) -> str:
    """Return the address with the parameters that it cannot do without."""
    needed: dict[str, Any] = {
        "/api/v1/metrics/timeseries": "?metric=event_count&entity=worker&id=W1&bucket=hour",
        "/api/v1/metrics/timeline": "?entity=worker",
    }
    return address + needed.get(address.rstrip("/"), "")
