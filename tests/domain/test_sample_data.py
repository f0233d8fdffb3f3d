"""The sample data: deterministic, within what the API accepts, and with the incidents it promises."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest

from factory.domain.sample.sample_data import sample_events, sample_registry
from factory.domain.timestamp import DAY, HOUR, MINUTE, parse_timestamp

BERLIN = "Europe/Berlin"
THURSDAY_NOON = parse_timestamp("2026-01-15T11:00:00Z")
IDENTITY = ("timestamp", "worker_id", "event_type", "workstation_id", "source_id")


@cache
def events(until: int = THURSDAY_NOON, seed: int = 1, time_zone: str = BERLIN, days: int = 14) -> list[dict[str, Any]]:
    return list(sample_events(seed=seed, until_us=until, time_zone=time_zone, days=days))


def times(found: list[dict[str, Any]]) -> list[int]:
    return [parse_timestamp(event["timestamp"]) for event in found]


def test_the_registry_names_six_workers_and_six_stations() -> None:
    workers, stations = sample_registry()

    assert [(worker["worker_id"], worker["name"]) for worker in workers] == [
        ("W1", "Alice Johnson"),
        ("W2", "Bob Smith"),
        ("W3", "Carol Davis"),
        ("W4", "David Wilson"),
        ("W5", "Emma Brown"),
        ("W6", "Frank Miller"),
    ]
    assert [(station["workstation_id"], station["name"], station["type"]) for station in stations] == [
        ("S1", "Assembly Line 1", "assembly"),
        ("S2", "Assembly Line 2", "assembly"),
        ("S3", "Quality Check", "inspection"),
        ("S4", "Packaging", "packaging"),
        ("S5", "Welding Station", "welding"),
        ("S6", "Testing Station", "testing"),
    ]


def test_the_same_seed_and_day_give_the_same_events() -> None:
    again = list(sample_events(seed=1, until_us=THURSDAY_NOON, time_zone=BERLIN, days=14))

    assert again == events()
    assert events(seed=2) != events(seed=1)


def test_a_later_hour_of_the_same_day_only_adds_events() -> None:
    earlier, later = events(), events(THURSDAY_NOON + 5 * HOUR)

    assert len(later) > len(earlier)
    assert later[: len(earlier)] == earlier


@pytest.mark.parametrize("time_zone", ["UTC", BERLIN, "America/New_York", "Asia/Kolkata"])
def test_every_event_has_its_own_identity_and_they_come_in_order(time_zone: str) -> None:
    found = events(time_zone=time_zone)

    assert 20_000 <= len(found) <= 60_000
    assert len({tuple(event[field] for field in IDENTITY) for event in found}) == len(found)
    assert times(found) == sorted(times(found))


def test_two_weeks_end_just_before_the_moment_asked_for() -> None:
    at = times(events())

    assert parse_timestamp("2026-01-02T00:00:00+01:00") <= at[0] < parse_timestamp("2026-01-02T01:00:00+01:00")
    assert THURSDAY_NOON - 2 * MINUTE < at[-1] < THURSDAY_NOON


@pytest.mark.parametrize("hour", ["07:00", "12:00", "17:30", "21:00", "03:30"])
def test_somebody_is_seen_at_work_in_the_last_minutes_of_a_working_day_and_of_its_night(hour: str) -> None:
    until = parse_timestamp(f"2026-01-15T{hour}:00+01:00")

    recent = [event for event in events(until) if parse_timestamp(event["timestamp"]) > until - 10 * MINUTE]

    assert {"working", "idle"} & {event["event_type"] for event in recent}


def test_only_registered_workers_and_stations_are_named() -> None:
    workers, stations = sample_registry()

    assert {event["worker_id"] for event in events()} == {worker["worker_id"] for worker in workers}
    assert {event["workstation_id"] for event in events()} == {station["workstation_id"] for station in stations}
    assert all(0 <= event["confidence"] <= 1 for event in events())


def test_every_shift_that_is_over_ends_with_the_person_absent() -> None:
    last = {event["worker_id"]: event for event in events(parse_timestamp("2026-01-18T23:00:00Z"))}

    del last["W6"]  # whose night shift has begun
    assert {event["event_type"] for event in last.values()} == {"absent"}


def test_weekends_are_quieter_than_working_days() -> None:
    by_day = Counter(event["timestamp"][:10] for event in events(time_zone="UTC"))

    assert 0 < by_day["2026-01-10"] < by_day["2026-01-08"] / 2
    assert 0 < by_day["2026-01-11"] < by_day["2026-01-08"] / 2


def test_one_camera_is_silent_for_three_and_a_half_hours_of_a_shift() -> None:
    outage = parse_timestamp("2026-01-13T07:30:00+01:00")
    shifted = parse_timestamp("2026-01-13T15:30:00+01:00")
    at = times([event for event in events() if event["source_id"] == "cam-S1"])

    silent = [not any(start <= instant < start + 210 * MINUTE for instant in at) for start in (outage, shifted)]

    assert any(silent)


def test_a_jammed_station_makes_nothing_for_an_hour_while_somebody_waits_there() -> None:
    station = [event for event in events() if event["workstation_id"] == "S2" and event["timestamp"] >= "2026-01-14"]
    found = []
    for start in (parse_timestamp("2026-01-14T09:00:00+01:00"), parse_timestamp("2026-01-14T17:00:00+01:00")):
        hour = [event for event in station if start <= parse_timestamp(event["timestamp"]) < start + HOUR]
        found.append({event["event_type"] for event in hour})

    assert {"idle"} in found


def test_one_person_goes_home_ill_and_is_away_the_next_day() -> None:
    emma = [event for event in events(time_zone="UTC") if event["worker_id"] == "W5"]
    ill = [event for event in emma if event["timestamp"][:10] == "2026-01-08"]

    assert times(ill)[-1] - times(ill)[0] < 3 * HOUR
    assert ill[-1]["event_type"] == "absent"
    assert not [event for event in emma if event["timestamp"][:10] == "2026-01-09"]


@pytest.mark.parametrize("days", [1, 2, 3])
def test_short_samples_leave_out_what_does_not_fit(days: int) -> None:
    found = events(days=days)

    assert found
    assert times(found)[0] >= THURSDAY_NOON - days * DAY
