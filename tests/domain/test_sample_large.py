"""The large sample: a hundred people in three shifts, a bottleneck, dead cameras, leavings that nobody saw."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from factory.domain.sample.sample_data import sample_events, sample_registry
from factory.domain.sample.sample_roster import LARGE, Plant
from factory.domain.timestamp import DAY, parse_timestamp

FRIDAY_NOON = parse_timestamp("2026-11-27T11:00:00Z")


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return list(sample_events(seed=1, until_us=FRIDAY_NOON, time_zone="Europe/Berlin", plant=LARGE))


def test_a_hundred_people_work_at_32_stations_and_two_of_them_have_one_name(events: list[dict[str, Any]]) -> None:
    workers, stations = sample_registry(LARGE)
    names = Counter(worker["name"] for worker in workers)

    assert (len(workers), len(stations)) == (100, 32)
    assert sorted(names.values()) == [1] * 98 + [2]
    assert {event["worker_id"] for event in events} == {worker["worker_id"] for worker in workers}
    assert {event["workstation_id"] for event in events} == {station["workstation_id"] for station in stations}


def test_at_each_hour_of_a_working_day_people_work(events: list[dict[str, Any]]) -> None:
    working = Counter(
        event["timestamp"][:13]
        for event in events
        if event["event_type"] == "working" and event["timestamp"][:10] == "2026-11-25"
    )

    assert len(working) == 24
    assert min(working.values()) > 100


def test_one_station_makes_least_of_its_line_and_those_behind_it_wait(events: list[dict[str, Any]]) -> None:
    units, waits = Counter(), Counter()
    for event in events:
        units[event["workstation_id"]] += event.get("count", 0)
        waits[event["workstation_id"]] += event["event_type"] == "idle"
    line = [f"ST-0{number}" for number in range(1, 9)]

    assert min(line, key=lambda station: units[station]) == "ST-07"
    assert max(line, key=lambda station: waits[station]) == "ST-08"


def test_two_cameras_are_dead_to_the_end(events: list[dict[str, Any]]) -> None:
    last = {event["source_id"]: parse_timestamp(event["timestamp"]) for event in events}

    assert {source for source, at in last.items() if at < FRIDAY_NOON - DAY / 2} == {"cam-ST-11", "cam-ST-23"}


def test_one_in_five_leavings_is_not_seen() -> None:
    def leavings(plant: Plant) -> int:
        found = sample_events(seed=1, until_us=FRIDAY_NOON, time_zone="Europe/Berlin", days=2, plant=plant)
        return sum(event["event_type"] == "absent" for event in found)

    assert 0.75 < leavings(LARGE) / leavings(replace(LARGE, unseen=0.0)) < 0.85
