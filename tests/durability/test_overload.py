"""More requests than can be served, on a database that does not move: each client hears something soon."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from tests.durability.load import make_event, stored_event_ids
from tests.servers import Reply, RunningServer

CLIENTS = 100
LIMIT = 16
LOCK_SECONDS, POOL_SECONDS = 3.0, 2.0
SOON = 3.0
"""Beside the wait that is allowed: the machine may be busy."""


@contextmanager
def nobody_writes(database_url: str) -> Iterator[None]:
    """Hold what every delivery needs."""
    engine = create_engine(make_url(database_url), isolation_level="AUTOCOMMIT")
    held = "BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "BEGIN; LOCK TABLE events IN EXCLUSIVE MODE"
    with engine.connect() as connection:
        connection.execute(text(held))
        yield
        connection.execute(text("ROLLBACK"))
    engine.dispose()


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(
        database_url,
        tmp_path / "server.log",
        WEB_WORKERS="2",
        MAX_REQUESTS_IN_FLIGHT=str(LIMIT),
        DB_LOCK_TIMEOUT_SECONDS=str(LOCK_SECONDS),
        DB_POOL_TIMEOUT_SECONDS=str(POOL_SECONDS),
        REFRESH_INTERVAL_SECONDS="0",
    ) as running:
        yield running


def timed(call: Callable[[], Reply]) -> tuple[Reply, float]:
    began = time.monotonic()
    return call(), time.monotonic() - began


def deliver(server: RunningServer, client: int) -> Reply:
    """Half the clients send one event, half a batch of one."""
    event = make_event(client, 0)
    if client % 2:
        return server.post_json("/api/v1/events/", event)
    return server.post_json("/api/v1/events/batch", [event])


def identity(client: int) -> str:
    return f"{client}-0"


def refused_in_time(answers: list[tuple[Reply, float]]) -> Counter[str]:
    """Count the refusals by code; assert that each is early and tells when to come again."""
    codes: Counter[str] = Counter()
    for reply, seconds in answers:
        assert seconds < POOL_SECONDS + LOCK_SECONDS + SOON
        if reply.status == 503:
            assert int(reply.headers["retry-after"]) >= 1
            assert reply.body["status"] == 503
            assert reply.body["request_id"] == reply.headers["x-request-id"]
            codes[reply.body["code"]] += 1
    return codes


def test_each_of_a_hundred_clients_hears_soon_and_nothing_acknowledged_is_lost(
    server: RunningServer, database_url: str
) -> None:
    for client in range(3):  # workers and stations are known: to register them takes another lock
        assert deliver(server, CLIENTS + client).status == 201
    with ThreadPoolExecutor(CLIENTS) as pool:
        with nobody_writes(database_url):
            asked: list[Future[tuple[Reply, float]]] = [
                pool.submit(timed, lambda client=client: deliver(server, client))  # type: ignore[misc]
                for client in range(CLIENTS)
            ]
            time.sleep(1)
            for path in ("/api/v1/health/live", "/api/v1/health/", "/metrics", "/"):
                reply, seconds = timed(lambda path=path: server.request("GET", path))  # type: ignore[misc]
                assert reply.status == 200, path
                assert seconds < SOON, path
            assert sum(future.done() for future in asked) >= CLIENTS - 2 * LIMIT, "what is too much waited"
            answers = [future.result() for future in asked]
        codes = refused_in_time(answers)
        assert sum(codes.values()) == CLIENTS
        assert codes.keys() == {"overloaded", "database_busy"}

        # The lock is gone: what was refused is sent again unchanged, as often as it takes.
        def insist(client: int) -> None:
            while deliver(server, client).status == 503:
                time.sleep(0.2)

        list(pool.map(insist, range(CLIENTS)))
    assert stored_event_ids(server) == {identity(client): 1 for client in range(CLIENTS + 3)}
    scraped = server.request("GET", "/metrics").content.decode()
    assert 'factory_unavailable_answers_total{code="overloaded"}' in scraped


def test_what_was_taken_on_is_answered_when_the_lock_goes_in_time(server: RunningServer, database_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        with nobody_writes(database_url):
            asked = [pool.submit(timed, lambda n=n: deliver(server, n)) for n in range(8)]  # type: ignore[misc]
            time.sleep(1)
        answers = [future.result() for future in asked]
    assert {reply.status for reply, _ in answers} == {201}
    assert all(seconds < 1 + SOON for _, seconds in answers)


def test_who_waits_for_the_derived_rows_is_told_that_the_database_is_busy(
    server: RunningServer, database_url: str
) -> None:
    assert deliver(server, 1).status == 201
    with nobody_writes(database_url) if database_url.startswith("sqlite") else _nobody_derives(database_url):
        reply, seconds = timed(lambda: server.request("GET", "/api/v1/metrics/factory"))
    assert (reply.status, reply.body["code"]) == (503, "database_busy")
    assert LOCK_SECONDS * 0.9 < seconds < LOCK_SECONDS + SOON


@contextmanager
def _nobody_derives(database_url: str) -> Iterator[None]:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE derivation_lock IN EXCLUSIVE MODE"))
        yield
    engine.dispose()
