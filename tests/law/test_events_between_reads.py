"""An event that is committed while a refresh is under way is in the next one, whole, and in this one not at all."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.conftest import Clock

from factory.operations.derive.generation import rebuild_derived
from factory.operations.derive.verify import verify_derived
from factory.store.events import event_log

READS = ("around", "in_ranges", "count_in_ranges")


def said(time: str, kind: str, station: str) -> dict[str, Any]:
    return {
        "timestamp": f"2026-01-15T{time}:00Z",
        "worker_id": "W1",
        "workstation_id": station,
        "event_type": kind,
    }


# On SQLite a writer is alone: nothing can be committed in between.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("derives", ["reading", "rebuild"])
@pytest.mark.parametrize("read", READS)
def test_what_is_derived_follows_from_the_events(
    app: Flask,
    client: FlaskClient,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    read: str,
    derives: str,
) -> None:
    first = [
        said("03:40", "product_count", "S2"),
        said("02:00", "idle", "S2"),
        said("03:40", "idle", "S2"),
        said("00:20", "absent", "S1"),
    ]
    assert client.post("/api/v1/events/batch", json=first).status_code == 201
    assert client.get("/api/v1/metrics/factory").status_code == 200
    # What is derived has seen the first four, not the rest.
    then = [said("02:00", "product_count", "S2"), said("02:40", "absent", "S2")]
    assert client.post("/api/v1/events/batch", json=then).status_code == 201
    original = getattr(event_log, read)

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(event_log, read, original)
        answer = app.test_client().post("/api/v1/events/", json=said("03:40", "idle", "S1"))
        assert answer.status_code == 201
        return original(*arguments)

    store = app.extensions["factory_store"]
    monkeypatch.setattr(event_log, read, meanwhile)
    if derives == "rebuild":
        rebuild_derived(store=store, factory_id="default", now=clock.now)
    assert client.get("/api/v1/metrics/factory").status_code == 200
    assert getattr(event_log, read) is original, "the event was never posted"
    assert client.get("/api/v1/metrics/factory").status_code == 200
    assert verify_derived(store=store, factory_id="default", now=clock.now) == []
