"""Hand-computed cases of section 4 of the specification: metrics over a window."""

from __future__ import annotations

import pytest
from tests.law.example import Factory, a_morning, absent, idle, made, working
from tests.reference import BadRequest


def test_the_fields_of_a_worker(factory: Factory) -> None:
    assert a_morning(factory).of("worker", "W1", "07:00", "12:00") == {
        "worker_id": "W1",
        "name": "W1",
        "total_active_time_hours": 2.5,
        "total_idle_time_hours": 0.5,
        "total_absent_time_hours": 0.5,
        "unknown_time_hours": 1.5,
        "utilization_percentage": 83.33,  # 2.5 / 3
        "utilization_lower_percentage": 55.56,  # 2.5 / 4.5
        "utilization_upper_percentage": 88.89,  # 4 / 4.5
        "coverage_percentage": 70.0,  # 3.5 / 5
        "total_units_produced": 7,
        "units_per_hour": 2.8,
        "event_count": 5,
    }


def test_the_fields_of_a_workstation(factory: Factory) -> None:
    data = a_morning(factory).of("workstation", "S1", "07:00", "12:00")
    assert {name: value for name, value in data.items() if name != "type"} == {
        "station_id": "S1",
        "workstation_id": "S1",
        "name": "S1",
        "occupancy_time_hours": 3.0,
        "productive_time_hours": 2.5,
        "utilization_percentage": 60.0,
        "productive_percentage": 83.33,
        "total_units_produced": 7,
        "throughput_rate": 2.33,
        "event_count": 5,
    }


def test_the_fields_of_the_factory(factory: Factory) -> None:
    answers = factory(
        working("08:00"), idle("09:00"), absent("09:30"), working("10:00"), made(7, "10:30"),
        idle("11:00", "W2", "S2"), made(3, "11:15", "W2", "S2"),
        workers=["W9"],
    )  # fmt: skip
    # W1: 2.5 active, 0.5 idle, 0.5 absent of 4 hours. W2: 1 idle. W9 is registered and was never seen.
    assert answers.of("factory") == {
        "total_productive_time_hours": 2.5,
        "total_idle_time_hours": 1.5,
        "total_absent_time_hours": 0.5,
        "unknown_time_hours": 3.5,
        "total_production_count": 10,
        "average_production_rate": 4.0,
        "average_utilization_percentage": 41.67,  # (83.33… + 0) / 2
        "pooled_utilization_percentage": 62.5,  # 2.5 / 4
        "pooled_utilization_lower_percentage": 33.33,  # 2.5 / 7.5
        "pooled_utilization_upper_percentage": 80.0,  # 6 / 7.5
        "coverage_percentage": 56.25,  # (3.5 + 1) / (2 * 4)
        "worker_count": 3,
        "station_count": 2,
        "active_worker_count": 2,
        "active_station_count": 2,
        "total_events": 7,
    }


def test_windows_are_half_open_and_carry_the_state_in(factory: Factory) -> None:
    answers = a_morning(factory)
    data = answers.of("worker", "W1", "08:30", "09:00")
    assert (data["total_active_time_hours"], data["event_count"]) == (0.5, 0)
    data = answers.of("worker", "W1", "09:00", "09:30")
    assert (data["total_idle_time_hours"], data["total_absent_time_hours"], data["event_count"]) == (0.5, 0, 1)
    assert answers.of("worker", "W1", "10:30", "10:30:00.000001")["total_units_produced"] == 7


def test_a_state_of_forty_days_ago_is_carried_in(factory: Factory) -> None:
    answers = factory(absent("2025-12-06T08:00:00Z"), working("2025-12-06T08:00:00Z", "W2"), timeout=0)
    assert answers.of("worker", "W1", "10:00", "11:00")["total_absent_time_hours"] == 1.0
    assert answers.of("worker", "W2", "10:00", "11:00")["total_active_time_hours"] == 1.0
    assert answers.of("factory", None, "10:00", "11:00")["coverage_percentage"] == 100.0


def test_the_window_begins_at_the_first_event_and_is_cut_at_now(factory: Factory) -> None:
    window = a_morning(factory, time_zone="Europe/Berlin").window(None, "2026-02-01T00:00:00Z")
    version = window.pop("definitions_version")
    assert isinstance(version, int)
    assert window == {
        "from": "2026-01-15T08:00:00Z",
        "to": "2026-01-15T12:00:00Z",
        "elapsed_hours": 4.0,
        "evaluated_at": "2026-01-15T12:00:00Z",
        "time_zone": "Europe/Berlin",
        "state_timeout_seconds": 3600,
    }


def test_events_of_the_next_minutes_wait_for_their_time(factory: Factory) -> None:
    answers = factory(working("11:00"), idle("12:04"), made(9, "12:05", "W2"))
    assert answers.of("worker", "W1")["total_active_time_hours"] == 1.0
    factory_data = answers.of("factory")
    assert (factory_data["worker_count"], factory_data["total_events"]) == (2, 1)
    assert factory_data["total_production_count"] == 0
    assert answers.of("factory", None, None, "13:00")["total_events"] == 1


def test_from_after_to_is_an_error(factory: Factory) -> None:
    with pytest.raises(BadRequest):
        a_morning(factory).of("factory", None, "10:00", "09:59:59.999999")


