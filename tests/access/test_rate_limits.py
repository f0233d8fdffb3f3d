"""Budgets of keys, users and addresses: what counts against which, in memory and in Redis, and without Redis."""

from __future__ import annotations

import logging
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from tests.access.conftest import population_of
from tests.access.population import CHEAP_HASHES, HOUR, SECRET_KEY, Population
from tests.conftest import Clock, close_store, make_settings
from tests.servers import free_port

from factory.domain.access.permissions import DEFAULT_ORGANISATION

FIGURES = "/api/v1/metrics/factory"
EVENT = {"timestamp": "2026-01-15T11:00:00Z", "worker_id": "W1", "workstation_id": "S3", "event_type": "working"}
WRONG = {"email": "nobody@example.org", "password": "not the right one"}

Make = Callable[..., Flask]


@pytest.fixture
def make(fresh_database: Callable[[str], str]) -> Iterator[Make]:
    """Yield a function from settings to an application; counting needs no database, so one is enough."""
    from factory.app import create_app

    apps = []

    def opened(**changes: str) -> Flask:
        environment = {"ACCESS": "required", "SECRET_KEY": SECRET_KEY, "LOG_LEVEL": "INFO", **changes}
        settings = make_settings(fresh_database("sqlite"), **environment)
        apps.append(create_app(settings, clock=Clock(), passwords=CHEAP_HASHES))
        return apps[-1]

    yield opened
    for app in apps:
        close_store(app.extensions["factory_store"])


def key_of(app: Flask, scope: str) -> dict[str, str]:
    return {"X-API-Key": population_of(app).key(DEFAULT_ORGANISATION, "default", scope).text}


def user_of(app: Flask) -> dict[str, str]:
    return {"Authorization": f"Bearer {population_of(app).token(DEFAULT_ORGANISATION, {'*': 'admin'})}"}


def from_address(address: str) -> dict[str, Any]:
    return {"environ_base": {"REMOTE_ADDR": address}}


def get(client: FlaskClient, headers: dict[str, str], path: str = FIGURES) -> int:
    return client.get(path, headers=headers).status_code


def post(client: FlaskClient, headers: dict[str, str]) -> int:
    return client.post("/api/v1/events/", json=EVENT, headers=headers).status_code


# What is told


def test_every_answer_tells_what_is_left_of_the_budget(make: Make) -> None:
    app = make(RATE_LIMIT_READ="3/hour")
    client, key = app.test_client(), key_of(app, "read")

    told = [client.get(FIGURES, headers=key).headers for _ in range(3)]

    assert [one["RateLimit-Limit"] for one in told] == ["3", "3", "3"]
    assert [one["RateLimit-Remaining"] for one in told] == ["2", "1", "0"]
    assert all(3500 < int(one["RateLimit-Reset"]) <= 3600 for one in told)
    assert not any("Retry-After" in one for one in told)


def test_one_request_too_many_is_a_429_in_the_one_shape_and_says_when(make: Make) -> None:
    app = make(RATE_LIMIT_READ="1/hour")
    client, key = app.test_client(), key_of(app, "read")
    assert get(client, key) == 200

    refused = client.get(FIGURES, headers={**key, "X-Request-ID": "mine"})

    assert refused.status_code == 429
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    assert refused.headers["RateLimit-Remaining"] == "0"
    body = refused.get_json()
    assert set(body) == {"error", "code", "status", "timestamp", "path", "request_id"}
    assert (body["code"], body["status"], body["request_id"]) == ("too_many_requests", 429, "mine")
    assert "Too many requests" in body["error"]


def test_a_budget_is_full_again_after_its_time(make: Make) -> None:
    app = make(RATE_LIMIT_READ="1/second")
    client, key = app.test_client(), key_of(app, "read")
    assert 429 in [get(client, key) for _ in range(5)]

    time.sleep(1.1)

    assert get(client, key) == 200


# Whose budget


def test_reading_and_ingestion_have_budgets_of_their_own(make: Make) -> None:
    app = make(RATE_LIMIT_READ="2/hour", RATE_LIMIT_INGEST="3/hour")
    client, key = app.test_client(), key_of(app, "admin")

    assert [get(client, key) for _ in range(3)] == [200, 200, 429]
    assert [post(client, key) for _ in range(4)] == [201, 200, 200, 429]
    batch = client.post("/api/v1/events/batch", json=[EVENT], headers=key)
    assert (batch.status_code, batch.headers["RateLimit-Limit"]) == (429, "3")
    assert get(client, key, "/api/v1/workers/") == 429
    assert client.get("/api/v1/events/", headers=key).headers["RateLimit-Limit"] == "2"


