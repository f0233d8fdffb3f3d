"""Eight writers at once, of the same workers and stations, end in the numbers that the events have."""

from __future__ import annotations

import threading
from random import Random

import pytest
from tests.conftest import Clock
from tests.law.served import Served, metrics_questions, series_question
from tests.reference import Event, Reference, instant, read_event, rfc3339
from tests.strategies import HOUR, MINUTE, SECOND, Delivery, deliveries

WRITERS = 8
NOW = instant("2025-10-26T12:00:00Z")


def a_shift(random: Random, size: int) -> tuple[Event, ...]:
    """Three workers over a clock change in Berlin, with ties at whole minutes and timeouts of half an hour."""
    said = [
        {
            "timestamp": rfc3339(NOW - 20 * HOUR + random.randrange(20 * 60) * MINUTE + random.choice((0, 0, SECOND))),
            "worker_id": f"W{random.randrange(3)}",
            "workstation_id": f"S{random.randrange(2)}",
            "event_type": random.choice(("working", "idle", "absent", "product_count")),
            "count": random.randrange(9),
            "confidence": random.choice((None, 0.5, 0.9)),
            "event_id": str(number),
        }
        for number in range(size)
    ]
    return tuple(read_event(each) for each in said)


@pytest.mark.parametrize("seed", [1, 2])
def test_eight_writers_at_once_end_in_the_same_numbers(served: Served, law_clock: Clock, seed: int) -> None:
    law_clock.now = NOW
    random = Random(seed)
    events = a_shift(random, 160)
    requests = deliveries(events, random)  # some events twice, so that two writers race for one
    random.shuffle(requests)
    factory = served.new_factory("Europe/Berlin", 1800)
    errors: list[BaseException] = []
    start = threading.Barrier(WRITERS)

    def write(share: list[Delivery]) -> None:
        writer = Served(served.store, served.client.application.test_client())
        try:
            start.wait()
            for number, delivery in enumerate(share):
                writer.send(factory, delivery)
                if number % 5 == 0:  # a reader in between: deriving races with writing
                    answer = writer.client.get("/api/v1/metrics/factory", headers={"X-Factory-ID": factory})
                    assert answer.status_code == 200, answer.text
        except BaseException as error:  # carried to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=write, args=(requests[n::WRITERS],)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not errors, errors[0]
    reference = Reference(list(events), now=NOW, time_zone="Europe/Berlin", state_timeout_seconds=1800)
    windows = ((None, None), (NOW - 7 * HOUR, NOW - 3 * HOUR))
    for window in windows:
        for question in metrics_questions(reference, window):
            served.ask(factory, question)
    for metric in ("pooled_utilization_percentage", "total_events", "total_productive_time_hours"):
        served.ask(factory, series_question(reference, metric, "factory", None, "hour", windows[0]))


def test_one_event_from_eight_writers_is_created_once(served: Served, law_clock: Clock) -> None:
    law_clock.now = NOW
    factory = served.new_factory()
    event = {"timestamp": "2025-10-26T10:00:00Z", "worker_id": "W1", "workstation_id": "S1", "event_type": "idle"}
    statuses: list[int] = []
    start = threading.Barrier(WRITERS)

    def write() -> None:
        client = served.client.application.test_client()
        start.wait()
        statuses.append(client.post("/api/v1/events/", json=event, headers={"X-Factory-ID": factory}).status_code)

    threads = [threading.Thread(target=write) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200] * (WRITERS - 1) + [201]
    reference = Reference([read_event(event)], now=NOW)
    for question in metrics_questions(reference, (None, None)):
        served.ask(factory, question)
