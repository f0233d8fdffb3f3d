"""A sender's view of a database that changes its primary: 503 with Retry-After, and then its acknowledgement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg2.errors
import pytest
from flask import Flask
from tests.conftest import Clock, close_store, make_settings
from tests.scale.postgres import Server, make_primary, make_replica, wait_until, workplace

from factory.store.engine import postgresql

EVENT = {"timestamp": "2026-01-15T10:15:00Z", "worker_id": "W1", "workstation_id": "S1", "event_type": "working"}

Make = Callable[..., Flask]


@pytest.fixture
def make() -> Iterator[Make]:
    """Yield a function from the URL of a database and options to an application."""
    from factory.app import create_app

    apps: list[Flask] = []

    def opened(url: str, **options: str) -> Flask:
        apps.append(create_app(make_settings(url, **options), clock=Clock()))
        return apps[-1]

    yield opened
    for app in apps:
        close_store(app.extensions["factory_store"])


def post(app: Flask, number: int) -> int:
    answer = app.test_client().post("/api/v1/events/", json={**EVENT, "event_id": str(number)})
    if answer.status_code == 503:
        assert answer.get_json()["code"] == "database_away"
        assert int(answer.headers["Retry-After"]) > 0
    return answer.status_code


@pytest.mark.parametrize(
    "error",
    [
        psycopg2.errors.AdminShutdown,
        psycopg2.errors.CrashShutdown,
        psycopg2.errors.CannotConnectNow,
        psycopg2.errors.TooManyConnections,
        psycopg2.errors.IdleInTransactionSessionTimeout,
        psycopg2.OperationalError,
        psycopg2.InterfaceError,
        psycopg2.DatabaseError,
    ],
)
def test_errors_of_a_server_that_ends_or_starts_mean_that_it_is_away(error: type[Exception]) -> None:
    assert postgresql.reason(error("")) == "away"


def test_a_primary_that_has_become_a_standby_is_left_at_once(
    make: Make, primary: Server, new_database: Callable[[], str]
) -> None:
    app = make(primary.url(new_database()))
    assert post(app, 1) == 201

    # Live connections are refused writes, as those to a demoted primary that a proxy keeps.
    primary.ask("ALTER SYSTEM SET default_transaction_read_only = on")
    primary.reload()
    try:
        wait_until(lambda: primary.ask("SHOW default_transaction_read_only") == "on", "it takes no writes")
        before = connections(primary)
        assert post(app, 2) == 503
        wait_until(lambda: connections(primary).isdisjoint(before), "no connection of that time is kept")
        assert post(app, 2) == 503
    finally:
        (primary.directory / "postgresql.auto.conf").write_text("")
        primary.reload()
    wait_until(lambda: primary.ask("SHOW default_transaction_read_only") == "off", "it takes writes")

    assert post(app, 2) == 201
    assert app.test_client().get("/api/v1/metrics/factory").get_json()["data"]["total_events"] == 2


def connections(server: Server) -> set[int]:
    pids = "SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name = 'factory'"
    return set(server.ask(pids) or [])


def test_writes_go_to_whichever_host_takes_them_and_an_unreplicated_commit_is_not_acknowledged(make: Make) -> None:
    with workplace() as directory:
        first = make_primary(directory)
        second = make_replica(first, "second")
        try:
            app = make(f"postgresql://postgres@127.0.0.1:{first.port},127.0.0.1:{second.port}/postgres")
            first.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
            first.reload()
            wait_until(lambda: first.ask("SHOW synchronous_standby_names") == "*", "it waits for its standby")
            assert post(app, 1) == 201

            second.stop("immediate")
            with ThreadPoolExecutor(1) as threads:
                posted = threads.submit(post, app, 2)
                waiting = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                wait_until(lambda: first.ask(waiting) == 1, "the commit waits, and the wait is cut short")
                assert posted.result(timeout=20) == 503
            second.start()
            assert post(app, 2) == 200

            first.stop("immediate")
            assert post(app, 3) == 503
            second.configure("synchronous_standby_names = ''")
            (second.directory / "postgresql.auto.conf").write_text("")
            second.promote()
            second.reload()
            wait_until(lambda: post(app, 3) == 201, "writes resume", seconds=30)
            figures = app.test_client().get("/api/v1/metrics/factory").get_json()["data"]
            assert figures["total_events"] == 3
        finally:
            for server in (first, second):
                with suppress(AssertionError):
                    server.stop("immediate")
