"""schemathesis reads the OpenAPI document and tries what it allows and what it forbids, in process.

The examples are bounded and deterministic; HYPOTHESIS_PROFILE=ci tries more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from tests.conftest import Clock, close_store, make_settings

EXAMPLES = 60 if os.environ.get("HYPOTHESIS_PROFILE") == "ci" else 12


@pytest.fixture(scope="module")
def served_app(fresh_database: Callable[[str], str]) -> Iterator[Any]:
    from factory.app import create_app

    app = create_app(make_settings(fresh_database("sqlite"), DEMO_MODE="true"), clock=Clock())
    client = app.test_client()
    client.post(
        "/api/v1/events/",
        json={
            "timestamp": "2026-01-15T10:15:00Z",
            "worker_id": "W1",
            "workstation_id": "S1",
            "event_type": "working",
        },
    )
    yield app
    close_store(app.extensions["factory_store"])


@pytest.fixture
def api_schema(served_app: Any) -> Any:
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", served_app)


schema = schemathesis.pytest.from_fixture("api_schema")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_what_the_document_says_is_what_is_served(case: schemathesis.Case) -> None:
    case.call_and_validate()
