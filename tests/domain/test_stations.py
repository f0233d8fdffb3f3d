"""Occupied and productive stations (section 3 of the specification): two workers there do not count twice."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.derived import Derived, ints
from tests.strategies import History, histories

from factory.domain.event import ABSENT, IDLE, WORKING
from factory.domain.states.intervals import Spans, clip, occupancy, union_length
from factory.domain.states.ranges import take
from factory.domain.states.stretches import STATION_STATES, state_of_station, station_stretches

FAR = 2**60
RANGES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(0, 12)), max_size=12)


def covered(ranges: list[tuple[int, int, int]], place: int) -> set[int]:
    return {n for where, start, end in ranges if where == place for n in range(start, end)}


@given(RANGES, st.sampled_from((0, -5, FAR)))
@settings(max_examples=120)
def test_the_length_of_a_union_counts_each_instant_once(ranges: list[tuple[int, int, int]], offset: int) -> None:
    ranges = [row for row in ranges if row[1] < row[2]]
    place, start, end = ints(n for row in ranges for n in row).reshape(-1, 3).T

    lengths = union_length(place, start + offset, end + offset, 4)

    assert lengths.tolist() == [len(covered(ranges, n)) for n in range(4)]


def test_the_length_of_a_union_is_exact_where_places_lie_centuries_apart() -> None:
    place, start = ints((0, 0, 5_000_000, 5_000_000)), ints((0, 5, FAR, FAR + 2))

    lengths = union_length(place, start, start + 10, 5_000_001)

    assert lengths[[0, 5_000_000]].tolist() == [15, 12]
    assert lengths.sum() == 27


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 9), st.sampled_from((1, 2, 3)))))
def test_a_place_is_occupied_while_anybody_is_there_and_productive_while_anybody_works(
    rows: list[tuple[int, int, int, int]],
) -> None:
    rows = [row for row in rows if row[1] < row[2]]
    place, start, end, state = ints(n for row in rows for n in row).reshape(-1, 4).T
    spans = Spans(np.arange(len(rows)), start, end, state, place)

    occupied, productive = occupancy(spans, place, 3)

    there = [row[:3] for row in rows if row[3] != ABSENT]
    at_work = [row[:3] for row in rows if row[3] == WORKING]
    assert occupied.tolist() == [len(covered(there, n)) for n in range(3)]
    assert productive.tolist() == [len(covered(at_work, n)) for n in range(3)]


@given(histories(max_events=10))
@settings(max_examples=60)
def test_the_stretches_of_stations_are_those_of_the_reference(history: History) -> None:
    reference = history.reference()
    derived = Derived(reference)
    for window in history.windows:
        start, end = reference.window(*window)
        if start == end:
            continue
        spans = clip(derived.spans, start, end)
        here = take(spans, (spans.state == WORKING) | (spans.state == IDLE))

        found = station_stretches(here, here.station - 1, len(derived.stations), start, end)

        columns = (found.place, found.start, found.end, found.state)
        rows = zip(*(column.tolist() for column in columns), found.present(), strict=True)
        shown = [
            (derived.stations[place], low, high, STATION_STATES[state], [derived.workers[n - 1] for n in present])
            for place, low, high, state, present in rows
        ]
        assert shown == [
            (station, s.start, s.end, s.state, sorted(s.worker_ids))
            for station in derived.stations
            for s in reference.stretches(station, start, end)
        ]


def test_a_station_is_in_the_state_of_the_busiest_worker_there() -> None:
    assert state_of_station([]) == "free"
    assert state_of_station([IDLE, IDLE]) == "occupied"
    assert state_of_station([IDLE, WORKING]) == "productive"
