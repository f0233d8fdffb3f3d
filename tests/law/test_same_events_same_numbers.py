"""The law: the same accepted events give the same numbers, whatever way they came."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Clock
from tests.law.served import Served, Window, any_series, metrics_questions, series_question
from tests.reference import BUCKETS, METRICS, Event, Reference, instant, read_event, rfc3339
from tests.strategies import HOUR, SEEDS, TIMEOUTS, History, deliveries, examples, histories


@examples(4)
@given(history=histories(), seed=SEEDS)
def test_any_order_duplication_and_division_gives_the_same_answers_on_both_stores(
    both: list[Served], law_clock: Clock, history: History, seed: int
) -> None:
    law_clock.now = history.now
    random = Random(seed)
    reference = history.reference()
    factories = []
    for served in both:
        for in_one in (False, True):
            factory = served.new_factory(history.time_zone, history.state_timeout_seconds)
            for delivery in deliveries(history.events, random, in_one=in_one):
                served.send(factory, delivery)
            factories.append((served, factory))

    questions = [q for window in history.windows for q in metrics_questions(reference, window)]
    random.shuffle(questions)
    questions = questions[:6] + [any_series(reference, history.windows, random) for _ in range(3)]

    for question in questions:
        answers = {served.ask(factory, question) for served, factory in factories}
        assert len(answers) == 1, str(question)


@examples(7)
@given(history=histories(max_events=24), seed=SEEDS)
def test_numbers_are_right_after_every_single_delivery(
    served: Served, law_clock: Clock, history: History, seed: int
) -> None:
    """Reads between the writes: whatever was derived for an earlier answer follows each late event."""
    law_clock.now = history.now
    random = Random(seed)
    factory = served.new_factory(history.time_zone, history.state_timeout_seconds)
    accepted: list[Event] = []
    for delivery in deliveries(history.events, random):
        served.send(factory, delivery)
        accepted += delivery.events
        if random.random() < 0.7:
            ask_some(served, factory, history.reference(accepted), history.windows, random, 4)
    ask_some(served, factory, history.reference(), history.windows, random, 8)


@examples(4)
@given(history=histories(), seed=SEEDS)
def test_numbers_follow_the_clock(served: Served, law_clock: Clock, history: History, seed: int) -> None:
    """Open intervals grow, and events from the next five minutes become the present."""
    law_clock.now = history.now
    random = Random(seed)
    factory = served.new_factory(history.time_zone, history.state_timeout_seconds)
    accepted: list[Event] = []
    for delivery in deliveries(history.events, random):
        served.send(factory, delivery)
        accepted += delivery.events
        law_clock.now += random.choice((0, 1, 60_000_000, HOUR, 8 * 24 * HOUR))
        reference = history.reference(accepted, now=law_clock.now)
        ask_some(served, factory, reference, history.windows, random, 4)


@examples(4)
@given(history=histories(), seed=SEEDS, timeout=st.sampled_from(TIMEOUTS))
def test_numbers_follow_the_settings_of_the_factory(
    served: Served, law_clock: Clock, history: History, seed: int, timeout: int
) -> None:
    law_clock.now = history.now
    random = Random(seed)
    factory = served.new_factory("Asia/Tokyo", timeout)
    requests = deliveries(history.events, random)
    changed_after = random.randrange(len(requests) + 1)
    for number, delivery in enumerate(requests):
        if number == changed_after:
            ask_some(served, factory, tokyo(requests[:number], timeout, history.now), history.windows, random, 2)
            served.change_factory(factory, state_timeout_seconds=history.state_timeout_seconds)
        served.send(factory, delivery)
    if changed_after == len(requests):
        served.change_factory(factory, state_timeout_seconds=history.state_timeout_seconds)
    served.change_factory(factory, time_zone=history.time_zone)
    ask_some(served, factory, history.reference(), history.windows, random, 6)


def tokyo(requests: list, timeout: int, now: int) -> Reference:  # type: ignore[type-arg]
    events = [event for request in requests for event in request.events]
    return Reference(events, now=now, time_zone="Asia/Tokyo", state_timeout_seconds=timeout)


def ask_some(
    served: Served, factory: str, reference: Reference, windows: tuple[Window, ...], random: Random, number: int
) -> None:
    questions = list(metrics_questions(reference, random.choice(windows)))
    for question in random.sample(questions, min(number, len(questions))):
        served.ask(factory, question)
    served.ask(factory, any_series(reference, windows, random))


@pytest.mark.parametrize(("entity", "entity_id"), [("factory", None), ("worker", "W1"), ("workstation", "S0")])
def test_every_metric_in_every_bucket_over_two_clock_changes(
    served: Served, law_clock: Clock, entity: str, entity_id: str | None
) -> None:
    """All 30 series by all five buckets, in a zone that changes by half an hour."""
    law_clock.now = instant("2025-04-07T01:30:00Z")
    begin = instant("2025-04-04T22:10:00Z")
    random = Random(3)
    kinds = ("working", "idle", "absent", "product_count", "working", "product_count")
    events = [
        read_event({
            "timestamp": rfc3339(begin + number * 27 * 60_000_000 + random.randrange(10**9)),
            "worker_id": f"W{number % 2}",
            "workstation_id": f"S{random.randrange(2)}",
            "event_type": random.choice(kinds),
            "count": number,
        })
        for number in range(60)
    ]  # fmt: skip
    window = (begin - HOUR, begin + 50 * HOUR)
    reference = Reference(events, now=law_clock.now, time_zone="Australia/Lord_Howe", state_timeout_seconds=5400)
    factory = served.new_factory("Australia/Lord_Howe", 5400)
    for delivery in deliveries(tuple(events), random):
        served.send(factory, delivery)
    for metric in METRICS[entity]:
        for bucket in BUCKETS:
            served.ask(factory, series_question(reference, metric, entity, entity_id, bucket, window))
