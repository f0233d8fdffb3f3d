"""The intervals are the number, and the buckets are the window: nothing is lost between answers.

Here the product is held against itself, so that a mistake shared with the reference would show.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import given
from tests.conftest import Clock
from tests.law.served import Served, between
from tests.reference import METRICS, instant
from tests.strategies import SEEDS, History, deliveries, examples, histories


def get(served: Served, factory: str, path: str, **parameters: str) -> dict[str, Any]:
    answer = served.client.get(f"/api/v1{path}", query_string={**parameters, "factory": factory})
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def length(row: dict[str, Any]) -> int:
    return instant(row["end"]) - instant(row["start"])


def as_hours(us: int) -> float:
    return float(round(Fraction(us, 3600 * 1_000_000), 4))


@examples(4)
@given(history=histories(), seed=SEEDS)
def test_intervals_are_gapless_and_sum_to_the_metric(
    served: Served, law_clock: Clock, history: History, seed: int
) -> None:
    law_clock.now = history.now
    random = Random(seed)
    factory = served.new_factory(history.time_zone, history.state_timeout_seconds)
    for delivery in deliveries(history.events, random):
        served.send(factory, delivery)
    event = random.choice(history.events)
    window = random.choice(history.windows)

    worker = get(served, factory, f"/metrics/workers/{event.worker_id}", **between(window))
    rows = get(served, factory, f"/metrics/workers/{event.worker_id}/intervals", **between(window))["data"]
    times = dict.fromkeys(("working", "idle", "absent", "unknown"), 0)
    for row in rows:
        assert row["duration_seconds"] == length(row) / 1_000_000
        times[row["state"]] += length(row)
    fields = ("total_active_time_hours", "total_idle_time_hours", "total_absent_time_hours", "unknown_time_hours")
    assert [worker["data"][name] for name in fields] == [as_hours(us) for us in times.values()]
    assert_covers(rows, worker["window"])
    for left, right in pairwise(rows):
        assert (left["state"], left["workstation_id"]) != (right["state"], right["workstation_id"])

    station = get(served, factory, f"/metrics/workstations/{event.workstation_id}", **between(window))
    rows = get(served, factory, f"/metrics/workstations/{event.workstation_id}/intervals", **between(window))["data"]
    productive = sum(length(row) for row in rows if row["state"] == "productive")
    occupied = productive + sum(length(row) for row in rows if row["state"] == "occupied")
    assert station["data"]["productive_time_hours"] == as_hours(productive)
    assert station["data"]["occupancy_time_hours"] == as_hours(occupied)
    assert_covers(rows, station["window"])
    assert all((row["worker_ids"] == []) == (row["state"] == "free") for row in rows)


def assert_covers(rows: list[dict[str, Any]], window: dict[str, Any]) -> None:
    """Assert that the rows follow each other without a gap from the window's `from` to its `to`."""
    assert all(length(row) > 0 for row in rows)
    edges = [window["from"], *(row["end"] for row in rows)]
    assert [row["start"] for row in rows] == edges[:-1]
    assert edges[-1] == window["to"]


@examples(3)
@given(history=histories(), seed=SEEDS)
def test_each_bucket_says_what_the_metric_says_of_its_window_and_counts_add_up(
    served: Served, law_clock: Clock, history: History, seed: int
) -> None:
    law_clock.now = history.now
    random = Random(seed)
    factory = served.new_factory(history.time_zone, history.state_timeout_seconds)
    for delivery in deliveries(history.events, random):
        served.send(factory, delivery)
    window = random.choice(history.windows)
    of_all = get(served, factory, "/metrics/factory", **between(window))

    for metric in ("total_events", "total_production_count", "total_productive_time_hours", "coverage_percentage"):
        bucket = random.choice(("day", "week", "month"))
        series = get(served, factory, "/metrics/timeseries", metric=metric, entity="factory", bucket=bucket,
                     **between(window))  # fmt: skip
        rows = series["data"]
        if rows:
            assert_covers(rows, of_all["window"])
        if metric in ("total_events", "total_production_count"):
            assert sum(row["value"] for row in rows) == of_all["data"][metric]
        if metric == "total_productive_time_hours":
            rounding = Fraction(len(rows) + 1, 20_000)
            assert abs(sum(row["value"] for row in rows) - of_all["data"][metric]) <= rounding
        for row in random.sample(rows, min(2, len(rows))):
            alone = get(served, factory, "/metrics/factory", **{"from": row["start"], "to": row["end"]})
            assert alone["data"][metric] == row["value"], (metric, row)


@examples(3)
@given(history=histories(), seed=SEEDS)
def test_several_metrics_are_the_series_of_each_side_by_side(
    served: Served, law_clock: Clock, history: History, seed: int
) -> None:
    law_clock.now = history.now
    random = Random(seed)
    factory = served.new_factory(history.time_zone, history.state_timeout_seconds)
    for delivery in deliveries(history.events, random):
        served.send(factory, delivery)
    event = random.choice(history.events)
    ids = {"factory": {}, "worker": {"id": event.worker_id}, "workstation": {"id": event.workstation_id}}
    for entity, identity in ids.items():
        several = random.sample(METRICS[entity], random.randint(2, min(10, len(METRICS[entity]))))
        asked = {"entity": entity, "bucket": "day", **identity, **between(random.choice(history.windows))}
        together = get(served, factory, "/metrics/timeseries", metric=",".join(several), **asked)
        alone = [get(served, factory, "/metrics/timeseries", metric=metric, **asked) for metric in several]
        assert [together["window"]] * len(several) == [one["window"] for one in alone]
        assert together["data"] == [
            {
                "start": rows[0]["start"],
                "end": rows[0]["end"],
                "values": {metric: row["value"] for metric, row in zip(several, rows, strict=True)},
            }
            for rows in zip(*(one["data"] for one in alone), strict=True)
        ]
