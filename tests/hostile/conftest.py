"""A site to attack: one application on each store for all tests here, a new factory for each test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from tests.conftest import NOON, STORES, Clock, close_store, make_settings
from tests.hostile.site import Site


def open_app(database_url: str) -> Iterator[Any]:
    from factory.app import create_app

    app = create_app(make_settings(database_url, MAX_NEW_NAMES_PER_HOUR="1000000"), clock=Clock(NOON))
    yield app
    close_store(app.extensions["factory_store"])


@pytest.fixture(scope="session", params=STORES)
def attacked_app(request: pytest.FixtureRequest, fresh_database: Callable[[str], str]) -> Iterator[Any]:
    yield from open_app(fresh_database(request.param))


def new_site(app: Any) -> Site:
    factory = f"F-{uuid4().hex[:12]}"
    client = app.test_client()
    body = json.dumps({"factory_id": factory, "name": "Attacked", "time_zone": "UTC"})
    reply = client.post("/api/v1/factories/", data=body, content_type="application/json")
    assert reply.status_code == 201, reply.text
    return Site(client, factory)


@pytest.fixture
def site(attacked_app: Any) -> Site:
    """Return a client of a factory that has no events yet; the clock stands at 2026-01-15T12:00:00Z."""
    return new_site(attacked_app)