def test_each_key_and_each_user_has_a_budget_wherever_they_come_from(make: Make) -> None:
    app = make(RATE_LIMIT_READ="2/hour")
    client = app.test_client()
    callers = [key_of(app, "read"), key_of(app, "read"), user_of(app), user_of(app)]

    for caller in callers:
        assert [get(client, caller) for _ in range(3)] == [200, 200, 429]
        elsewhere = client.get(FIGURES, headers=caller, **from_address("192.0.2.9"))
        assert elsewhere.status_code == 429


def test_all_sessions_of_a_user_share_one_budget(make: Make) -> None:
    app = make(RATE_LIMIT_READ="2/hour")
    client, population = app.test_client(), population_of(app)
    user = population.user(DEFAULT_ORGANISATION, {"*": "viewer"})

    tokens = [population.session(user).token for _ in range(3)]

    assert [get(client, {"Authorization": f"Bearer {token}"}) for token in tokens] == [200, 200, 429]


def test_who_shows_nothing_has_the_budget_of_the_address(make: Make) -> None:
    app = make(RATE_LIMIT_READ="2/hour")
    client, key = app.test_client(), key_of(app, "read")

    assert [client.get(FIGURES).status_code for _ in range(3)] == [401, 401, 429]
    assert client.get(FIGURES, **from_address("192.0.2.9")).status_code == 401
    assert get(client, key) == 200


