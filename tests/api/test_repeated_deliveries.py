"""Deliveries that bring again what is stored: in any order, in part, with other content, from another factory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

IDENTITY = ("timestamp", "worker_id", "workstation_id", "event_type", "source_id", "event_id")


def any_event(random: Random) -> dict[str, Any]:
    """Of so few that many are alike, and many are of one worker and instant."""
    event: dict[str, Any] = {
        "timestamp": f"2026-01-15T0{random.randrange(3)}:00:00Z",
        "worker_id": f"W{random.randrange(3)}",
        "workstation_id": f"S{random.randrange(2)}",
        "event_type": random.choice(("working", "product_count")),
        "confidence": random.choice((0.5, 0.5, 0.5, 0.9)),
    }
    if random.random() < 0.5:
        event["source_id"] = f"cam{random.randrange(2)}"
    if random.random() < 0.5:
        event["event_id"] = random.choice(("a", "b", "ä" * 9))
    return event


@pytest.mark.parametrize("seed", range(4))
def test_each_delivery_is_told_what_was_new_what_was_stored_and_what_contradicts(
    client: FlaskClient, seed: int
) -> None:
    random = Random(seed)
    stored: dict[tuple[Any, ...], float] = {}
    for size in (1, 5, 40, 3, 200, 1, 200, 60, 1, 1):
        batch = [any_event(random) for _ in range(size)]
        created = duplicates = 0
        failed = []
        for index, event in enumerate(batch):
            identity = tuple(event.get(name) for name in IDENTITY)
            if identity not in stored:
                stored[identity] = event["confidence"]
                created += 1
            elif stored[identity] == event["confidence"]:
                duplicates += 1
            else:
                failed.append(index)

        said = client.post("/api/v1/events/batch", json=batch).json

        assert said is not None
        assert (said["created_count"], said["duplicate_count"]) == (created, duplicates)
        assert said["failed_indices"] == failed
        assert {error["code"] for error in said["errors"]} <= {"conflict"}
    listed = client.get("/api/v1/events/?limit=1000").json
    assert listed is not None
    assert {tuple(row[name] for name in IDENTITY): row["confidence"] for row in listed["data"]} == stored


def test_new_events_after_repeated_ones_are_stored_and_the_other_way_round(client: FlaskClient) -> None:
    def batch(*hours: int) -> list[dict[str, str]]:
        return [
            {
                "timestamp": f"2026-01-15T{hour:02}:00:00Z",
                "worker_id": f"W{worker}",
                "workstation_id": "S1",
                "event_type": "idle",
            }
            for worker in range(20)
            for hour in hours
        ]

    for hours, created, duplicates in (([1], 20, 0), ([2, 1], 20, 20), ([1, 2], 0, 40), ([3], 20, 0), ([4, 3], 20, 20)):
        said = client.post("/api/v1/events/batch", json=batch(*hours)).json
        assert said is not None
        assert (said["created_count"], said["duplicate_count"], said["failed_count"]) == (created, duplicates, 0)


def test_a_factory_that_has_another_key_than_before_is_found_again(app: Flask) -> None:
    event = {"timestamp": "2026-01-15T10:15:00Z", "worker_id": "W1", "workstation_id": "S1", "event_type": "idle"}
    # As after a restore of the database below a running server.
    app.extensions["factory_store"].factory_keys[(1, "default")] = 99

    assert app.test_client().post("/api/v1/events/", json=event).status_code == 201


@pytest.mark.parametrize("size", [1, 7, 40])
def test_of_events_that_many_senders_bring_at_once_each_is_new_to_one(app: Flask, size: int) -> None:
    events = [
        {
            "timestamp": f"2026-01-15T01:00:0{number % 3}Z",
            "worker_id": f"W{number % 2}",
            "workstation_id": "S1",
            "event_type": "product_count",
            "event_id": str(number),
        }
        for number in range(40)
    ]
    created: list[int] = []
    start = Barrier(6)

    def send(sender: int) -> None:
        client = app.test_client()
        mine = Random(sender).sample(events, len(events))
        start.wait()
        for first in range(0, len(mine), size):
            answer = client.post("/api/v1/events/batch", json=mine[first : first + size])
            assert answer.json is not None
            assert answer.json["failed_count"] == 0, answer.json
            created.append(answer.json["created_count"])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(send, range(6)))

    assert sum(created) == len(events)
    listed = app.test_client().get("/api/v1/events/?limit=1000").json
    assert listed is not None
    assert sorted(int(row["event_id"]) for row in listed["data"]) == list(range(40))
