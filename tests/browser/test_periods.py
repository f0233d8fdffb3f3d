"""The periods that can be chosen, and local times as instants, in several time zones and over clock changes."""

from __future__ import annotations

from typing import Any

import pytest

EARLY = {"name": "Early", "start": "06:00", "end": "14:00"}
LATE = {"name": "Late", "start": "14:00", "end": "22:00"}
NIGHT = {"name": "Night", "start": "22:00", "end": "06:00"}
LONG = {"name": "Long", "start": "10:00", "end": "18:00"}
SMALL_HOURS = {"name": "Small hours", "start": "02:30", "end": "10:00"}

RESOLVE = """async ([chosen, site, now]) => {
  const { resolvePeriod } = await import("/lib/periods.js");
  const { from, to, live, before, shift } = resolvePeriod(chosen, site, Date.parse(now));
  const iso = (at) => new Date(at).toISOString().replace(":00.000Z", "");
  return [iso(from), iso(to), live, iso(before.from), iso(before.to), shift?.name ?? null];
}"""
ZONE = """async ([name, at, zone, steps]) => {
  const zones = await import("/lib/zone.js");
  return new Date(zones[name](Date.parse(at), zone, steps)).toISOString().replace(":00.000Z", "");
}"""
INSTANT = """async ([clock, zone]) => {
  const { instantOf } = await import("/lib/zone.js");
  const [year, month, day, hour, minute] = clock.split(/\\D/).map(Number);
  return new Date(instantOf({ year, month, day, hour, minute }, zone)).toISOString().replace(":00.000Z", "");
}"""


def resolve(modules: Any, now: str, window: str, zone: str, *shifts: dict[str, str], **bounds: str) -> list[Any]:
    """From, to, whether it lasts, from and to of the period before, and the name of the shift."""
    chosen = {"window": window, **{name: f"{at}Z" for name, at in bounds.items()}}
    found: list[Any] = modules.evaluate(RESOLVE, [chosen, {"time_zone": zone, "shifts": shifts}, f"{now}:00Z"])
    return found


@pytest.mark.parametrize(
    ("now", "window", "zone", "expected"),
    [
        # the day on which clocks go forward is compared with as much of the day before
        (
            "2026-03-29T10:00",
            "today",
            "Europe/Berlin",
            ["2026-03-28T23:00", "2026-03-29T10:00", True, "2026-03-27T23:00", "2026-03-28T10:00"],
        ),
        (
            "2026-03-30T10:00",
            "yesterday",
            "Europe/Berlin",
            ["2026-03-28T23:00", "2026-03-29T22:00", False, "2026-03-27T23:00", "2026-03-28T23:00"],
        ),
        (
            "2026-01-15T18:29",
            "today",
            "Asia/Kolkata",
            ["2026-01-14T18:30", "2026-01-15T18:29", True, "2026-01-13T18:30", "2026-01-14T18:29"],
        ),
        (
            "2026-01-15T18:31",
            "yesterday",
            "Asia/Kolkata",
            ["2026-01-14T18:30", "2026-01-15T18:30", False, "2026-01-13T18:30", "2026-01-14T18:30"],
        ),
        # 24 hours are 24 hours, whatever the clocks do
        (
            "2026-03-29T10:00",
            "24h",
            "Europe/Berlin",
            ["2026-03-28T10:00", "2026-03-29T10:00", True, "2026-03-27T10:00", "2026-03-28T10:00"],
        ),
        # a week begins on Monday, and Sunday's last minute belongs to it
        (
            "2026-03-31T10:00",
            "week",
            "Europe/Berlin",
            ["2026-03-29T22:00", "2026-03-31T10:00", True, "2026-03-22T23:00", "2026-03-24T11:00"],
        ),
        (
            "2026-03-29T21:59",
            "week",
            "Europe/Berlin",
            ["2026-03-22T23:00", "2026-03-29T21:59", True, "2026-03-15T23:00", "2026-03-22T21:59"],
        ),
        (
            "2026-11-02T04:59",
            "week",
            "America/New_York",
            ["2026-10-26T04:00", "2026-11-02T04:59", True, "2026-10-19T04:00", "2026-10-26T04:00"],
        ),
    ],
)
def test_days_and_weeks_are_those_of_the_factorys_clock(
    modules: Any, now: str, window: str, zone: str, expected: list[Any]
) -> None:
    assert resolve(modules, now, window, zone) == [*expected, None]


