"""The calendar's buckets where clocks and dates do odd things."""

from itertools import pairwise

from factory.domain.states.calendar import Calendar
from factory.domain.timestamp import DAY, HOUR, parse_timestamp


def test_a_skipped_day_has_no_bucket() -> None:
    start, end = parse_timestamp("2011-12-28T00:00:00Z"), parse_timestamp("2012-01-02T00:00:00Z")
    days = Calendar("Pacific/Apia").series("day", start, end)
    assert [high - low for low, high in days] == [10 * HOUR, DAY, DAY, DAY, DAY, 14 * HOUR]
    assert days[0][0] == start
    assert days[-1][1] == end
    assert all(low < high for low, high in days)
    assert all(one[1] == following[0] for one, following in pairwise(days))


def test_a_cover_leaves_no_gap_and_no_overlap() -> None:
    start, end = parse_timestamp("2024-01-03T10:17:00.5Z"), parse_timestamp("2026-11-05T09:13:00Z")
    for zone in ("Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu"):
        cover = Calendar(zone).cover(start, end)
        parts = sorted([(low, high) for _, low, high in cover.buckets] + cover.edges)
        assert parts[0][0] == start
        assert parts[-1][1] == end
        assert all(one[1] == following[0] for one, following in pairwise(parts))
