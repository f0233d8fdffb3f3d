"""Raw events that are removed leave every number as it was, to the last digit."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Clock, close_store, make_settings
from tests.law.served import API, Question, Served, Window, any_series, between, metrics_questions
from tests.reference import Event, Reference, instant
from tests.strategies import ANCHORS, HOUR, MINUTE, SEEDS, TIMEOUTS, History, deliveries, examples, histories

from factory.domain.errors import Unavailable
from factory.operations.derive import retention
from factory.operations.derive.generation import rebuild_derived
from factory.operations.derive.retention import BackgroundRetention, retain
from factory.operations.derive.verify import verify_derived
from factory.store.derived import retention as stored
from factory.store.engine.database import Store


def store_of(served: Served) -> Store:
    store = served.client.application.extensions["factory_store"]
    assert isinstance(store, Store)
    return store


def cut_of(history: History, random: Random) -> int:
    """Choose a whole minute near an event, or between; often one at which an event is."""
    at = random.choice(history.events).timestamp + random.choice((0, 0, MINUTE, -1, HOUR, 90 * MINUTE))
    return at // MINUTE * MINUTE


def without_old_events(question: Question, cut: int) -> Question:
    """Return the answer expected once the events before the cut are gone: they are not shown behind intervals."""
    if not question.path.endswith("/intervals") or "/workers/" not in question.path:
        return question
    rows = [
        row | {"event": None if row["event"] and instant(row["event"]["timestamp"]) < cut else row["event"]}
        for row in question.expected["data"]
    ]
    return replace(question, expected=question.expected | {"data": rows})


def ask_all(served: Served, factory: str, reference: Reference, windows: tuple[Window, ...], cut: int) -> None:
    random = Random(7)
    for window in windows:
        questions = list(metrics_questions(reference, window))
        for question in random.sample(questions, min(8, len(questions))):
            served.ask(factory, without_old_events(question, cut))
    for _ in range(4):
        served.ask(factory, any_series(reference, windows, random))


def drawings(served: Served, factory: str, windows: tuple[Window, ...]) -> list[Any]:
    """Return the answers of the timelines and of the view of this moment."""
    paths = [("/metrics/now", {})]
    for window in windows:
        for entity in ("worker", "workstation"):
            for bucket in ({}, {"bucket": "15m"}, {"bucket": "hour"}, {"bucket": "day"}):
                paths.append(("/metrics/timeline", {"entity": entity, **bucket, **between(window)}))
    answers = []
    for path, parameters in paths:
        answer = served.client.get(API + path, query_string={**parameters, "factory": factory})
        body = answer.json
        assert body is not None
        answers.append((path, parameters, answer.status_code, body.get("data"), body.get("units"), body.get("columns")))
    return answers


def raw_events(served: Served, factory: str) -> list[int]:
    answer = served.client.get(f"{API}/events/", query_string={"factory": factory, "limit": 1000})
    assert answer.status_code == 200
    assert answer.json is not None
    return [instant(event["timestamp"]) for event in answer.json["data"]]


def send_all(served: Served, factory: str, events: list[Event], random: Random) -> None:
    for delivery in deliveries(tuple(events), random):
        served.send(factory, delivery)


@examples(2)
@given(history=histories(max_events=24), seed=SEEDS)
def test_no_number_changes_nor_what_late_events_make_of_it(
    served: Served, law_clock: Clock, history: History, seed: int
) -> None:
    law_clock.now = history.now
    random = Random(seed)
    store, cut = store_of(served), cut_of(history, random)
    late = [event for event in history.events if event.timestamp >= cut and random.random() < 0.4]
    early = [event for event in history.events if event not in late]
    factory = served.new_factory(history.time_zone, history.state_timeout_seconds)
    send_all(served, factory, early, random)
    if random.random() < 0.5:
        served.client.get(f"{API}/metrics/factory", query_string={"factory": factory})
    for before in sorted((cut, *(at // MINUTE * MINUTE for at in (cut - HOUR, cut - DAY) if random.random() < 0.5))):
        retain(store=store, factory_id=factory, before=before, now=history.now)

    assert sorted(raw_events(served, factory)) == sorted(e.timestamp for e in early if e.timestamp >= cut)
    ask_all(served, factory, history.reference(early), history.windows, cut)
    assert verify_derived(store=store, factory_id=factory, now=history.now) == []

    send_all(served, factory, late, random)
    ask_all(served, factory, history.reference(), history.windows, cut)
    whole = served.new_factory(history.time_zone, history.state_timeout_seconds)
    send_all(served, whole, list(history.events), random)
    drawn = (random.choice(history.windows),)
    assert drawings(served, factory, drawn) == drawings(served, whole, drawn)
    assert verify_derived(store=store, factory_id=factory, now=history.now) == []
    rebuild_derived(store=store, factory_id=factory, now=history.now)
    ask_all(served, factory, history.reference(), history.windows, cut)


@examples(3)
@given(history=histories(max_events=20), seed=SEEDS, zone=st.sampled_from(sorted(ANCHORS)))
def test_another_time_zone_regroups_what_lies_before_the_cut_exactly(
    served: Served, law_clock: Clock, history: History, seed: int, zone: str
) -> None:
    law_clock.now = history.now
    random = Random(seed)
    store, cut = store_of(served), cut_of(history, random)
    factory = served.new_factory(history.time_zone, history.state_timeout_seconds)
    send_all(served, factory, list(history.events), random)
    retain(store=store, factory_id=factory, before=cut, now=history.now)

    served.change_factory(factory, time_zone=zone)

    ask_all(served, factory, replace(history, time_zone=zone).reference(), history.windows, cut)
    assert verify_derived(store=store, factory_id=factory, now=history.now) == []


@examples(3)
@given(history=histories(max_events=20), seed=SEEDS, timeout=st.sampled_from(TIMEOUTS))
def test_another_timeout_changes_nothing_before_the_cut_and_back_again_nothing_at_all(
    served: Served, law_clock: Clock, history: History, seed: int, timeout: int
) -> None:
    law_clock.now = history.now
    random = Random(seed)
    store, cut = store_of(served), cut_of(history, random)
    factory = served.new_factory(history.time_zone, history.state_timeout_seconds)
    send_all(served, factory, list(history.events), random)
    retain(store=store, factory_id=factory, before=cut, now=history.now)
    past = tuple((None if low is None else min(low, cut), min(high or cut, cut)) for low, high in history.windows)

    served.change_factory(factory, state_timeout_seconds=timeout)

    assert verify_derived(store=store, factory_id=factory, now=history.now) == []
    for entity in ("workers", "workstations"):
        for window in past:
            if window[0] is None or window[0] <= min(cut, history.now):
                ask = {**between(window), "factory": factory}
                rows = served.client.get(f"{API}/metrics/{entity}", query_string=ask)
                expected = history.reference().metrics(entity[:-1], None, *window)
                assert rows.status_code == 200
                assert rows.json is not None
                assert rows.json["data"] == expected["data"]
    served.change_factory(factory, state_timeout_seconds=history.state_timeout_seconds)
    ask_all(served, factory, history.reference(), history.windows, cut)


DAY = 24 * HOUR
NOON = instant("2026-01-15T12:00:00Z")
TODAY = instant("2026-01-15T00:00:00Z")


def a_shift(day: int) -> list[dict[str, Any]]:
    """Two workers at one station, a unit every quarter of an hour."""
    events = []
    for minute in range(0, 240, 15):
        at = f"2026-01-{day:02d}T{8 + minute // 60:02d}:{minute % 60:02d}:07Z"
        kind = ("working", "product_count", "idle", "product_count")[minute // 15 % 4]
        for worker in ("W1", "W2"):
            events.append({"timestamp": at, "worker_id": worker, "workstation_id": "S1", "event_type": kind})
    return events


def filled(served: Served) -> str:
    factory = served.new_factory()
    events = [event for day in range(10, 16) for event in a_shift(day)]
    answer = served.client.post(f"{API}/events/batch", json=events, headers={"X-Factory-ID": factory})
    assert answer.status_code == 201, answer.text
    return factory


def numbers(served: Served, factory: str) -> str:
    ask = {"factory": factory, "from": "2026-01-10T08:10:00Z"}
    paths = ("/metrics/factory", "/metrics/workers", "/metrics/workstations", "/metrics/workstations/S1/intervals")
    answers = [served.client.get(API + path, query_string=ask) for path in paths]
    assert all(answer.status_code == 200 for answer in answers), answers
    return json.dumps([answer.json["data"] for answer in answers if answer.json is not None])


def test_an_older_event_is_refused_alone_and_in_a_batch_and_registers_nobody(served: Served) -> None:
    factory = filled(served)
    retain(store=store_of(served), factory_id=factory, before=TODAY, now=NOON)
    before = numbers(served, factory)
    old = {"timestamp": "2026-01-14T23:59:59.999999Z", "worker_id": "W9", "workstation_id": "S9", "event_type": "idle"}
    young = {**old, "timestamp": "2026-01-15T00:00:00Z", "worker_id": "W1", "workstation_id": "S1"}
    headers = {"X-Factory-ID": factory}

    alone = served.client.post(f"{API}/events/", json=old, headers=headers)
    again = served.client.post(f"{API}/events/", json=a_shift(12)[0], headers=headers)
    whole = served.client.post(f"{API}/events/batch?atomic=true", json=[young, old], headers=headers)

    assert alone.json is not None
    assert whole.json is not None
    assert again.json is not None
    assert (alone.status_code, alone.json["code"]) == (400, "timestamp_too_old")
    assert alone.json["errors"][0]["field"] == "timestamp"
    assert (again.status_code, again.json["code"]) == (400, "timestamp_too_old")
    assert (whole.status_code, whole.json["created_count"]) == (422, 0)
    assert numbers(served, factory) == before

    part = served.client.post(f"{API}/events/batch", json=[old, young, old], headers=headers)

    assert part.status_code == 201
    assert part.json is not None
    assert part.json["failed_indices"] == [0, 2]
    assert part.json["created_count"] == 1
    assert {error["code"] for error in part.json["errors"]} == {"timestamp_too_old"}
    workers = served.client.get(f"{API}/workers/", headers=headers).json
    assert workers is not None
    assert [row["worker_id"] for row in workers["data"]] == ["W1", "W2"]


def test_what_opened_an_old_interval_is_null_and_the_event_list_begins_at_the_cut(served: Served) -> None:
    factory = filled(served)
    retain(store=store_of(served), factory_id=factory, before=TODAY, now=NOON)

    answer = served.client.get(f"{API}/metrics/workers/W1/intervals", query_string={"factory": factory})

    assert answer.json is not None
    known = [row for row in answer.json["data"] if row["state"] != "unknown"]
    assert {row["event"] is None for row in known if instant(row["start"]) < TODAY} == {True}
    assert {row["event"] is None for row in known if instant(row["start"]) >= TODAY} == {False}
    assert min(raw_events(served, factory)) >= TODAY


def test_a_round_that_is_killed_between_and_inside_slices_leaves_nothing_wrong(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory, store = filled(served), store_of(served)
    before, left = numbers(served, factory), iter(range(7))
    original = stored.remove

    def killed(*arguments: Any) -> int:
        removed = original(*arguments)
        if next(left, None) is None:
            raise KeyboardInterrupt
        return removed

    monkeypatch.setattr(stored, "remove", killed)
    with pytest.raises(KeyboardInterrupt):
        retain(store=store, factory_id=factory, before=TODAY, now=NOON)
    monkeypatch.undo()

    some = raw_events(served, factory)
    assert TODAY > min(some) > instant("2026-01-10T12:00:00Z")
    assert numbers(served, factory) == before
    assert verify_derived(store=store, factory_id=factory, now=NOON) == []
    retain(store=store, factory_id=factory, before=TODAY, now=NOON)
    assert numbers(served, factory) == before
    assert min(raw_events(served, factory)) >= TODAY


def test_slices_of_an_hour_with_many_events_are_shorter(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_EVENTS_A_SLICE", 3)
    factory, store = filled(served), store_of(served)
    before = numbers(served, factory)

    removed = retain(store=store, factory_id=factory, before=TODAY, now=NOON)

    assert removed == 5 * 32
    assert numbers(served, factory) == before
    assert verify_derived(store=store, factory_id=factory, now=NOON) == []


def test_what_stays_of_removed_events_is_given_out_with_all_else_of_a_person(served: Served) -> None:
    factory, store = filled(served), store_of(served)
    retain(store=store, factory_id=factory, before=TODAY, now=NOON)

    answer = served.client.get(f"{API}/workers/W1/data", query_string={"factory": factory})

    assert answer.status_code == 200, answer.text
    rows = [json.loads(line) for line in answer.text.splitlines()]
    removed = [
        (row["timestamp"], row["workstation_id"], row["units"]) for row in rows if row["kind"] == "removed_event"
    ]
    told = [event for day in range(10, 15) for event in a_shift(day) if event["worker_id"] == "W1"]
    assert removed == [(event["timestamp"], "S1", int(event["event_type"] == "product_count")) for event in told]
    assert len([row for row in rows if row["kind"] == "event"]) == len(a_shift(15)) / 2


def test_a_removed_count_is_still_evidence_for_the_state_that_a_late_event_meets(served: Served) -> None:
    factory, cut = served.new_factory(), instant("2026-01-15T09:45:00Z")
    told = {"worker_id": "W1", "workstation_id": "S1"}
    early = [
        {**told, "timestamp": "2026-01-15T09:00:00Z", "event_type": "working"},
        {**told, "timestamp": "2026-01-15T09:30:00Z", "event_type": "product_count"},
    ]
    late = {**told, "timestamp": "2026-01-15T10:15:00Z", "event_type": "product_count"}
    headers = {"X-Factory-ID": factory}
    assert served.client.post(f"{API}/events/batch", json=early, headers=headers).status_code == 201
    retain(store=store_of(served), factory_id=factory, before=cut, now=NOON)

    assert served.client.post(f"{API}/events/", json=late, headers=headers).status_code == 201

    answer = served.client.get(f"{API}/metrics/workers/W1/intervals", query_string={"factory": factory})
    assert answer.json is not None
    rows = [(row["start"], row["end"], row["state"]) for row in answer.json["data"]]
    assert rows == [
        ("2026-01-15T09:00:00Z", "2026-01-15T11:15:00Z", "working"),
        ("2026-01-15T11:15:00Z", "2026-01-15T12:00:00Z", "unknown"),
    ]
    assert verify_derived(store=store_of(served), factory_id=factory, now=NOON) == []


def test_an_event_that_is_committed_while_a_slice_waits_for_its_locks_is_derived_before_it_is_removed(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory, store = filled(served), store_of(served)
    original = retention._remove_slice
    told = {"timestamp": "2026-01-10T07:50:00Z", "worker_id": "W1", "workstation_id": "S1", "event_type": "working"}

    def meanwhile(*arguments: Any) -> int:
        monkeypatch.undo()
        answer = served.client.post(f"{API}/events/", json=told, headers={"X-Factory-ID": factory})
        assert answer.status_code == 201
        return original(*arguments)

    monkeypatch.setattr(retention, "_remove_slice", meanwhile)
    retain(store=store, factory_id=factory, before=TODAY, now=NOON)

    whole = filled(served)
    served.client.post(f"{API}/events/", json=told, headers={"X-Factory-ID": whole})
    assert numbers(served, factory) == numbers(served, whole)
    assert verify_derived(store=store, factory_id=factory, now=NOON) == []


def test_the_view_of_this_moment_finds_the_last_event_also_when_it_is_no_longer_raw(served: Served) -> None:
    factory, store = filled(served), store_of(served)
    soon = {"timestamp": "2026-01-15T12:02:00Z", "worker_id": "W1", "workstation_id": "S1", "event_type": "idle"}
    headers = {"X-Factory-ID": factory}
    assert served.client.post(f"{API}/events/", json=soon, headers=headers).status_code == 201

    retain(store=store, factory_id=factory, before=NOON, now=NOON)

    answer = served.client.get(f"{API}/metrics/now", query_string={"factory": factory})
    assert answer.json is not None
    assert answer.json["data"]["last_event_at"] == "2026-01-15T11:45:00Z"


def test_two_rounds_at_once_while_events_arrive_do_the_work_of_one(served: Served) -> None:
    factory, store = filled(served), store_of(served)
    before, removed, errors = numbers(served, factory), [0, 0, 0], []
    start = threading.Barrier(4)

    def work(number: int) -> None:
        start.wait()
        try:
            removed[number] = retain(store=store, factory_id=factory, before=TODAY, now=NOON)
        except BaseException as error:  # carried to the test's own thread
            errors.append(error)

    def deliver() -> None:
        client = served.client.application.test_client()
        start.wait()
        for event in a_shift(14) + a_shift(15):
            answer = client.post(f"{API}/events/", json=event, headers={"X-Factory-ID": factory})
            if answer.status_code not in (200, 400):
                errors.append(AssertionError(answer.text))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    threads.append(threading.Thread(target=deliver))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not errors, errors[0]
    assert sum(removed) == 5 * 32
    assert numbers(served, factory) == before
    assert verify_derived(store=store, factory_id=factory, now=NOON) == []


def test_a_build_under_way_keeps_what_it_reads_and_an_abandoned_one_does_not(served: Served) -> None:
    from factory.operations.derive.generation import _begin

    factory, store = filled(served), store_of(served)
    before = numbers(served, factory)
    _begin(store, factory, NOON)
    with pytest.raises(Unavailable):
        retain(store=store, factory_id=factory, before=TODAY, now=NOON)
    assert min(raw_events(served, factory)) < TODAY
    BackgroundRetention(store, days=1, clock=lambda: NOON).look()  # waits for the next round, without a word
    assert min(raw_events(served, factory)) < TODAY

    retain(store=store, factory_id=factory, before=TODAY, now=NOON + HOUR)

    assert numbers(served, factory) == before
    assert verify_derived(store=store, factory_id=factory, now=NOON + HOUR) == []


def test_the_option_refuses_what_is_older_before_any_round_has_removed_it(database_url: str, law_clock: Clock) -> None:
    from factory.app import create_app

    law_clock.now = NOON + 59 * MINUTE
    app = create_app(make_settings(database_url, RETENTION_DAYS="2"), clock=law_clock)
    client = app.test_client()
    told = {"worker_id": "W1", "workstation_id": "S1", "event_type": "working"}
    old, young = ({**told, "timestamp": f"2026-01-13T{time}Z"} for time in ("11:59:59.999999", "12:00:00"))

    alone = client.post(f"{API}/events/", json=old)
    part = client.post(f"{API}/events/batch", json=[young, old])

    close_store(app.extensions["factory_store"])
    assert alone.json is not None
    assert part.json is not None
    assert (alone.status_code, alone.json["errors"][0]["code"]) == (400, "timestamp_too_old")
    assert part.json["created_count"] == 1
    assert part.json["errors"] == [
        {
            "index": 1,
            "code": "timestamp_too_old",
            "field": "timestamp",
            "message": "must not be before 2026-01-13T12:00:00Z",
        }
    ]


def test_the_background_round_removes_what_is_older_than_its_days(served: Served, law_clock: Clock) -> None:
    factory, store = filled(served), store_of(served)
    before = numbers(served, factory)
    law_clock.now = NOON + 59 * MINUTE

    BackgroundRetention(store, days=2, clock=law_clock).look()

    law_clock.now = NOON
    assert min(raw_events(served, factory)) >= instant("2026-01-13T12:00:00Z") > instant("2026-01-13T11:59:59Z")
    assert numbers(served, factory) == before
