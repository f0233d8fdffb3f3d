"""Every error of every route has the one shape, and a failure of ours says nothing of the inside."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.api.conftest import api_rules, asked

from factory.api.http.errors import STATUS
from factory.domain import errors
from factory.domain.errors import FactoryError, Unavailable

SHAPE = {"error", "code", "status", "timestamp", "path", "request_id"}


def assert_error(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/json"
    body: dict[str, Any] = answer.get_json()
    assert body.keys() - {"errors"} == SHAPE
    assert body["status"] == status
    assert re.fullmatch("[a-z0-9_]+", body["code"])
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert body["timestamp"] == "2026-01-15T12:00:00Z"
    return body


def test_every_refusal_of_the_domain_has_a_status() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FactoryError)}
    assert kinds - {FactoryError} == set(STATUS)


def test_every_route_refuses_an_unknown_method_and_names_the_ones_it_has(served: Flask, site: FlaskClient) -> None:
    for _, address in api_rules(served):
        answer = site.open(address, method="PUT")
        assert_error(answer, 405)
        assert set(answer.headers["Allow"].split(", ")) & {"GET", "POST", "PATCH", "DELETE"}


def acts_in_a_factory(served: Flask, method: str, address: str) -> bool:
    """Return whether the route's contract has the parameters that name a factory."""
    endpoint, _ = served.url_map.bind("localhost").match(address, method=method)
    handler = getattr(served.view_functions[endpoint].view_class, method.lower())  # type: ignore[attr-defined]
    return any(parameter.name == "X-Factory-ID" for parameter in handler.contract.parameters)


def test_every_route_that_knows_factories_refuses_an_unknown_one(served: Flask, site: FlaskClient) -> None:
    for method, address in api_rules(served):
        if not acts_in_a_factory(served, method, address):
            continue
        for query, headers in (("factory=nowhere", {}), ("", {"X-Factory-ID": "nowhere"}), ("factory=", {})):
            where = asked(address)
            answer = site.open(
                f"{where}{'&' if '?' in where else '?'}{query}", method=method, json=VALID.get(address), headers=headers
            )
            assert assert_error(answer, 404)["error"] == "Factory not found"


VALID: dict[str, Any] = {
    "/api/v1/events/": {
        "timestamp": "2026-01-15T10:15:00Z",
        "worker_id": "W1",
        "workstation_id": "S3",
        "event_type": "working",
    },
    "/api/v1/events/batch": [],
    "/api/v1/exports/": {"view": "workers", "format": "csv", "rows": 1},
    "/api/v1/keys/": {"name": "x", "scope": "read"},
    "/api/v1/keys/abcdefghijkl/rotate": {},
    "/api/v1/workers/": {"worker_id": "W9", "name": "x"},
    "/api/v1/workers/W1": {"name": "x"},
    "/api/v1/workstations/": {"workstation_id": "S9", "name": "x"},
    "/api/v1/workstations/S3": {"name": "x"},
}


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/nothing", "/api", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/workers/W1/x"])
def test_an_unknown_address_is_a_404_for_every_method(site: FlaskClient, method: str, path: str) -> None:
    body = assert_error(site.open(path, method=method), 404)
    assert (body["code"], body["path"]) == ("not_found", path)


def test_two_factories_that_differ_are_refused_and_two_that_agree_are_one(site: FlaskClient) -> None:
    refused = site.get("/api/v1/workers/?factory=default", headers={"X-Factory-ID": "other"})
    assert assert_error(refused, 400)["errors"][0]["field"] == "factory"
    assert site.get("/api/v1/workers/?factory=default", headers={"X-Factory-ID": "default"}).status_code == 200


def test_all_faults_of_a_query_are_told_at_once(site: FlaskClient) -> None:
    body = assert_error(site.get("/api/v1/metrics/factory?from=x&form=y&to=1&to=2"), 400)
    assert {(fault["field"], fault["code"]) for fault in body["errors"]} == {
        ("from", "invalid_parameter"),
        ("form", "unknown_parameter"),
        ("to", "repeated_parameter"),
    }


def test_an_unescaped_plus_in_a_timestamp_is_understood(site: FlaskClient) -> None:
    bare, escaped = (
        site.get(f"/api/v1/metrics/factory?from=2026-01-15T09:00:00{plus}01:00").get_json() for plus in ("+", "%2B")
    )
    assert bare["window"] == escaped["window"]
    assert bare["window"]["from"] == "2026-01-15T08:00:00Z"


def test_a_failure_of_ours_is_a_500_that_only_the_log_explains(
    site: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr("factory.operations.registry.entities.list_entities", fail)
    with caplog.at_level(logging.ERROR):
        body = assert_error(site.get("/api/v1/workers/"), 500)
    assert "secret" not in str(body)
    assert "the secret inside" in caplog.text


def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(
    site: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise Unavailable("The database does not answer", retry_after=7)

    monkeypatch.setattr("factory.store.engine.database.Store.ping", away)
    answer = site.get("/api/v1/health/ready")
    assert_error(answer, 503)
    assert answer.headers["Retry-After"] == "7"
    assert site.get("/api/v1/health/live").status_code == 200


def test_the_sample_data_is_refused_outside_demo_mode(client: FlaskClient) -> None:
    answer = client.post("/api/v1/demo/seed")
    assert (answer.status_code, answer.get_json()["code"]) == (403, "not_allowed")