@pytest.mark.parametrize("window", [("09:00", "09:00"), ("13:00", "14:00"), ("13:00", None), (None, "07:00")])
def test_an_empty_window_has_zero_times_and_null_ratios(factory: Factory, window: tuple[str, str]) -> None:
    answers = a_morning(factory)
    worker, whole = answers.of("worker", "W1", *window), answers.of("factory", None, *window)
    assert {worker[name] for name in worker if name.endswith("_hours")} == {0.0}
    assert {worker[name] for name in worker if name.endswith(("_percentage", "_per_hour"))} == {None}
    assert (worker["event_count"], worker["total_units_produced"]) == (0, 0)
    assert {whole[name] for name in whole if name.endswith(("_percentage", "_rate"))} == {None}
    assert (whole["total_events"], whole["active_worker_count"], whole["worker_count"]) == (0, 0, 1)
    described = answers.window(*window)
    assert described["elapsed_hours"] == 0
    assert described["from"] == described["to"]
    assert answers.intervals("worker", "W1", *window) == []


def test_a_factory_without_events_is_empty(factory: Factory) -> None:
    answers = factory(workers=["W1"])
    assert answers.window()["elapsed_hours"] == 0
    assert answers.of("worker", "W1")["utilization_percentage"] is None
    assert answers.of("factory")["coverage_percentage"] is None
    assert answers.of("worker", "W1", "10:00", "11:00")["unknown_time_hours"] == 1.0
    assert answers.of("worker", "W1", "10:00", "11:00")["coverage_percentage"] == 0.0


def test_hours_have_four_decimals_and_round_half_to_even(factory: Factory) -> None:
    # 0.18 s is 0.00005 h, 0.54 s is 0.00015 h: halves go to the even neighbour
    answers = factory(working("08:00"), idle("08:00:00.180"), absent("08:00:00.720"), timeout=0)
    data = answers.of("worker", "W1", "08:00", "08:00:01")
    assert (data["total_active_time_hours"], data["total_idle_time_hours"]) == (0.0, 0.0002)
    assert data["utilization_percentage"] == 25.0  # of the exact times, not of the rounded ones


def test_percentages_have_two_decimals_and_round_half_to_even(factory: Factory) -> None:
    # 1/16000 is 0.00625 %, 3/16000 is 0.01875 %; 1/800 is 0.125 %, 3/800 is 0.375 %
    answers = factory(working("08:00"), idle("08:00:01"), timeout=0)
    assert answers.of("worker", "W1", "08:00", "08:13:20")["utilization_percentage"] == 0.12
    answers = factory(working("08:00"), idle("08:00:03"), timeout=0)
    assert answers.of("worker", "W1", "08:00", "08:13:20")["utilization_percentage"] == 0.38


def test_rates_round_half_to_even_and_divide_by_active_time(factory: Factory) -> None:
    # 1 unit in 8 hours is 0.125 an hour
    answers = factory(working("2026-01-15T00:00:00Z"), made(1, "01:00", "W1"), timeout=0)
    assert answers.of("worker", "W1", "00:00", "08:00")["units_per_hour"] == 0.12
    assert answers.of("workstation", "S1", "00:00", "08:00")["throughput_rate"] == 0.12


def test_units_of_the_idle_and_the_unknown_count_and_have_no_rate(factory: Factory) -> None:
    answers = factory(idle("08:00"), made(2, "08:10"), made(5, "11:00"))
    data = answers.of("worker", "W1")
    assert (data["total_units_produced"], data["units_per_hour"], data["utilization_percentage"]) == (7, None, 0.0)
    assert answers.of("factory")["average_production_rate"] is None


def test_coverage_leaves_out_who_went_home_and_counts_who_fell_silent(factory: Factory) -> None:
    answers = factory(
        working("08:00", "W1"), absent("09:00", "W1"),  # went home
        working("08:00", "W2"),  # fell silent at 09:00
        made(1, "08:00", "W3"),  # was never in a state
        working("10:30", "W4"),
        workers=["W5"],
    )  # fmt: skip
    # 10:00 to 11:00: expected are W2 (nothing known) and W4 (half of it)
    assert answers.of("factory", None, "10:00", "11:00")["coverage_percentage"] == 25.0
    # At 08:00 to 10:00: W1 (2 h), W2 (1 h), W3 (0 h) of 6 h
    assert answers.of("factory", None, "08:00", "10:00")["coverage_percentage"] == 50.0


def test_the_times_of_the_factory_leave_out_who_is_not_expected(factory: Factory) -> None:
    answers = factory(
        absent("08:00", "W1"),  # is at home
        working("09:30", "W2"), absent("10:15", "W2"),  # goes home
        made(1, "08:00", "W3"),  # was never in a state
        idle("09:45", "W4"),  # falls silent at 10:45
        workers=["W5"],
    )  # fmt: skip
    data = answers.of("factory", None, "10:00", "11:00")
    times = ("total_productive_time_hours", "total_idle_time_hours", "total_absent_time_hours", "unknown_time_hours")
    assert [data[name] for name in times] == [0.25, 0.75, 0.75, 0.25]
    bounds = ("pooled_utilization_lower_percentage", "pooled_utilization_upper_percentage", "coverage_percentage")
    assert [data[name] for name in bounds] == [20.0, 40.0, 87.5]
    nobody = answers.of("factory", None, "07:00", "08:00")
    assert [nobody[name] for name in (*times, *bounds)] == [0, 0, 0, 0, None, None, None]


def test_who_is_absent_and_counted_in_the_window_is_expected(factory: Factory) -> None:
    answers = factory(absent("08:00", "W1"), made(1, "10:15", "W1"), working("08:00", "W2"))
    assert answers.of("factory", None, "10:00", "11:00")["coverage_percentage"] == 50.0


def test_the_tie_before_the_window_decides_who_is_expected(factory: Factory) -> None:
    answers = factory(absent("08:00", confidence=0.1), idle("08:00", confidence=0.2))
    assert answers.of("factory", None, "10:00", "11:00")["coverage_percentage"] == 0.0
    answers = factory(absent("08:00", confidence=0.2), idle("08:00", confidence=0.1))
    assert answers.of("factory", None, "10:00", "11:00")["coverage_percentage"] is None
