"""More of everything than anybody expects: units, names, workers at one station, events at one instant."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from tests.hostile.site import Site, assert_batch, event, line

START = datetime(2026, 1, 15, 0, tzinfo=timezone.utc)


def test_units_add_up_beyond_32_bits(site: Site) -> None:
    events = [line(event(count=1_000_000, event_id=str(number))) for number in range(5_000)]
    assert_batch(site.post_lines(*events), 201, created=5_000, failed=[])
    factory = site.get("/metrics/factory").body["data"]
    assert factory["total_production_count"] == 5_000_000_000
    assert site.get("/metrics/workers/W1").body["data"]["total_units_produced"] == 5_000_000_000
    assert site.get("/metrics/workstations/S3").body["data"]["total_units_produced"] == 5_000_000_000


@pytest.mark.parametrize(
    ("attacked_app", "field"), [("sqlite", "source_id"), ("postgresql", "workstation_id")], indirect=["attacked_app"]
)
def test_a_full_registry_refuses_the_events_with_new_names_and_no_others(site: Site, field: str) -> None:
    created = 0
    for start in range(0, 40_000, 10_000):
        numbers = range(start, start + 10_000)
        answer = site.post_lines(*(line(event(**{field: f"N{number}"})) for number in numbers))
        assert answer.status == 201
        assert {error["code"] for error in answer.body["errors"]} <= {"registry_full"}
        created += answer.body["created_count"]
    assert created == 2**15 - 1, "as many names as there are keys"
    assert site.get("/metrics/factory").body["data"]["total_events"] == created
    assert site.post("/events/", event(workstation_id="N1")).status in (200, 201)


def test_an_absence_of_a_month_is_one_interval(site: Site) -> None:
    events = [
        event(event_type="absent", timestamp="2025-12-16T11:30:00Z"),
        event(event_type="working", timestamp="2026-01-15T11:30:00Z"),
    ]
    assert_batch(site.post("/events/batch", events), 201, created=2, failed=[])
    data = site.get("/metrics/workers/W1").body["data"]
    assert (data["total_absent_time_hours"], data["total_active_time_hours"]) == (30 * 24, 0.5)


def test_many_states_at_one_instant_leave_one_that_counts(site: Site) -> None:
    kinds = ("working", "idle", "absent")
    events: list[dict[str, Any]] = [
        event(event_type=kinds[n % 3], workstation_id=f"S{n % 7}", confidence=(n % 50) / 100, event_id=str(n))
        for n in range(1_000)
    ]
    assert_batch(site.post("/events/batch", events), 201, created=1_000, failed=[])
    intervals = site.get("/metrics/workers/W1/intervals").body["data"]
    assert [part["state"] for part in intervals if part["state"] != "unknown"] == ["working"]
    best = [row for row in events if row["confidence"] == 0.49 and row["event_type"] == "working"]
    winner = min(best, key=lambda row: (row["workstation_id"], row["event_id"]))
    assert intervals[0]["workstation_id"] == winner["workstation_id"]
    assert intervals[0]["event"]["event_id"] == winner["event_id"]


def test_hundreds_of_workers_at_one_station_do_not_count_twice(site: Site) -> None:
    events = [event(event_type="working", worker_id=f"W{n}", timestamp="2026-01-15T11:00:00Z") for n in range(500)]
    assert_batch(site.post("/events/batch", events), 201, created=500, failed=[])
    assert site.get("/metrics/workstations/S3").body["data"]["occupancy_time_hours"] == 1
    assert site.get("/metrics/factory").body["data"]["total_productive_time_hours"] == 500
    [stretch] = site.get("/metrics/workstations/S3/intervals").body["data"]
    assert len(stretch["worker_ids"]) == 500


def test_a_thousand_changes_in_one_second_are_kept_apart(site: Site) -> None:
    base = START + timedelta(hours=11)
    events = [
        event(event_type=("working", "idle")[n % 2], timestamp=(base + timedelta(microseconds=n)).isoformat())
        for n in range(1_000)
    ]
    assert_batch(site.post("/events/batch", events), 201, created=1_000, failed=[])
    intervals = site.get("/metrics/workers/W1/intervals").body["data"]
    assert len(intervals) == 1_000
    assert sum(part["duration_seconds"] for part in intervals) == pytest.approx(3600, abs=1e-6)
