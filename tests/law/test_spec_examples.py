"""Hand-computed cases of section 3 of the specification: from events to states."""

from __future__ import annotations

import pytest
from tests.law.example import Factory, Told, absent, idle, made, says, working


def test_a_state_lasts_the_timeout_and_then_is_unknown(factory: Factory) -> None:
    answers = factory(working("08:00"), idle("10:00"))
    assert answers.intervals("worker", "W1") == [
        ("08:00", "09:00", "working", "S1"),
        ("09:00", "10:00", "unknown", None),
        ("10:00", "11:00", "idle", "S1"),
        ("11:00", "12:00", "unknown", None),
    ]


def test_absence_lasts_until_the_next_state_event(factory: Factory) -> None:
    answers = factory(absent("08:00"), working("11:30"))
    assert answers.intervals("worker", "W1") == [
        ("08:00", "11:30", "absent", "S1"),
        ("11:30", "12:00", "working", "S1"),
    ]


def test_a_timeout_of_zero_is_no_limit(factory: Factory) -> None:
    assert factory(working("08:00"), timeout=0).of("worker", "W1")["total_active_time_hours"] == 4.0


@pytest.mark.parametrize("kind", ["working", "idle"])
def test_a_product_count_within_the_known_time_extends_it(factory: Factory, kind: str) -> None:
    answers = factory(says(kind, "08:00"), made(1, "08:50"), made(0, "09:40", station="S2"))
    assert answers.intervals("worker", "W1")[0] == ("08:00", "10:40", kind, "S1")


def test_a_product_count_at_known_until_extends_nothing(factory: Factory) -> None:
    answers = factory(working("08:00"), made(1, "09:00"))
    assert answers.intervals("worker", "W1")[0] == ("08:00", "09:00", "working", "S1")


def test_a_product_count_a_microsecond_before_known_until_extends(factory: Factory) -> None:
    answers = factory(working("08:00"), made(1, "08:59:59.999999"))
    assert answers.intervals("worker", "W1")[0] == ("08:00", "09:59:59.999999", "working", "S1")


def test_a_product_count_while_absent_or_unknown_changes_no_state(factory: Factory) -> None:
    answers = factory(made(2, "08:00"), absent("09:00"), made(3, "09:30"))
    assert answers.intervals("worker", "W1") == [
        ("08:00", "09:00", "unknown", None),
        ("09:00", "12:00", "absent", "S1"),
    ]
    assert answers.of("worker", "W1")["total_units_produced"] == 5


def test_a_product_count_does_not_revive_a_state_that_ended(factory: Factory) -> None:
    answers = factory(working("08:00"), made(1, "09:30"), made(1, "09:40"))
    assert answers.of("worker", "W1")["total_active_time_hours"] == 1.0


def test_a_product_count_at_the_instant_of_a_state_event_comes_after_it(factory: Factory) -> None:
    answers = factory(working("08:00"), made(1, "09:00"), idle("09:00"))
    assert answers.intervals("worker", "W1")[:2] == [
        ("08:00", "09:00", "working", "S1"),
        ("09:00", "10:00", "idle", "S1"),
    ]
    answers = factory(absent("08:00"), made(1, "09:00"), working("09:00"), timeout=60)
    assert answers.of("worker", "W1")["total_active_time_hours"] == 0.0167


@pytest.mark.parametrize(
    ("wins", "loses"),
    [
        (absent("08:00", confidence=0.9), working("08:00", confidence=0.8)),
        (absent("08:00", confidence=0.30000000000000004), working("08:00", confidence=0.3)),
        (absent("08:00", confidence=0), working("08:00")),
        (working("08:00", confidence=1), idle("08:00", confidence=1.0)),
        (working("08:00", station="S2"), idle("08:00", station="S1")),
        (idle("08:00", station="S2"), absent("08:00", station="S1")),
        (idle("08:00", station="S1"), idle("08:00", station="S2")),
        (idle("08:00", station="S10"), idle("08:00", station="S2")),
        (idle("08:00", station="Z"), idle("08:00", station="a")),
    ],
)
def test_of_several_state_events_at_one_instant_one_counts(factory: Factory, wins: Told, loses: Told) -> None:
    for order in ((wins, loses), (loses, wins)):
        first = factory(*order).intervals("worker", "W1")[0]
        assert first[2:] == (wins["event_type"], wins["workstation_id"])


@pytest.mark.parametrize(
    ("wins", "loses"),
    [
        ({}, {"source_id": "A"}),
        ({"source_id": "A"}, {"source_id": "a"}),
        ({"source_id": "a", "event_id": "9"}, {"source_id": "b", "event_id": "1"}),
        ({}, {"event_id": "1"}),
        ({"event_id": "10"}, {"event_id": "9"}),
        ({"event_id": "\uffee"}, {"event_id": "\U0001f600"}),
    ],
)
def test_the_last_ties_fall_to_the_smaller_source_and_event_id(factory: Factory, wins: Told, loses: Told) -> None:
    answers = factory(working("08:00", **loses), working("08:00", **wins))
    event = answers.get("intervals", "worker", "W1", {})["data"][0]["event"]
    assert {name: event.get(name) for name in ("source_id", "event_id")} == {
        "source_id": None,
        "event_id": None,
        **wins,
    }


def test_touching_intervals_of_equal_state_and_workstation_are_one(factory: Factory) -> None:
    answers = factory(
        working("08:00", event_id="first"), working("08:30"), working("09:30"), working("10:00", station="S2")
    )
    assert answers.intervals("worker", "W1")[:2] == [
        ("08:00", "10:00", "working", "S1"),
        ("10:00", "11:00", "working", "S2"),
    ]
    assert answers.get("intervals", "worker", "W1", {})["data"][0]["event"]["event_id"] == "first"


def test_equal_states_with_silence_between_stay_apart(factory: Factory) -> None:
    answers = factory(working("08:00"), working("09:00:00.000001"))
    assert [row[2] for row in answers.intervals("worker", "W1")] == ["working", "unknown", "working", "unknown"]


def test_the_last_interval_grows_with_now_until_it_is_unknown(factory: Factory) -> None:
    assert factory(working("11:30")).intervals("worker", "W1") == [("11:30", "12:00", "working", "S1")]
    later = factory(working("11:30"), now="13:00").intervals("worker", "W1")
    assert later == [("11:30", "12:30", "working", "S1"), ("12:30", "13:00", "unknown", None)]


def test_two_workers_at_one_station_do_not_count_twice(factory: Factory) -> None:
    answers = factory(working("08:00", "W1"), working("08:30", "W2"), idle("09:30", "W2"))
    station = answers.of("workstation", "S1")
    assert station["occupancy_time_hours"] == 2.5  # 08:00 to 10:30
    assert station["productive_time_hours"] == 1.5  # 08:00 to 09:30
    assert station["utilization_percentage"] == 62.5
    assert station["productive_percentage"] == 60.0


def test_who_is_absent_does_not_occupy_the_station(factory: Factory) -> None:
    answers = factory(absent("08:00"))
    assert answers.intervals("workstation", "S1") == [("08:00", "12:00", "free", [])]


def test_units_belong_to_the_worker_and_the_station_that_the_count_names(factory: Factory) -> None:
    answers = factory(working("08:00", "W1", "S1"), made(4, "08:30", "W1", "S2"), says("product_count", "08:31"))
    assert answers.of("worker", "W1")["total_units_produced"] == 5  # a count that is missing is one unit
    assert answers.of("workstation", "S2")["total_units_produced"] == 4
    assert answers.of("workstation", "S1")["total_units_produced"] == 1
    assert answers.of("workstation", "S2")["throughput_rate"] is None
