"""The calendar of the sample: on each day and at each hour it holds what the tests of the page look for."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from tests.browser.sample import days_before, period

from factory.domain.sample.sample_data import sample_events
from factory.domain.sample.sample_roster import SMALL
from factory.domain.timestamp import to_us
from factory.operations.registry.seed_demo import SAMPLE_SEED

UTC = ZoneInfo("UTC")
FIRST = datetime(2026, 11, 30, tzinfo=timezone.utc)  # a Monday
DAY = timedelta(days=1)
SAMPLE_DAYS = 14
TWO_YEARS = [FIRST + n * DAY for n in range(2 * 366)]
HOURS_OF_A_FORTNIGHT = [FIRST + timedelta(hours=n) for n in range(2 * 7 * 24)]
"""The two teams change weekly, so a week has another beside it."""


def begin_work(day: date) -> set[str]:
    """Return the workers who begin a shift on this day."""
    return {person.worker_id for person in SMALL.people if SMALL.shift_of(person, day, UTC) is not None}


def test_on_each_day_of_two_years_everybody_works_on_the_last_two_days_of_the_period() -> None:
    everybody = {person.worker_id for person in SMALL.people}
    by_night = {person.worker_id for person in SMALL.people if person.team == "night"}

    for now in TWO_YEARS:
        _, end = days_before(now, 2)
        last_two = [begin_work((end - back * DAY).date()) for back in (1, 2)]
        assert all(everybody - by_night <= workers for workers in last_two), now
        assert by_night <= last_two[0] | last_two[1], now


def test_at_each_hour_the_period_is_over_and_the_sample_holds_it() -> None:
    for now in HOURS_OF_A_FORTNIGHT:
        first_of_the_sample = now.replace(hour=0) - (SAMPLE_DAYS - 1) * DAY
        for days in (1, 2, 10):
            start, end = days_before(now, days)
            assert first_of_the_sample <= start, now
            assert (end - start, end <= now) == (days * DAY, True), now


def test_at_each_hour_somebody_has_worked_in_the_last_day() -> None:
    for now in HOURS_OF_A_FORTNIGHT:
        at = to_us(now)
        shifts = [
            SMALL.shift_of(person, (now - back * DAY).date(), UTC) for person in SMALL.people for back in range(3)
        ]
        assert any(one.start < at and one.end > at - 24 * 3_600_000_000 for one in shifts if one is not None), now


@pytest.mark.parametrize("now", TWO_YEARS[:14], ids=lambda now: f"{now:%A %d}")
def test_in_the_period_everybody_works_waits_and_makes_units(now: datetime) -> None:
    start, end = (f"{bound:%Y-%m-%dT%H:%M}" for bound in days_before(now, 2))
    people, places = defaultdict(set), defaultdict(set)
    first: dict[str, str] = {}

    for event in sample_events(seed=SAMPLE_SEED, until_us=to_us(now), time_zone="UTC", days=SAMPLE_DAYS):
        first.setdefault(event["worker_id"], event["timestamp"])
        if start <= event["timestamp"] < end:
            people[event["worker_id"]].add(event["event_type"])
            places[event["workstation_id"]].add(event["event_type"])

    kinds = {"working", "idle", "product_count", "absent"}
    assert dict(people) == {person.worker_id: kinds for person in SMALL.people}
    assert dict(places) == {station.workstation_id: kinds for station in SMALL.stations}
    assert max(first.values()) < start  # an interval of each is older than the period


def test_a_period_is_written_as_the_page_and_the_api_take_it() -> None:
    bounds = period(3, window=False)

    assert period(3) == f"window=custom&{bounds}"
    assert bounds == "&".join([period(3, window=False, live=True), bounds.split("&")[1]])
    start, end = (datetime.fromisoformat(one.split("=")[1].replace("Z", "+00:00")) for one in bounds.split("&"))
    assert (end - start, end <= datetime.now(timezone.utc)) == (3 * DAY, True)
