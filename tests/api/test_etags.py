"""A client that asks again is told that nothing has changed, or what has."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.api.conftest import api_rules, asked
from tests.conftest import Clock

EVENT = {
    "timestamp": "2026-01-15T10:15:00Z",
    "worker_id": "W1",
    "workstation_id": "S3",
    "event_type": "working",
    "confidence": 0.93,
}
FIXED = "?from=2026-01-15T10:00:00Z&to=2026-01-15T11:00:00Z"


def again(client: Any, path: str, etag: str) -> Any:
    return client.get("/api/v1" + path, headers={"If-None-Match": etag})


def test_every_get_but_of_health_answers_304_to_who_has_it_already(served: Flask, site: FlaskClient) -> None:
    for method, address in api_rules(served):
        # What is told as it is read has no tag, nor has what leads a browser elsewhere, or is of who has signed in.
        if method != "GET" or address.endswith("/data") or "/session/oidc" in address or "/session/list" in address:
            continue
        answer = site.get(asked(address))
        if "/health" in address:
            assert "ETag" not in answer.headers
            continue
        assert answer.headers["ETag"].startswith('W/"')
        for given in (answer.headers["ETag"], f'"another", {answer.headers["ETag"]}', answer.headers["ETag"][2:], "*"):
            unchanged = site.get(asked(address), headers={"If-None-Match": given, "X-Request-ID": "again"})
            assert (unchanged.status_code, unchanged.data) == (304, b""), (address, given)
            assert unchanged.headers["ETag"] == answer.headers["ETag"]
            assert unchanged.headers["Cache-Control"] == "no-store"
            assert unchanged.headers["X-Request-ID"] == "again"
            assert "Content-Type" not in unchanged.headers
        for given in ('W/"another"', "", "x", '"' * 1000):
            assert site.get(asked(address), headers={"If-None-Match": given}).status_code == 200
        missed = site.get(asked(address), headers={"If-Match": '"another"', "If-Modified-Since": "yesterday"})
        assert missed.status_code == 200


@pytest.mark.parametrize("path", ["/metrics/workers/W1", "/metrics/factory", "/metrics/workers/W1/intervals"])
def test_a_closed_window_stays_the_same_while_time_passes_until_an_event_changes_it(
    client: Any, clock: Clock, path: str
) -> None:
    client.post("/api/v1/events/", json=EVENT)
    first = client.get("/api/v1" + path + FIXED)
    clock.now += 60_000_000
    assert again(client, path + FIXED, first.headers["ETag"]).status_code == 304
    client.post("/api/v1/events/", json={**EVENT, "timestamp": "2026-01-15T10:30:00Z", "event_type": "idle"})
    changed = again(client, path + FIXED, first.headers["ETag"])
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]
    assert changed.get_json()["window"]["evaluated_at"] == "2026-01-15T12:01:00Z"


def test_the_states_now_stay_the_same_until_somebody_does_something_else(client: Any, clock: Clock) -> None:
    client.post("/api/v1/events/", json={**EVENT, "timestamp": "2026-01-15T11:59:00Z"})
    etag = client.get("/api/v1/metrics/now").headers["ETag"]
    clock.now += 59_000_000
    again_working = {**EVENT, "timestamp": "2026-01-15T11:59:58Z", "confidence": 0.5}
    assert client.post("/api/v1/events/", json=again_working).status_code == 201
    assert again(client, "/metrics/now", etag).status_code == 304
    clock.now += 3600_000_000
    silent = again(client, "/metrics/now", etag)
    assert silent.get_json()["data"]["workers"][0]["state"] == "unknown"


def test_a_window_that_grows_is_another_answer(client: Any, clock: Clock) -> None:
    client.post("/api/v1/events/", json=EVENT)
    etag = client.get("/api/v1/metrics/workers").headers["ETag"]
    clock.now += 1_000_000
    assert again(client, "/metrics/workers", etag).status_code == 200


def test_answers_to_posts_and_errors_carry_no_etag(client: Any) -> None:
    answers = [
        client.post("/api/v1/workers/", json={"worker_id": "W7"}),
        client.post("/api/v1/events/", json=EVENT),
        client.patch("/api/v1/workers/W7", json={"name": "Grace"}),
        client.get("/api/v1/workers/nobody"),
        client.get("/api/v1/workers/?form=x", headers={"If-None-Match": "*"}),
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 200, 404, 400]
    assert [answer.headers.get("ETag") for answer in answers] == [None] * 5
