"""Hand-computed cases of section 4 of the specification: series and intervals."""

from __future__ import annotations

import pytest
from tests.law.example import Factory, a_morning, absent, at, idle, made, short, working
from tests.law.served import between
from tests.reference import BadRequest, instant


def test_buckets_are_cut_to_the_window_and_add_up(factory: Factory) -> None:
    answers = a_morning(factory)
    assert answers.series("total_productive_time_hours", "hour", "07:30", "10:15") == [
        ("07:30", "08:00", 0.0),
        ("08:00", "09:00", 1.0),
        ("09:00", "10:00", 0.0),
        ("10:00", "10:15", 0.25),
    ]
    assert answers.series("event_count", "15m", "10:29", "10:31", "worker", "W1") == [
        ("10:29", "10:30", 0),
        ("10:30", "10:31", 1),
    ]
    assert answers.series("utilization_percentage", "hour", "08:00", "10:00", "worker", "W1") == [
        ("08:00", "09:00", 100.0),
        ("09:00", "10:00", 0.0),
    ]


@pytest.mark.parametrize(("entity", "entity_id"), [("factory", None), ("worker", "W1"), ("workstation", "S1")])
def test_what_begins_on_the_last_day_of_a_month_stands_on_that_day(
    factory: Factory, entity: str, entity_id: str | None
) -> None:
    answers = factory(working("2025-12-31T10:00:00Z"), made(3, "2025-12-31T10:15:00Z"), timeout=1800)
    units = "total_production_count" if entity == "factory" else "total_units_produced"
    times = {"worker": "total_active_time_hours", "workstation": "occupancy_time_hours"}
    for metric, value in ((units, 3), (times.get(entity, "total_productive_time_hours"), 0.75)):
        rows = answers.series(metric, "day", "2025-11-20T00:00:00Z", "2026-01-10T00:00:00Z", entity, entity_id)
        assert [(start, said) for start, _, said in rows if said] == [(short("2025-12-31T00:00:00Z"), value)]


def test_a_bucket_without_a_denominator_is_null(factory: Factory) -> None:
    assert a_morning(factory).series("units_per_hour", "day", "07:00", "08:00", "worker", "W1") == [
        ("07:00", "08:00", None)
    ]


@pytest.mark.parametrize(
    ("zone", "start", "end", "hours"),
    [
        ("Europe/Berlin", "2025-03-28T23:00:00Z", "2025-03-30T22:00:00Z", [24, 23]),
        ("Europe/Berlin", "2025-10-24T22:00:00Z", "2025-10-26T23:00:00Z", [24, 25]),
        ("America/New_York", "2025-03-08T05:00:00Z", "2025-03-10T04:00:00Z", [24, 23]),
        ("America/New_York", "2025-11-01T04:00:00Z", "2025-11-03T05:00:00Z", [24, 25]),
        ("America/Havana", "2025-03-08T05:00:00Z", "2025-03-10T04:00:00Z", [24, 23]),  # midnight is skipped
        ("America/Havana", "2025-11-01T04:00:00Z", "2025-11-03T05:00:00Z", [24, 25]),  # midnight comes twice
        ("Asia/Kolkata", "2025-06-29T18:30:00Z", "2025-07-01T18:30:00Z", [24, 24]),
    ],
)
def test_days_begin_at_local_midnight(factory: Factory, zone: str, start: str, end: str, hours: list[int]) -> None:
    answers = factory(absent("2025-01-01T00:00:00Z"), time_zone=zone)
    rows = answers.series("total_absent_time_hours", "day", start, end, "worker", "W1")
    assert [value for _, _, value in rows] == hours
    assert (rows[0][0], rows[-1][1]) == (short(start), short(end))


def test_hours_count_from_local_midnight_in_elapsed_time(factory: Factory) -> None:
    # Lord Howe, 5 October 2025: at 02:00 (+10:30) the clock goes to 02:30 (+11:00); the day has 23.5 hours
    answers = factory(absent("2025-01-01T00:00:00Z"), time_zone="Australia/Lord_Howe")
    rows = answers.series(
        "total_absent_time_hours", "hour", "2025-10-04T13:30:00Z", "2025-10-05T14:00:00Z", "worker", "W1"
    )
    assert [value for _, _, value in rows] == [1.0] * 23 + [0.5] + [1.0]
    assert [start for start, _, _ in rows[22:]] == ["2025-10-05T11:30", "2025-10-05T12:30", "2025-10-05T13:00"]


def test_weeks_begin_on_monday_and_months_on_the_first(factory: Factory) -> None:
    answers = factory(absent("2025-01-01T00:00:00Z"), time_zone="Europe/Berlin")
    weeks = answers.series("total_events", "week", "2025-12-27T12:00:00Z", "2026-01-06T00:00:00Z")
    assert [start for start, _, _ in weeks] == ["2025-12-27T12:00", "2025-12-28T23:00", "2026-01-04T23:00"]
    months = answers.series("total_events", "month", "2025-12-27T12:00:00Z", "2026-01-06T00:00:00Z")
    assert [start for start, _, _ in months] == ["2025-12-27T12:00", "2025-12-31T23:00"]


def test_ten_thousand_buckets_are_the_limit(factory: Factory) -> None:
    answers = factory(absent("2025-01-01T00:00:00Z"))
    start, limit = "2025-05-01T00:00:00Z", "2025-08-13T04:00:00Z"  # 104 days and 4 hours: 10,000 quarters
    assert len(answers.series("total_events", "15m", start, limit)) == 10_000
    with pytest.raises(BadRequest):
        answers.series("total_events", "15m", start, "2025-08-13T04:00:00.000001Z")


def test_an_empty_window_has_no_buckets(factory: Factory) -> None:
    assert a_morning(factory).series("total_events", "hour", "09:00", "09:00") == []


def test_a_workers_intervals_are_cut_to_the_window(factory: Factory) -> None:
    answers = a_morning(factory)
    assert answers.intervals("worker", "W1", "07:00", "10:15") == [
        ("07:00", "08:00", "unknown", None),
        ("08:00", "09:00", "working", "S1"),
        ("09:00", "09:30", "idle", "S1"),
        ("09:30", "10:00", "absent", "S1"),
        ("10:00", "10:15", "working", "S1"),
    ]


def test_an_interval_shows_the_event_that_opened_it_and_its_length(factory: Factory) -> None:
    answers = factory(working("08:00", source_id="cam-1", confidence=0.5, event_id="e", model_version="v1"))
    rows = answers.get("intervals", "worker", "W1", between((instant(at("08:30")), instant(at("10:00:00.5")))))["data"]
    assert [row["duration_seconds"] for row in rows] == [1800.0, 3600.5]
    expected = working("08:00", source_id="cam-1", confidence=0.5, event_id="e", model_version="v1")
    assert {name: rows[0]["event"][name] for name in expected} == expected
    assert (rows[1]["event"], rows[1]["workstation_id"]) == (None, None)


def test_a_stations_stretches_name_all_who_were_there(factory: Factory) -> None:
    answers = factory(
        working("08:00", "W1"), working("08:30", "W2"), idle("09:00", "W1"), absent("09:15", "W1"), idle("09:30", "W2"),
    )  # fmt: skip
    assert answers.intervals("workstation", "S1", "07:30", "12:00") == [
        ("07:30", "08:00", "free", []),
        ("08:00", "09:30", "productive", ["W1", "W2"]),
        ("09:30", "10:30", "occupied", ["W2"]),
        ("10:30", "12:00", "free", []),
    ]
