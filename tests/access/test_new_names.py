"""A sender that invents names is refused after so many an hour; names that are known cost nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from tests.access.conftest import population_of
from tests.access.plant import Headers, bearer
from tests.conftest import NOON

from factory.store.schema import registrations

HOUR = 3_600_000_000
MOST = {"MAX_NEW_NAMES_PER_HOUR": "5"}


@pytest.fixture
def app(guarded: Callable[..., Iterator[Flask]], database_url: str) -> Iterator[Flask]:
    yield from guarded(database_url, **MOST)


@pytest.fixture
def camera(app: Flask) -> Headers:
    return bearer(population_of(app).key(1, "default", "ingest", name="camera").text)


def seen(worker: str, station: str = "S1") -> dict[str, Any]:
    instant = "2026-01-15T10:15:00Z"
    return {"timestamp": instant, "worker_id": worker, "workstation_id": station, "event_type": "working"}


def deliver(app: Flask, key: Headers, *events: dict[str, Any]) -> Counter[str]:
    answer = app.test_client().post("/api/v1/events/batch", json=events, headers=key)
    told = answer.get_json()
    return +Counter({"stored": told["success_count"], **Counter(error["code"] for error in told["errors"])})


def test_what_is_beyond_the_quota_is_refused_and_the_rest_is_stored(app: Flask, camera: Headers) -> None:
    assert deliver(app, camera, *(seen(f"W{n}") for n in range(4))) == {"stored": 4}

    assert deliver(app, camera, seen("W0", "S2"), seen("W1")) == {"stored": 1, "too_many_new_names": 1}
    answer = app.test_client().post("/api/v1/events/", json=seen("W9"), headers=camera)

    assert (answer.status_code, answer.get_json()["code"]) == (400, "too_many_new_names")
    assert answer.get_json()["errors"][0]["field"] == "worker_id"


def test_names_until_the_quota_are_registered(app: Flask, camera: Headers) -> None:
    deliver(app, camera, seen("W0"))
    assert deliver(app, camera, *(seen(f"W{n}") for n in range(9))) == {"stored": 4, "too_many_new_names": 5}


def test_a_refused_atomic_batch_spends_nothing(app: Flask, camera: Headers) -> None:
    batch = [seen(f"W{n}") for n in range(9)]
    refused = app.test_client().post("/api/v1/events/batch?atomic=true", json=batch, headers=camera)
    assert refused.status_code == 422
    assert deliver(app, camera, *batch[:4]) == {"stored": 4}


def test_another_sender_and_another_hour_have_a_quota_of_their_own(app: Flask, camera: Headers) -> None:
    deliver(app, camera, *(seen(f"W{n}") for n in range(9)))
    other = bearer(population_of(app).key(1, "default", "ingest", name="other").text)
    assert deliver(app, other, seen("other")) == {"stored": 1}

    app.extensions["factory"].clock.now += HOUR

    assert deliver(app, camera, seen("later")) == {"stored": 1}
    with app.extensions["factory_store"].system().snapshot() as tx:
        hours = tx.execute(select(registrations.c.hour)).scalars().all()
    assert hours == [NOON // HOUR + 1], "the hours before are forgotten"


def test_processes_count_together(
    app: Flask, camera: Headers, guarded: Callable[..., Iterator[Flask]], database_url: str
) -> None:
    deliver(app, camera, *(seen(f"W{n}") for n in range(4)))
    with closing(guarded(database_url, **MOST)) as others:
        assert deliver(next(others), camera, seen("W8")) == {"too_many_new_names": 1}


def test_single_events_of_a_group_count_for_their_own_senders(app: Flask, camera: Headers) -> None:
    deliver(app, camera, *(seen(f"W{n}") for n in range(9)))
    other = bearer(population_of(app).key(1, "default", "ingest", name="other").text)
    post = app.test_client().post
    answers = [post("/api/v1/events/", json=seen(name), headers=key) for name, key in (("X", camera), ("Y", other))]
    assert [answer.status_code for answer in answers] == [400, 201]


def test_who_may_change_the_registry_has_no_quota(app: Flask, camera: Headers) -> None:
    admin = bearer(population_of(app).key(1, "default", "admin", name="admin").text)
    for number in range(8):
        made = app.test_client().post("/api/v1/workers/", json={"worker_id": f"W{number}"}, headers=admin)
        assert made.status_code == 201
    assert deliver(app, camera, *(seen(f"W{n}") for n in range(8))) == {"stored": 8}
