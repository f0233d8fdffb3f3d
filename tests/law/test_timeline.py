"""The timeline draws what the intervals, the series and the reference say."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from tests.conftest import Clock
from tests.law.served import Served, Window, between
from tests.reference import Reference, instant, rfc3339
from tests.strategies import HOUR, SECOND, SEEDS, History, deliveries, examples, histories

EIGHT_DAYS = 8 * 24 * HOUR


def get(served: Served, factory: str, path: str, **parameters: str) -> dict[str, Any]:
    answer = served.client.get(f"/api/v1{path}", query_string={**parameters, "factory": factory})
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def in_ms(timestamp: str) -> int:
    return instant(timestamp) // 1000


def some_of(ids: list[str], random: Random) -> tuple[list[str], dict[str, str]]:
    """All of them, or some in any order; and the parameter that asks for them."""
    if not ids or random.random() < 0.3:
        return ids, {}
    some = random.sample(ids, random.randint(1, len(ids)))
    return some, {"id": ",".join(some)}


def units_of(reference: Reference, name: str, value: str, start: int, end: int) -> dict[int, int]:
    units: dict[int, int] = {}
    for event in reference.events:
        if start <= event.timestamp < end and getattr(event, name) == value and event.units:
            units[event.timestamp // 1000] = units.get(event.timestamp // 1000, 0) + event.units
    return units


def windows_of(history: History, longest: int) -> list[Window]:
    reference = history.reference()
    cut = [(window, reference.window(*window)) for window in history.windows]
    return [window for window, (start, end) in cut if end - start <= longest]


@examples(14)
@given(history=histories(max_events=24), seed=SEEDS)
def test_the_exact_timeline_is_the_intervals(served: Served, law_clock: Clock, history: History, seed: int) -> None:
    law_clock.now = history.now
    reference = history.reference()
    random = Random(seed)
    factory = served.new_factory(history.time_zone, history.state_timeout_seconds)
    for delivery in deliveries(history.events, random):
        served.send(factory, delivery)
    for window in windows_of(history, EIGHT_DAYS):
        start, end = reference.window(*window)
        for entity, ids, where in (
            ("worker", reference.workers, "workstation_id"),
            ("workstation", reference.workstations, "worker_ids"),
        ):
            asked, parameters = some_of(sorted(ids), random)
            answer = get(served, factory, "/metrics/timeline", entity=entity, **parameters, **between(window))
            assert [row["id"] for row in answer["data"]] == asked
            assert answer["window"] == reference.describe(start, end)
            for row in answer["data"]:
                explained = get(served, factory, f"/metrics/{entity}s/{row['id']}/intervals", **between(window))
                assert intervals_of(row, answer) == [
                    (in_ms(one["start"]), one["state"], one[where]) for one in explained["data"]
                ]
                units = units_of(reference, f"{entity}_id", row["id"], start, end)
                assert dict(zip(row["units_at"], row["units"], strict=True)) == units
                assert row["units_at"] == sorted(units)


def intervals_of(row: dict[str, Any], answer: dict[str, Any]) -> list[tuple[int, str, Any]]:
    """(start, state, who or where) as /intervals says it."""
    if "workers" in row:
        where: list[Any] = [[answer["workers"][n] for n in present] for present in row["workers"]]
    else:
        where = [None if n is None else answer["workstations"][n] for n in row["workstation"]]
    states = [answer["states"][n] for n in row["state"]]
    return list(zip(row["start"], states, where, strict=True))


@examples(10)
@given(history=histories(max_events=24), seed=SEEDS)
def test_the_timeline_by_buckets_is_what_the_states_add_up_to(
    served: Served, law_clock: Clock, history: History, seed: int
) -> None:
    law_clock.now = history.now
    reference = history.reference()
    random = Random(seed)
    factory = served.new_factory(history.time_zone, history.state_timeout_seconds)
    for delivery in deliveries(history.events, random):
        served.send(factory, delivery)
    for bucket, longest in (("15m", EIGHT_DAYS), ("hour", EIGHT_DAYS), ("day", 100 * EIGHT_DAYS)):
        window = random.choice([*windows_of(history, longest), (history.now - HOUR, None)])
        buckets = reference.buckets(bucket, *reference.window(*window))
        for entity, ids in (("worker", reference.workers), ("workstation", reference.workstations)):
            asked, parameters = some_of(sorted(ids), random)
            answer = get(
                served, factory, "/metrics/timeline", entity=entity, bucket=bucket, **parameters, **between(window)
            )
            assert answer["columns"] == [low // 1000 for low, _ in buckets]
            assert [row["id"] for row in answer["data"]] == asked
            for row in answer["data"]:
                cells = [columns_of(reference, entity, row["id"], low, high) for low, high in buckets]
                for name in row.keys() - {"id", "name"}:
                    assert row[name] == [cell[name] for cell in cells], (entity, row["id"], bucket, name)


def columns_of(reference: Reference, entity: str, identity: str, start: int, end: int) -> dict[str, int]:
    units = sum(units_of(reference, f"{entity}_id", identity, start, end).values())
    if entity == "worker":
        times = reference.worker_times(identity, start, end)
        states = {name: times[name] for name in ("working", "idle", "absent")}
    else:
        stretches = reference.stretches(identity, start, end)
        states = {
            name: sum(one.end - one.start for one in stretches if one.state == name)
            for name in ("productive", "occupied")
        }
    return {name: round(us / SECOND) for name, us in states.items()} | {"units": units}


@pytest.mark.parametrize("bucket", ["15m", "hour", "day"])
def test_the_timeline_by_buckets_adds_up_to_the_series(served: Served, law_clock: Clock, bucket: str) -> None:
    """A fortnight over a clock change, whole seconds."""
    law_clock.now = instant("2025-04-12T01:30:00Z")
    random = Random(5)
    begin = law_clock.now - 14 * 24 * HOUR
    events = [
        {
            "timestamp": rfc3339(begin + random.randrange(14 * 86400) * SECOND),
            "worker_id": f"W{n % 3}",
            "workstation_id": f"S{random.randrange(4)}",
            "event_type": random.choice(("working", "idle", "absent", "product_count")),
            "count": n % 5,
        }
        for n in range(900)
    ]
    factory = served.new_factory("Australia/Lord_Howe", 5400)
    answer = served.client.post("/api/v1/events/batch", json=events, headers={"X-Factory-ID": factory})
    assert answer.get_json()["failed_count"] == 0
    window = between((begin, law_clock.now))
    for entity, identity, fields in (
        ("worker", "W1", {"working": "total_active_time_hours", "absent": "total_absent_time_hours"}),
        ("workstation", "S2", {"productive": "productive_time_hours"}),
    ):
        drawn = get(served, factory, "/metrics/timeline", entity=entity, id=identity, bucket=bucket, **window)
        for name, metric in {**fields, "units": "total_units_produced"}.items():
            series = get(
                served, factory, "/metrics/timeseries", entity=entity, id=identity, bucket=bucket, metric=metric,
                **window,
            )["data"]  # fmt: skip
            assert drawn["columns"] == [in_ms(row["start"]) for row in series]
            shown = [value if name == "units" else round(value / 3600, 4) for value in drawn["data"][0][name]]
            assert shown == [row["value"] for row in series]
            assert sum(drawn["data"][0][name]) > 0


def test_the_columns_of_a_day_at_a_clock_change_have_its_length(served: Served, law_clock: Clock) -> None:
    law_clock.now = instant("2025-10-27T00:00:00Z")
    factory = served.new_factory("Europe/Berlin")
    event = {"worker_id": "W1", "workstation_id": "S1", "event_type": "absent", "timestamp": "2025-10-01T00:00:00Z"}
    served.client.post("/api/v1/events/", json=event, headers={"X-Factory-ID": factory})
    window = {"from": "2025-10-24T22:00:00Z", "to": "2025-10-26T23:00:00Z"}
    answer = get(served, factory, "/metrics/timeline", entity="worker", bucket="day", **window)
    assert answer["data"][0]["absent"] == [24 * 3600, 25 * 3600]
    ends = [*answer["columns"], in_ms(answer["window"]["to"])]
    assert [(high - low) // 3_600_000 for low, high in pairwise(ends)] == [24, 25]
