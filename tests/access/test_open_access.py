"""Open access is for the machine itself: names that lead there from elsewhere and pages of other sites are refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.conftest import Clock, close_store, make_settings

from factory.app import create_app


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "[::1]", "LOCALHOST"])
def test_loopback_names_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/api/v1/workers/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["factory.example", "factory.example:5000", "127.0.0.1.attacker.example", "10.0.0.7"])
def test_another_name_is_refused_and_nothing_is_changed(client: FlaskClient, host: str) -> None:
    answer = client.post("/api/v1/workers/", json={"worker_id": "W9"}, headers={"Host": host})

    assert answer.status_code == 403
    assert answer.json is not None
    assert answer.json["code"] == "foreign_host"
    assert client.get("/api/v1/workers/W9").status_code == 404


def test_metrics_without_a_token_are_for_loopback_names(client: FlaskClient) -> None:
    assert client.get("/metrics", headers={"Host": "localhost:5000"}).status_code == 200
    answer = client.get("/metrics", headers={"Host": "factory.example"})
    assert (answer.status_code, answer.json and answer.json["code"]) == (403, "foreign_host")


def test_metrics_with_a_token_have_any_name(database_url: str) -> None:
    app = create_app(make_settings(database_url, METRICS_TOKEN="t" * 40), clock=Clock())
    headers = {"Host": "factory.example", "Authorization": "Bearer " + "t" * 40}
    assert app.test_client().get("/metrics", headers=headers).status_code == 200
    close_store(app.extensions["factory_store"])


@pytest.fixture
def demonstration(database_url: str, request: pytest.FixtureRequest) -> Iterator[Flask]:
    """As `make run` starts it, with the origins that a test names."""
    origins = getattr(request, "param", "")
    app = create_app(make_settings(database_url, DEMO_MODE="true", CORS_ORIGINS=origins), clock=Clock())
    yield app
    close_store(app.extensions["factory_store"])


# A page in another tab sends this without asking first: it needs no body, no header and no cookie.
SEED = "/api/v1/demo/seed"


@pytest.mark.parametrize("origin", ["https://attacker.example", "http://localhost:3000", "null"])
def test_a_page_of_another_site_changes_nothing(demonstration: Flask, origin: str) -> None:
    client = demonstration.test_client()

    answer = client.post(SEED, headers={"Host": "localhost:5000", "Origin": origin})

    assert answer.status_code == 403
    assert answer.json is not None
    assert answer.json["code"] == "foreign_origin"
    assert client.get("/api/v1/workers/").json["count"] == 0  # type: ignore[index]


def test_the_own_page_and_what_is_no_page_may(demonstration: Flask) -> None:
    client = demonstration.test_client()

    for headers in ({"Host": "localhost:5000", "Origin": "http://localhost:5000"}, {"Host": "localhost:5000"}):
        assert client.post(SEED, headers=headers).status_code == 200


@pytest.mark.parametrize("demonstration", ["http://localhost:3000", "*"], indirect=True)
def test_a_page_that_is_named_may(demonstration: Flask) -> None:
    answer = demonstration.test_client().post(SEED, headers={"Origin": "http://localhost:3000"})

    assert answer.status_code == 200