@pytest.mark.parametrize(
    ("now", "zone", "shifts", "expected"),
    [
        # over midnight: the night shift is the one of the evening before
        (
            "2026-11-24T02:00",
            "UTC",
            (EARLY, LATE, NIGHT),
            ["2026-11-23T22:00", "2026-11-24T02:00", True, "2026-11-22T22:00", "2026-11-23T02:00", "Night"],
        ),
        (
            "2026-11-24T22:01",
            "UTC",
            (EARLY, LATE, NIGHT),
            ["2026-11-24T22:00", "2026-11-24T22:01", True, "2026-11-23T22:00", "2026-11-23T22:01", "Night"],
        ),
        # the end of one is the beginning of the next
        (
            "2026-11-24T14:00",
            "UTC",
            (EARLY, LATE, NIGHT),
            ["2026-11-24T14:00", "2026-11-24T14:00", True, "2026-11-23T14:00", "2026-11-23T14:00", "Late"],
        ),
        # between shifts: the last to begin, whole
        (
            "2026-11-24T20:00",
            "UTC",
            (EARLY,),
            ["2026-11-24T06:00", "2026-11-24T14:00", False, "2026-11-23T06:00", "2026-11-23T14:00", "Early"],
        ),
        (
            "2026-11-24T05:59",
            "UTC",
            (EARLY, LATE),
            ["2026-11-23T14:00", "2026-11-23T22:00", False, "2026-11-22T14:00", "2026-11-22T22:00", "Late"],
        ),
        # two at once: the last to begin, and a running one rather than one that is over
        (
            "2026-11-24T12:00",
            "UTC",
            (EARLY, LONG),
            ["2026-11-24T10:00", "2026-11-24T12:00", True, "2026-11-23T10:00", "2026-11-23T12:00", "Long"],
        ),
        (
            "2026-11-24T12:00",
            "UTC",
            ({"name": "Short", "start": "11:00", "end": "11:30"}, LONG),
            ["2026-11-24T10:00", "2026-11-24T12:00", True, "2026-11-23T10:00", "2026-11-23T12:00", "Long"],
        ),
        # the night on which clocks go forward has an hour less, the one on which they go back an hour more
        (
            "2026-03-29T04:30",
            "Europe/Berlin",
            (NIGHT,),
            ["2026-03-28T21:00", "2026-03-29T04:00", False, "2026-03-27T21:00", "2026-03-28T04:00", "Night"],
        ),
        (
            "2026-10-25T05:30",
            "Europe/Berlin",
            (NIGHT,),
            ["2026-10-24T20:00", "2026-10-25T05:00", False, "2026-10-23T20:00", "2026-10-24T05:00", "Night"],
        ),
        # a beginning that is skipped is at the change, one that is repeated is the first
        (
            "2026-03-29T10:00",
            "Europe/Berlin",
            (SMALL_HOURS,),
            ["2026-03-29T01:00", "2026-03-29T08:00", False, "2026-03-28T01:30", "2026-03-28T08:30", "Small hours"],
        ),
        (
            "2026-10-25T12:00",
            "Europe/Berlin",
            (SMALL_HOURS,),
            ["2026-10-25T00:30", "2026-10-25T09:00", False, "2026-10-24T00:30", "2026-10-24T09:00", "Small hours"],
        ),
        # without shifts: the last 24 hours
        (
            "2026-11-24T12:00",
            "UTC",
            (),
            ["2026-11-23T12:00", "2026-11-24T12:00", True, "2026-11-22T12:00", "2026-11-23T12:00", None],
        ),
    ],
)
def test_the_shift_is_the_one_that_is_on_or_was_the_last_to_begin(
    modules: Any, now: str, zone: str, shifts: tuple[dict[str, str], ...], expected: list[Any]
) -> None:
    assert resolve(modules, now, "shift", zone, *shifts) == expected


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        (
            {"from": "2026-11-01T00:00", "to": "2026-11-03T00:00"},
            ["2026-11-01T00:00", "2026-11-03T00:00", False, "2026-10-30T00:00", "2026-11-01T00:00"],
        ),
        (
            {"from": "2026-11-24T00:00", "to": "2026-11-25T00:00"},
            ["2026-11-24T00:00", "2026-11-24T12:00", True, "2026-11-23T12:00", "2026-11-24T00:00"],
        ),
        (
            {"from": "2026-11-20T12:00"},
            ["2026-11-20T12:00", "2026-11-24T12:00", True, "2026-11-16T12:00", "2026-11-20T12:00"],
        ),
        ({}, ["2026-11-23T12:00", "2026-11-24T12:00", True, "2026-11-22T12:00", "2026-11-23T12:00"]),
    ],
)
def test_ones_own_period_ends_now_at_the_latest(modules: Any, bounds: dict[str, str], expected: list[Any]) -> None:
    found = resolve(modules, "2026-11-24T12:00", "custom", "UTC", **bounds)

    assert found == [*expected, None]


