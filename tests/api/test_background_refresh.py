"""The background refresher derives what has waited since its last look, once however many look."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from factory.operations.refresh_derived import BackgroundRefresher
from factory.store import factories, pending
from factory.store.database import Store


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
