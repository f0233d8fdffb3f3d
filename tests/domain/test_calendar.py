"""The calendar's buckets, also where clocks and dates do odd things."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.derived import ints
from tests.reference import BUCKETS, Reference
from tests.strategies import ANCHORS

from factory.domain.states.calendar import DAYS, HOURS, MONTHS, Calendar
from factory.domain.timestamp import DAY, HOUR, MINUTE, parse_timestamp

ZONES = st.sampled_from([*sorted(ANCHORS), "Asia/Kathmandu", "Pacific/Apia"])
ANCHOR = parse_timestamp("2025-03-30T01:00:00Z")
EDGES = st.one_of(
    st.sampled_from([parse_timestamp(at) for zone in ANCHORS.values() for at in zone]),
    st.integers(-60 * 24, 60 * 24).map(lambda n: ANCHOR + n * HOUR),
    st.integers(-60 * 96, 60 * 96).map(lambda n: ANCHOR + n * 15 * MINUTE + 1),
    st.integers(ANCHOR - 90 * DAY, ANCHOR + 90 * DAY),
)


def test_a_skipped_day_has_no_bucket() -> None:
    start, end = parse_timestamp("2011-12-28T00:00:00Z"), parse_timestamp("2012-01-02T00:00:00Z")
    days = Calendar("Pacific/Apia").series("day", start, end)
    assert [high - low for low, high in days] == [10 * HOUR, DAY, DAY, DAY, DAY, 14 * HOUR]
    assert days[0][0] == start
    assert days[-1][1] == end
    assert all(low < high for low, high in days)
    assert all(one[1] == following[0] for one, following in pairwise(days))


@given(ZONES, st.sampled_from(BUCKETS), EDGES, st.integers(0, 40 * DAY) | st.integers(0, 4 * HOUR))
def test_buckets_are_those_of_the_reference(zone: str, bucket: str, start: int, length: int) -> None:
    if bucket in ("15m", "hour"):
        length %= 3 * DAY
    expected = Reference([], now=0, time_zone=zone).buckets(bucket, start, start + length)

    assert Calendar(zone).series(bucket, start, start + length) == expected


@given(ZONES, EDGES, EDGES)
@settings(max_examples=200)
def test_a_cover_is_whole_buckets_and_partial_hours_without_gap_or_overlap(zone: str, one: int, other: int) -> None:
    start, end = sorted((one, other))
    calendar = Calendar(zone)

    cover = calendar.cover(start, end)

    parts = sorted([(first, until) for _, first, until in cover.buckets] + cover.edges)
    assert [at for part in parts for at in part] == sorted(at for part in parts for at in part)
    assert all(part[1] == following[0] for part, following in pairwise(parts))
    assert (parts[0][0], parts[-1][1]) == (start, end) if start < end else parts == []
    for level, first, until in cover.buckets:
        assert calendar.starts_of(level, ints([first, until])).tolist() == [first, until]
    whole_hours = cover.buckets != []
    for first, until in cover.edges:
        hour = int(calendar.hours_of(ints([first]))[0])
        following = int(calendar.ends_of(HOURS, ints([hour]))[0])
        assert (first, until) != (hour, following)
        assert not whole_hours or until <= following


@given(ZONES, EDGES, EDGES)
def test_hours_lie_in_days_and_days_in_months(zone: str, one: int, other: int) -> None:
    start, end = min(one, other), min(max(one, other), min(one, other) + 40 * DAY)
    calendar = Calendar(zone)

    hours = calendar.hour_starts(start, end)

    assert hours.tolist() == sorted(set(hours.tolist()))
    if start < end:
        ends = calendar.ends_of(HOURS, hours)
        assert hours[0] <= start < ends[0]
        assert hours[-1] < end <= ends[-1]
        assert ends[:-1].tolist() == hours[1:].tolist()
        assert ((ends - hours) <= HOUR).all()
        assert calendar.round_up_to_hours(ints([end])).tolist() == [ends[-1]]
    for level in (DAYS, MONTHS):
        starts = calendar.starts_of(level, hours)
        assert (starts <= hours).all()
        assert (hours < calendar.ends_of(level, starts)).all()
        assert calendar.starts_of(level - 1, starts).tolist() == starts.tolist()


def test_a_window_of_more_than_ten_thousand_buckets_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 10,000 buckets"):
        Calendar("UTC").series("15m", 0, 10_001 * 15 * MINUTE)
    assert len(Calendar("UTC").series("15m", 0, 10_000 * 15 * MINUTE)) == 10_000
