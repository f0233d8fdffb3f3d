"""schemathesis reads the OpenAPI document and tries what it allows and what it forbids, in process.

The examples are bounded and deterministic; HYPOTHESIS_PROFILE=ci tries more. The document is narrowed first to what
gets past the door: were factory, id or instant made up at random, nearly every request would be refused for that alone
and the rest of its body never be weighed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from tests.conftest import Clock, close_store, make_settings
from tests.strategies import WHOLE

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = "/api/v1/openapi.json"
EXAMPLES = 60 if WHOLE else 4
EXAMPLES_OF_BODIES = 5 * EXAMPLES if WHOLE else 12
SET_BY_THE_TEST = ("factory", "X-Factory-ID", "atomic")
ALLOWED, FORBIDDEN = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
PARTS = 24


@pytest.fixture(scope="module")
def served_app(fresh_database: Callable[[str], str]) -> Iterator[Any]:
    from factory.app import create_app

    options = {"DEMO_MODE": "true", "RATE_LIMIT_SIGN_IN": "1000000/second"}
    app = create_app(make_settings(fresh_database("sqlite"), **options), clock=Clock())
    client = app.test_client()
    # The worker and the workstation that the document's examples name.
    event = {"timestamp": "2026-01-15T10:15:00Z", "worker_id": "W1", "workstation_id": "S3", "event_type": "working"}
    assert client.post("/api/v1/events/", json=event).status_code == 201
    yield app
    close_store(app.extensions["factory_store"])


@pytest.fixture
def document(served_app: Any) -> Any:
    document = served_app.test_client().get(DOCUMENT).get_json()
    del document["paths"]["/workers/{worker_id}"]["delete"]  # would erase the worker that the other examples name
    document["paths"] = {_with_known_ids(path, served): served for path, served in document["paths"].items()}
    for served in document["paths"].values():
        for operation in served.values():
            parameters = operation["parameters"]
            operation["parameters"] = [one for one in parameters if one["name"] not in SET_BY_THE_TEST]
    schemas = document["components"]["schemas"]
    schemas["NewEvent"]["properties"]["timestamp"] = {"enum": ["2026-01-15T10:15:00Z", "2026-01-15T11:00:00+01:00"]}
    for body in ("NewFactory", "FactoryChange"):
        schemas[body]["properties"]["time_zone"] = {"enum": ["Europe/Berlin", "America/New_York", None]}
    return document


def _with_known_ids(path: str, served: Any) -> str:
    """Return the path of what can be changed with the ids of its examples in the place of parameters."""
    if not any("requestBody" in operation for operation in served.values()):
        return path
    for operation in served.values():
        for one in [one for one in operation["parameters"] if one["in"] == "path"]:
            operation["parameters"].remove(one)
            path = path.replace(f"{{{one['name']}}}", one["example"])
    return path


@pytest.mark.parametrize("mode", [ALLOWED, FORBIDDEN], ids=["allowed", "forbidden"])
@pytest.mark.parametrize("part", range(PARTS))
def test_what_the_document_says_is_what_is_served(
    served_app: Any, document: Any, mode: GenerationMode, part: int
) -> None:
    """One of the parts into which the operations are dealt, for the processes to share."""
    operations = operations_of(document, served_app)
    assert len(operations) > 20
    for operation in operations[part::PARTS]:
        try:
            hold(operation, mode)
        except Unsatisfiable:
            continue  # where nothing is forbidden


_NARROW_COUNT = {"type": "integer", "minimum": 5, "maximum": 6}
FALSEHOODS = {
    "/events/": ("NewEvent", "count", _NARROW_COUNT),
    "/events/batch": ("NewEvent", "count", _NARROW_COUNT),
    "/workers/W1": ("WorkerChange", "name", {"type": "string", "maxLength": 1}),
}


@pytest.mark.system
@pytest.mark.parametrize("path", FALSEHOODS)
def test_a_document_that_forbids_what_is_taken_is_found_out(served_app: Any, document: Any, path: str) -> None:
    body, field, falsehood = FALSEHOODS[path]
    schema = document["components"]["schemas"][body]
    schema["properties"][field] = falsehood
    schema["required"] = [*schema.get("required", []), field]
    (operation,) = (
        one for one in operations_of(document, served_app) if one.path == path and "requestBody" in one.definition.raw
    )
    with pytest.raises(FailureGroup, match="API accepted"):
        hold(operation, FORBIDDEN, examples=300)


def operations_of(document: Any, app: Any) -> list[Any]:
    # Not schemathesis' own parametrisation from a fixture, which reads a private name that pytest 9 no longer has.
    config = SchemathesisConfig.from_path(ROOT / "schemathesis.toml")
    schema = schemathesis.openapi.from_dict(document, config=config)
    schema.app, schema.location = app, DOCUMENT
    return [result.ok() for result in schema.get_all_operations()]


def hold(operation: Any, mode: GenerationMode, *, examples: int | None = None) -> None:
    """Send examples of one operation and hold each answer to the document."""
    has_body = "requestBody" in operation.definition.raw
    # Else the good events of a batch are stored, and hide that another was refused.
    query = {"atomic": "true"} if operation.path == "/events/batch" else {}

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=examples or (EXAMPLES_OF_BODIES if has_body else EXAMPLES),
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def send(case: schemathesis.Case) -> None:
        case.call_and_validate(params=query)

    send()
