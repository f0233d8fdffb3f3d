"""A database that restarts ends its connections; nobody who asks afterwards learns of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from tests.conftest import Clock, close_store, make_settings

CONNECTIONS = 5


@pytest.fixture
def database_url(fresh_database: Callable[[str], str]) -> str:
    return fresh_database("postgresql")


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    from factory.app import create_app

    flask_app = create_app(make_settings(database_url, DB_POOL_SIZE=str(CONNECTIONS)), clock=Clock())
    yield flask_app
    close_store(flask_app.extensions["factory_store"])


def fill_pool(app: Flask) -> None:
    """Leave as many idle connections as the pool keeps."""
    store = app.extensions["factory_store"]
    barrier = Barrier(CONNECTIONS)

    def hold() -> None:
        with store.snapshot() as tx:
            tx.execute(text("SELECT 1"))
            barrier.wait()

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for held in [threads.submit(hold) for _ in range(CONNECTIONS)]:
            held.result()


def end_connections(database_url: str) -> int:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        ended = connection.execute(
            text(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ).scalar_one()
    engine.dispose()
    return int(ended)


def test_connections_that_the_server_ended_are_replaced_before_they_are_used(app: Flask, database_url: str) -> None:
    client = app.test_client()
    event = {"timestamp": "2026-01-15T10:15:00Z", "worker_id": "W1", "workstation_id": "S1", "event_type": "idle"}
    for number in range(3):
        fill_pool(app)
        assert end_connections(database_url) == CONNECTIONS
        assert client.post("/api/v1/events/", json={**event, "event_id": str(number)}).status_code == 201
        assert client.get("/api/v1/metrics/factory").json["data"]["total_events"] == number + 1  # type: ignore[index]
