"""Hours of workers, and the roll-ups that are added up in them, against plain arithmetic and the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.derived import Derived, Ints, ints
from tests.strategies import ANCHORS, History, histories

from factory.domain.states.calendar import DAYS, HOURS, MONTHS, Calendar
from factory.domain.states.intervals import FOREVER, Spans
from factory.domain.states.ranges import take
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.states.totals import PresenceRows, presence_of_counts, presence_of_pieces, sum_by_key
from factory.domain.states.worker_hours import WorkerHours
from factory.domain.timestamp import DAY, HOUR, MINUTE, parse_timestamp

ZONES = st.sampled_from(sorted(ANCHORS))
BOUNDS = st.tuples(st.integers(1, 3), st.integers(-8, 40), st.integers(0, 12))
"""(worker, start, length), in quarters of an hour from an instant near a clock change."""


def near(zone: str, quarters: Ints) -> Ints:
    return parse_timestamp(ANCHORS[zone][0]) + quarters * 15 * MINUTE


def hours_by_hand(calendar: Calendar, ranges: TimeRanges) -> list[tuple[int, int, int]]:
    found = set()
    for worker, start, end in zip(*(c.tolist() for c in ranges), strict=True):
        at = start
        while at < end:
            (hour,) = calendar.hours_of(ints([at])).tolist()
            (following,) = calendar.ends_of(HOURS, ints([hour])).tolist()
            found.add((worker, hour, following))
            at = following
    return sorted(found)


@given(ZONES, st.lists(BOUNDS, max_size=6), st.lists(BOUNDS, max_size=6))
@settings(max_examples=150)
def test_hours_of_workers_are_those_that_their_ranges_overlap(
    zone: str, bounds: list[tuple[int, int, int]], others: list[tuple[int, int, int]]
) -> None:
    calendar = Calendar(zone)
    worker, first, length = ints(n for row in bounds if row[2] for n in row).reshape(-1, 3).T
    ranges = TimeRanges(worker, near(zone, first), near(zone, first + length))

    hours = WorkerHours.overlapping(calendar, ranges)

    expected = hours_by_hand(calendar, ranges)
    assert list(zip(*(c.tolist() for c in hours), strict=True)) == expected
    # The same time as ranges, none of which touches another of its worker.
    runs = list(zip(*(c.tolist() for c in hours.runs()), strict=True))
    assert hours_by_hand(calendar, hours.runs()) == expected
    assert not {(w, end) for w, _, end in runs} & {(w, start) for w, start, _ in runs}
    # Which of the hours an instant lies in.
    who, at, more = ints(n for row in others for n in row).reshape(-1, 3).T
    instants = near(zone, at) + more
    rows = hours.at(who, instants).tolist()
    for w, instant, row in zip(who.tolist(), instants.tolist(), rows, strict=True):
        inside = [n for n, (v, start, end) in enumerate(expected) if v == w and start <= instant < end]
        assert [row] == (inside or [-1])
    assert hours.holds(who, instants).tolist() == [row >= 0 for row in rows]
    # The spans of the workers, cut at these hours.
    spans = Spans(who, near(zone, at), near(zone, at + more), np.ones_like(who), who)
    spans = take(spans, more > 0)
    pieces, hour = hours.cut(spans)
    cut = sorted(zip(*(c.tolist() for c in (pieces.group, pieces.start, pieces.end, hour)), strict=True))
    by_hand = [
        (w, max(start, first_), min(end, until), n)
        for w, start, end in zip(*(c.tolist() for c in (spans.group, spans.start, spans.end)), strict=True)
        for n, (v, first_, until) in enumerate(expected)
        if v == w and max(start, first_) < min(end, until)
    ]
    assert cut == sorted(by_hand)


def hourly(derived: Derived, calendar: Calendar) -> PresenceRows:
    """Return the presence rows of all hours in which anything happened, up to the last event."""
    spans = take(derived.spans, derived.spans.end < FOREVER)
    ranges = TimeRanges.join(
        TimeRanges(spans.group, spans.start, spans.end), TimeRanges.through(derived.worker, derived.time, derived.time)
    )
    hours = WorkerHours.overlapping(calendar, ranges)
    pieces, hour = hours.cut(spans)
    counted = hours.at(derived.worker, derived.time)
    events = np.ones_like(derived.units)
    counts = presence_of_counts(hours.start[counted], derived.worker, derived.station, derived.units, events)
    return sum_by_key(PresenceRows.concat([presence_of_pieces(pieces, hours.start[hour]), counts]))


@given(histories(max_events=10))
@settings(max_examples=30)
def test_hours_roll_up_to_days_and_months_that_say_what_the_reference_says(history: History) -> None:
    reference = history.reference()
    derived, calendar = Derived(reference), Calendar(history.time_zone)
    rows = hourly(derived, calendar)
    until = int(derived.spans.end[derived.spans.end < FOREVER].max(initial=0))
    endless = {derived.workers[w - 1] for w in derived.spans.group[derived.spans.end == FOREVER].tolist()}
    for level in (HOURS, DAYS, MONTHS):
        if level != HOURS:
            rows = sum_by_key(presence_at(calendar.starts_of(level, rows.bucket), rows))
        keys = list(zip(rows.bucket.tolist(), rows.worker.tolist(), rows.station.tolist(), strict=True))
        assert keys == sorted(set(keys))
        for start in sorted(set(rows.bucket.tolist())):
            (end,) = calendar.ends_of(level, ints([start])).tolist()
            for key, worker in enumerate(derived.workers, 1):
                mine = rows.where((rows.bucket == start) & (rows.worker == key))
                events = [e for e in derived.events if e.worker_id == worker and start <= e.timestamp < end]
                assert mine.events.sum() == len(events)
                assert mine.units.sum() == sum(e.units for e in events)
                if worker in endless and end > min(until, reference.intervals_of(worker)[-1].start):
                    continue  # roll-ups leave out a state that lasts without end
                times = reference.worker_times(worker, start, end)
                assert mine.active.sum() == times["working"]
                assert mine.idle.sum() == times["idle"]
                assert mine.absent.sum() == times["absent"]


def presence_at(bucket: Ints, rows: PresenceRows) -> PresenceRows:
    """Put the rows into other buckets."""
    columns = {column.name: column.of(rows) for column in PresenceRows.columns()}
    return PresenceRows.of(**{**columns, "bucket": bucket})


@pytest.mark.parametrize("zone", sorted(ANCHORS))
def test_a_range_that_ends_with_an_hour_does_not_reach_the_next(zone: str) -> None:
    calendar = Calendar(zone)
    start = int(calendar.hours_of(ints([parse_timestamp(ANCHORS[zone][0]) + DAY]))[0])
    hours = WorkerHours.overlapping(calendar, TimeRanges.of_each([1], start, start + HOUR))
    assert list(zip(*(c.tolist() for c in hours), strict=True)) == [(1, start, start + HOUR)]