def test_a_network_of_ipv6_is_one_address_and_a_mapped_one_is_that_of_ipv4(make: Make) -> None:
    app = make(RATE_LIMIT_READ="2/hour")
    client = app.test_client()

    def ask(address: str) -> int:
        return client.get(FIGURES, **from_address(address)).status_code

    assert [ask(f"2001:db8:0:1::{number}") for number in (1, 2, 3)] == [401, 401, 429]
    assert ask("2001:db8:0:2::1") == 401
    assert [ask(one) for one in ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1")] == [401, 401, 429]


def test_what_is_forbidden_or_not_there_counts_too(make: Make) -> None:
    app = make(RATE_LIMIT_READ="2/hour")
    client, key = app.test_client(), key_of(app, "read")

    assert get(client, key, "/api/v1/keys/") == 403
    assert get(client, key, "/api/v1/workers/?factory=nowhere") == 404
    assert get(client, key) == 429


def test_health_and_the_page_are_never_refused(make: Make) -> None:
    app = make(RATE_LIMIT_READ="1/hour")
    client = app.test_client()
    assert [client.get(FIGURES).status_code for _ in range(2)] == [401, 429]

    for path in ("/api/v1/health/", "/api/v1/health/live", "/api/v1/health/ready", "/", "/metrics"):
        answers = [client.get(path) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 200], path
        assert "RateLimit-Limit" not in answers[0].headers


def test_open_access_has_no_budgets(make: Make) -> None:
    app = make(ACCESS="open", RATE_LIMIT_READ="1/hour", RATE_LIMIT_INGEST="1/hour")
    client = app.test_client()

    assert [get(client, {}) for _ in range(3)] == [200, 200, 200]
    assert [post(client, {}) for _ in range(3)] == [201, 200, 200]
    assert "RateLimit-Limit" not in client.get(FIGURES).headers


# Signing in and guessing


@pytest.mark.parametrize("access", ["required", "open"])
def test_attempts_to_sign_in_are_counted_by_address(make: Make, access: str) -> None:
    app = make(ACCESS=access, RATE_LIMIT_SIGN_IN="3/hour")
    client = app.test_client()

    def attempt(path: str = "/api/v1/session/", **more: Any) -> Any:
        return client.post(path, json=WRONG, **more)

    assert 429 not in [attempt().status_code for _ in range(3)]
    refused = attempt()
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_requests")
    assert refused.headers["RateLimit-Limit"] == "3"
    assert attempt("/api/v1/session").status_code == 429
    if access == "required":
        assert attempt(**from_address("192.0.2.9")).status_code != 429
    assert client.get("/api/v1/session/").status_code == 200


def test_refused_refreshes_are_counted_by_address(make: Make) -> None:
    app = make(RATE_LIMIT_SIGN_IN="3/hour")
    client = app.test_client()

    def refresh(**more: Any) -> int:
        return client.post("/api/v1/session/refresh", **more).status_code

    first = [refresh() for _ in range(3)]
    assert all(400 <= status < 429 for status in first)
    assert refresh() == 429
    assert refresh(**from_address("192.0.2.9")) == first[0]


def wrong_key(number: int) -> dict[str, str]:
    return {"X-API-Key": f"fk_aaaaaaaaaaaa_{number:043d}"}


class Statements:
    """Counts what the database is asked."""

    def __init__(self, app: Flask) -> None:
        self.count = 0
        event.listen(app.extensions["factory_store"].engine, "before_cursor_execute", self._note)

    def _note(self, *_: Any) -> None:
        self.count += 1


def test_guessed_keys_are_refused_by_address_before_the_database_is_asked(make: Make) -> None:
    app = make(RATE_LIMIT_SIGN_IN="5/hour")
    client = app.test_client()
    assert [get(client, wrong_key(number)) for number in range(5)] == [401] * 5

    statements = Statements(app)
    answers = [client.get(FIGURES, headers=wrong_key(number)) for number in range(5, 50)]

    assert {answer.status_code for answer in answers} == {429}
    assert all(int(answer.headers["Retry-After"]) > 3500 for answer in answers)
    assert statements.count <= 3  # the hashes of all keys, once
    assert client.get(FIGURES, headers=wrong_key(50), **from_address("192.0.2.9")).status_code == 401


def test_forged_tokens_are_guesses_too(make: Make) -> None:
    app = make(RATE_LIMIT_SIGN_IN="2/hour")
    client = app.test_client()
    forger = Population(app.extensions["factory_store"], Clock().now, "another secret of enough different characters")
    user = forger.user(DEFAULT_ORGANISATION, {"*": "admin"})

    tokens = [forger.session(user).token for _ in range(3)]

    assert [get(client, {"Authorization": f"Bearer {token}"}) for token in tokens] == [401, 401, 429]


def test_one_wrong_key_that_is_sent_again_and_again_is_one_guess_and_one_question(make: Make) -> None:
    app = make(RATE_LIMIT_SIGN_IN="2/hour")
    client = app.test_client()
    assert get(client, wrong_key(1)) == 401

    statements = Statements(app)

    assert {get(client, wrong_key(1)) for _ in range(30)} == {401}
    assert statements.count == 0
    assert get(client, wrong_key(2)) == 401
    assert get(client, wrong_key(3)) == 429


def test_a_key_that_was_good_here_goes_on_while_others_guess_beside_it(make: Make) -> None:
    app = make(RATE_LIMIT_SIGN_IN="2/hour", ACCESS_CACHE_SECONDS="0")
    client, good = app.test_client(), key_of(app, "read")
    assert get(client, good) == 200
    assert [get(client, wrong_key(number)) for number in range(3)] == [401, 401, 429]

    assert get(client, good) == 200


def guess_too_often(client: FlaskClient) -> None:
    assert [get(client, wrong_key(number)) for number in range(3)] == [401, 401, 429]
    assert get(client, {"Authorization": "Bearer x.y.z"}) == 429


def test_keys_and_renewed_tokens_that_are_new_here_go_on_while_others_guess_beside_them(make: Make) -> None:
    app = make(RATE_LIMIT_SIGN_IN="2/hour", ACCESS_CACHE_SECONDS="0")
    client, population = app.test_client(), population_of(app)
    keys = [key_of(app, "read") for _ in range(30)]
    user = population.user(DEFAULT_ORGANISATION, {"*": "viewer"})
    guess_too_often(client)

    assert {get(client, key) for key in keys} == {200}
    tokens = [population.session(user).token for _ in range(30)]
    assert {get(client, {"Authorization": f"Bearer {token}"}) for token in tokens} == {200}


def test_a_key_made_while_others_guess_is_known_within_ten_seconds(make: Make) -> None:
    app = make(RATE_LIMIT_SIGN_IN="2/hour")
    client, clock = app.test_client(), app.extensions["factory"].clock
    guess_too_often(client)
    late = key_of(app, "read")
    assert get(client, late) == 429

    clock.now += 10_000_000
    assert get(client, late) == 200


def test_the_id_of_a_key_buys_no_question_of_the_database(make: Make) -> None:
    app = make(RATE_LIMIT_SIGN_IN="2/hour")
    client, good = app.test_client(), key_of(app, "read")
    guess_too_often(client)
    statements = Statements(app)

    guesses = [{"X-API-Key": f"{good['X-API-Key'][:16]}{number:043d}"} for number in range(30)]
    assert {get(client, guess) for guess in guesses} == {429}
    assert statements.count == 0


def test_an_expired_token_is_told_so_while_others_guess_beside_it(make: Make) -> None:
    app = make(RATE_LIMIT_SIGN_IN="2/hour")
    client, population = app.test_client(), population_of(app)
    user = population.user(DEFAULT_ORGANISATION, {"*": "viewer"})
    guess_too_often(client)

    old = population.signed(user, "any", expires_in=-HOUR)
    assert client.get(FIGURES, headers={"Authorization": f"Bearer {old}"}).get_json()["code"] == "token_expired"


def test_an_expired_or_revoked_session_is_no_guess(make: Make) -> None:
    app = make(RATE_LIMIT_SIGN_IN="1/hour")
    client, population = app.test_client(), population_of(app)
    user = population.user(DEFAULT_ORGANISATION, {"*": "viewer"})

    tokens = [population.session(user, revoked_at=population.now).token for _ in range(3)]
    tokens += [population.signed(user, "any", expires_in=-HOUR), population.signed(user, "one", expires_in=-HOUR)]

    assert [get(client, {"Authorization": f"Bearer {token}"}) for token in tokens] == [401] * 5


# Redis


class Redis:
    """A real server on a port of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._directory = tempfile.mkdtemp(prefix="factory-redis-")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [*command, "--dir", self._directory], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        with redis.Redis(port=self.port) as probe:
            while time.monotonic() < deadline:
                try:
                    if probe.ping():
                        return
                except redis.exceptions.RedisError:
                    time.sleep(0.05)
        raise AssertionError("redis-server did not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)


@pytest.fixture
def redis_server() -> Iterator[Redis]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed; Debian's package of that name has it")
    server = Redis()
    try:
        server.start()
        yield server
    finally:
        server.close()


def in_memory(client: FlaskClient) -> float:
    lines = client.get("/metrics").text.splitlines()
    [line] = [one for one in lines if one.startswith("factory_rate_limits_in_memory_total ")]
    return float(line.rsplit(" ", 1)[1])


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "factory.limits"]


def test_with_redis_all_processes_share_one_budget(
    make: Make, redis_server: Redis, fresh_database: Callable[[str], str]
) -> None:
    shared = {"DATABASE_URL": fresh_database("sqlite"), "RATE_LIMIT_STORAGE_URL": redis_server.url}
    first, second = (make(RATE_LIMIT_READ="4/hour", **shared) for _ in range(2))
    key = key_of(first, "read")

    turns = [get(app.test_client(), key) for app in (first, second, second, first, second, first)]

    assert turns == [200, 200, 200, 200, 429, 429]
    assert in_memory(first.test_client()) == 0


def test_redis_away_counts_in_memory_tells_so_and_comes_back(
    make: Make, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    app = make(RATE_LIMIT_READ="3/hour", RATE_LIMIT_STORAGE_URL=redis_server.url)
    client, key = app.test_client(), key_of(app, "read")
    assert [get(client, key) for _ in range(2)] == [200, 200]

    redis_server.stop()
    with caplog.at_level(logging.INFO):
        began = time.monotonic()
        away = [get(client, key) for _ in range(5)]
    assert away == [200, 200, 200, 429, 429]
    assert time.monotonic() - began < 5
    assert in_memory(client) == 5
    assert len(warnings_of(caplog)) == 1
    assert redis_server.url not in caplog.text

    redis_server.start()

    def is_back() -> bool:
        before = in_memory(client)
        get(client, key)
        return in_memory(client) == before

    deadline = time.monotonic() + 30
    while not is_back():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert client.get(FIGURES, headers=key_of(app, "read")).headers["RateLimit-Remaining"] == "2"
    with redis.Redis(port=redis_server.port) as counted:
        assert counted.dbsize() > 0


def test_a_server_starts_while_redis_is_away(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    away = f"redis://:a-password-of-{uuid4().hex}@127.0.0.1:{free_port()}/0"
    with caplog.at_level(logging.INFO):
        app = make(RATE_LIMIT_READ="2/hour", RATE_LIMIT_SIGN_IN="2/hour", RATE_LIMIT_STORAGE_URL=away)
        client, key = app.test_client(), key_of(app, "read")
        assert [get(client, key) for _ in range(3)] == [200, 200, 429]
        assert [get(client, wrong_key(number)) for number in range(3)] == [401, 401, 429]
        assert 429 in [client.post("/api/v1/session/", json=WRONG).status_code for _ in range(3)]
    assert "a-password-of" not in caplog.text


def test_a_redis_that_hangs_costs_a_moment_and_no_answer(make: Make, redis_server: Redis) -> None:
    import signal

    app = make(RATE_LIMIT_READ="10/hour", RATE_LIMIT_STORAGE_URL=redis_server.url)
    client, key = app.test_client(), key_of(app, "read")
    assert get(client, key) == 200
    assert redis_server.process is not None

    redis_server.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    assert [get(client, key) for _ in range(10)] == [200] * 10
    assert time.monotonic() - began < 4
    redis_server.process.send_signal(signal.SIGCONT)


def test_the_log_names_no_key_and_the_address_in_refusals_only(
    make: Make, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    app = make(RATE_LIMIT_READ="1/hour", RATE_LIMIT_SIGN_IN="1/hour")
    client, key = app.test_client(), key_of(app, "read")
    with caplog.at_level(logging.DEBUG):
        for headers in (key, key, wrong_key(1), wrong_key(2), {}, {}):
            client.get(FIGURES, headers=headers, **from_address("192.0.2.77"))
    lines = [f"{record.getMessage()} {getattr(record, 'fields', '')}" for record in caplog.records]
    assert lines
    assert not any("fk_" in line for line in lines)
    assert all(("192.0.2.77" in line) == ("'code'" in line) for line in lines)
