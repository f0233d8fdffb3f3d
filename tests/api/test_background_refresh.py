"""The background refresher derives what has waited since its last look, once however many look."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, insert
from tests.api.test_errors import assert_error

from factory.operations.derive.refresh import BackgroundRefresher
from factory.store import factories
from factory.store.derived import pending
from factory.store.engine.database import Store
from factory.store.schema import pending as pending_rows


def post(client: FlaskClient, time: str) -> None:
    event = {"timestamp": f"2026-01-15T{time}Z", "worker_id": "W1", "workstation_id": "S1", "event_type": "working"}
    assert client.post("/api/v1/events/", json=event).status_code == 201


def something_waits(store: Store) -> bool:
    with store.snapshot() as tx:
        return pending.one_of(tx, factories.find(tx, "default").factory_key) is not None


def test_what_has_waited_since_the_last_look_is_derived(app: Flask, client: FlaskClient) -> None:
    store = app.extensions["factory_store"]
    first, second = BackgroundRefresher(store), BackgroundRefresher(store)
    post(client, "08:00:00")

    first.look()
    assert something_waits(store), "it came after the look before"
    second.look()
    first.look()
    assert not something_waits(store)

    post(client, "09:00:00")
    second.look()
    assert something_waits(store), "what it saw last was derived by another, and this is new"
    second.look()
    assert not something_waits(store)


def test_a_refresh_that_fails_is_a_503_and_no_old_number(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    store = app.extensions["factory_store"]
    address = "/api/v1/metrics/factory?from=2026-01-15T00:00:00Z&to=2026-01-15T12:00:00Z"
    post(client, "08:00:00")
    assert client.get(address).status_code == 200
    post(client, "09:00:00")
    with store.writing() as tx:
        site = factories.find(tx, "default")
        tx.execute(
            insert(pending_rows).values(
                factory_key=site.factory_key, generation=pending.VALID, pending_key=1, cells=b"no cell"
            )
        )

    answers = [client.get(address) for _ in range(2)]

    for answer in answers:
        assert assert_error(answer, 503)["code"] == "refresh_failed"
        assert answer.headers["Retry-After"] == "5"
    assert "a refresh failed" in caplog.text
    assert "Traceback" in caplog.text
    with store.writing() as tx:
        tx.execute(delete(pending_rows).where(pending_rows.c.pending_key == 1))
    assert client.get(address).get_json()["data"]["total_events"] == 2
