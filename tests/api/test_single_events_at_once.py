"""Single events posted at once share a transaction; each gets its own answer."""

from __future__ import annotations

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
