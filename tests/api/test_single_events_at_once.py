"""Single events posted at once share a transaction; each gets its own answer."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from flask import Flask

WRITERS = 16


def said(**more: Any) -> dict[str, Any]:
    event = {"timestamp": "2026-01-15T10:15:00Z", "worker_id": "W1", "workstation_id": "S1", "event_type": "idle"}
    return event | more


def post_at_once(app: Flask, events: list[dict[str, Any]]) -> list[Any]:
    barrier = Barrier(len(events))

    def post(event: dict[str, Any]) -> Any:
        barrier.wait()
        return app.test_client().post("/api/v1/events/", json=event)

    with ThreadPoolExecutor(len(events)) as pool:
        return list(pool.map(post, events))


def test_each_of_many_is_stored_once(app: Flask) -> None:
    for turn in range(5):
        events = [said(worker_id=f"W{n}", event_id=f"{turn}-{n}") for n in range(WRITERS)]
        assert [answer.status_code for answer in post_at_once(app, events)] == [201] * WRITERS
    answer = app.test_client().get("/api/v1/events/?limit=1000")
    assert answer.json is not None
    assert len({row["event_id"] for row in answer.json["data"]}) == answer.json["count"] == 5 * WRITERS


def test_one_of_equals_is_created_and_the_others_are_duplicates(app: Flask) -> None:
    answers = post_at_once(app, [said(confidence=0.5)] * WRITERS)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: WRITERS - 1}
    assert Counter(answer.json["duplicate"] for answer in answers) == {False: 1, True: WRITERS - 1}


def test_each_of_a_group_is_counted(app: Flask) -> None:
    def value(series: str) -> float:
        lines = app.test_client().get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(series + " "))

    post_at_once(app, [said(worker_id=f"W{n // 2}", count=n, event_type="product_count") for n in range(WRITERS)])

    assert value('factory_events_total{outcome="created",type="product_count"}') == WRITERS / 2
    assert value('factory_events_total{outcome="conflict",type="product_count"}') == WRITERS / 2
    for histogram in ("factory_batch_events", "factory_commit_seconds", "factory_event_lateness_seconds"):
        assert value(f"{histogram}_count") == WRITERS
    assert value("factory_batch_events_sum") == WRITERS
    assert value('factory_batch_events_bucket{le="1.0"}') == WRITERS


def test_of_contradictions_the_first_stands_and_each_other_is_a_conflict(app: Flask) -> None:
    events = [said(confidence=n / WRITERS, worker_id=f"W{n % 2}") for n in range(WRITERS)]
    answers = post_at_once(app, events)
    assert Counter(answer.status_code for answer in answers) == {201: 2, 409: WRITERS - 2}
    again = [post_at_once(app, [event])[0].status_code for event in events]
    assert Counter(again) == {200: 2, 409: WRITERS - 2}


def test_a_refused_one_harms_no_other(app: Flask) -> None:
    bad = [said(worker_id="no id"), said(timestamp="2036-01-01T00:00:00Z"), said(count=1.5)]
    good = [said(worker_id=f"W{n}") for n in range(WRITERS - len(bad))]
    answers = post_at_once(app, [*bad, *good])
    assert [answer.status_code for answer in answers] == [400] * len(bad) + [201] * len(good)


def test_an_unknown_factory_is_told_to_those_who_named_it(app: Flask, database_url: str) -> None:
    post: Callable[[str], Any] = lambda name: app.test_client().post(  # noqa: E731
        "/api/v1/events/", json=said(), headers={"X-Factory-ID": name}
    )
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda n: post("nowhere" if n % 2 else "default").status_code, range(8)))
    assert statuses[1::2] == [404] * 4
    assert sorted(statuses[::2]) == [200, 200, 200, 201]


def post_behind_a_lock(app: Flask, bodies: list[bytes]) -> list[Any]:
    """Send bodies one after the other while nobody can store, so that all but the first are stored together."""
    store = app.extensions["factory_store"]

    def post(body: bytes) -> Any:
        return app.test_client().post("/api/v1/events/", data=body, content_type="application/json")

    with ThreadPoolExecutor(len(bodies) + 1) as pool:
        with store.writing() as tx:
            store.dialect.lock_factory(tx, 1)
            answers = [pool.submit(post, json.dumps(said(worker_id="first")).encode())]
            for body in bodies:
                time.sleep(0.02)
                answers.append(pool.submit(post, body))
            time.sleep(0.2)
        return [answer.result() for answer in answers[1:]]


def test_a_body_that_is_no_json_of_its_own_cannot_swallow_its_neighbour(app: Flask) -> None:
    one, two, victim = (json.dumps(said(worker_id=name)).encode() for name in ("one", "two", "victim"))
    opens = one + b"," + two[:-1] + b',"other":[1'
    closes = b"2]}," + one
    answers = post_behind_a_lock(app, [opens, victim, closes])
    assert [answer.status_code for answer in answers] == [400, 201, 400]
    stored = app.test_client().get("/api/v1/events/").json
    assert stored is not None
    assert {row["worker_id"] for row in stored["data"]} == {"first", "victim"}


def test_each_is_told_its_own_faults(app: Flask) -> None:
    bodies = [
        b"{",
        b"",
        b"[]",
        b"[" * 5000,
        b"\xff",
        json.dumps({"worker_id": "W1"}).encode(),
        json.dumps(said(count=1.5, confidence=2)).encode(),
        json.dumps(said(model_version="\ud800")).encode(),
    ]
    alone = [app.test_client().post("/api/v1/events/", data=b, content_type="application/json") for b in bodies]
    together = post_behind_a_lock(app, [*bodies, json.dumps(said()).encode()])
    assert together.pop().status_code == 201
    told = [[{**answer.json, "request_id": ""} for answer in answers] for answers in (alone, together)]
    assert told[0] == told[1]
    assert {answer.status_code for answer in together} == {400}