@pytest.mark.parametrize(
    ("now", "zone", "days", "midnight"),
    [
        ("2026-03-29T10:00Z", "Europe/Berlin", 0, "2026-03-28T23:00"),
        ("2026-03-29T10:00Z", "Europe/Berlin", 1, "2026-03-29T22:00"),
        ("2026-10-25T22:30Z", "Europe/Berlin", 0, "2026-10-24T22:00"),
        ("2026-11-01T20:00Z", "America/New_York", 0, "2026-11-01T04:00"),
        ("2026-01-15T20:00Z", "Asia/Kolkata", 0, "2026-01-15T18:30"),
        ("2026-10-04T12:00Z", "Australia/Lord_Howe", 0, "2026-10-03T13:30"),
        ("2026-10-04T12:00Z", "Australia/Lord_Howe", 1, "2026-10-04T13:00"),
        ("2026-09-06T15:00Z", "America/Santiago", 0, "2026-09-06T04:00"),  # midnight itself is skipped
        ("2026-03-01T00:30Z", "Pacific/Kiritimati", -1, "2026-02-27T10:00"),
    ],
)
def test_the_local_day_begins_at_local_midnight_also_on_days_of_clock_changes(
    modules: Any, now: str, zone: str, days: int, midnight: str
) -> None:
    assert modules.evaluate(ZONE, ["localMidnight", now, zone, days]) == midnight


@pytest.mark.parametrize(
    ("clock", "zone", "instant"),
    [
        ("2026-07-01 12:00", "Europe/Berlin", "2026-07-01T10:00"),
        ("2026-03-29 01:59", "Europe/Berlin", "2026-03-29T00:59"),
        ("2026-03-29 02:30", "Europe/Berlin", "2026-03-29T01:00"),
        ("2026-03-29 03:00", "Europe/Berlin", "2026-03-29T01:00"),
        ("2026-10-25 02:30", "Europe/Berlin", "2026-10-25T00:30"),
        ("2026-10-25 03:00", "Europe/Berlin", "2026-10-25T02:00"),
        ("2026-11-01 01:30", "America/New_York", "2026-11-01T05:30"),
        ("2026-02-29 00:00", "UTC", "2026-03-01T00:00"),
    ],
)
def test_a_skipped_time_is_at_the_change_and_a_repeated_one_is_the_first(
    modules: Any, clock: str, zone: str, instant: str
) -> None:
    assert modules.evaluate(INSTANT, [clock, zone]) == instant


@pytest.mark.parametrize(
    ("hours", "bucket"),
    [(4, "15m"), (5, "hour"), (8 * 24, "hour"), (9 * 24, "day"), (370 * 24, "day"), (371 * 24, "week")],
)
def test_a_longer_period_is_drawn_in_longer_buckets(modules: Any, hours: int, bucket: str) -> None:
    find = 'async (to) => (await import("/lib/periods.js")).bucketOf({ from: 0, to })'

    assert modules.evaluate(find, hours * 3_600_000) == bucket
