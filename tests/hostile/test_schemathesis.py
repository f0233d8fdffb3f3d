"""schemathesis reads the OpenAPI document and tries what it allows and what it forbids, in process.

The examples are bounded and deterministic; HYPOTHESIS_PROFILE=ci tries more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from tests.conftest import Clock, close_store, make_settings

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
def test_what_the_document_says_is_what_is_served(served_app: Any, mode: GenerationMode) -> None:
    # Not schemathesis' own parametrisation from a fixture, which reads a private name that pytest 9 no longer has.
    config = SchemathesisConfig.from_path(ROOT / "schemathesis.toml")
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", served_app, config=config)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 20
    for operation in operations:
        try:
            hold(operation, mode)
        except Unsatisfiable:
            continue  # where nothing is forbidden


def hold(operation: Any, mode: GenerationMode) -> None:
    """Send examples of one operation and hold each answer to the document."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    def send(case: schemathesis.Case) -> None:
        case.call_and_validate()

    send()
