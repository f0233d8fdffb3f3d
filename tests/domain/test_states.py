"""From events to states (section 3 of the specification), against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.derived import Derived, ints
from tests.reference import Event, Reference
from tests.reference_states import winner
from tests.strategies import CONFIDENCES, EVENT_IDS, SOURCES, STATIONS

from factory.domain.event import ABSENT, IDLE, PRODUCT_COUNT, STATE_NAMES, UNKNOWN, WORKING
from factory.domain.states.intervals import (
    FOREVER,
    Changes,
    Evidence,
    Spans,
    clip,
    derive_changes,
    differing,
    spans_of,
    split,
    without_repeats,
)
from factory.domain.states.ranges import take

MINUTE = 60_000_000
TIMEOUTS = (0, 60, 120, 600)


def events(*, instants: int, kinds: tuple[str, ...]) -> st.SearchStrategy[list[Event]]:
    """Events of two workers on few instants, a minute apart: ties and time-outs to the microsecond are the rule."""
    event = st.builds(
        Event,
        timestamp=st.integers(0, instants - 1).map(lambda n: n * MINUTE) | st.integers(0, 3 * MINUTE),
        worker_id=st.sampled_from(("W1", "w1")),
        workstation_id=st.sampled_from(STATIONS),
        event_type=st.sampled_from(kinds),
        count=st.just(0),
        confidence=st.sampled_from(CONFIDENCES),
        source_id=st.sampled_from(SOURCES),
        event_id=st.sampled_from(EVENT_IDS),
        model_version=st.none(),
    )
    return st.lists(event, max_size=12, unique_by=lambda e: e.identity)


def intervals_of(derived: Derived) -> list[list[tuple[Any, ...]]]:
    """(start, end, state, station) of each worker, from the first state event on."""
    spans = spans_of(derived.changes)
    rows = zip(*(column.tolist() for column in spans), strict=True)
    found: list[list[tuple[Any, ...]]] = [[] for _ in derived.workers]
    for worker, start, end, state, station in rows:
        where = None if state == UNKNOWN else derived.stations[station - 1]
        found[worker - 1].append((start, None if end == FOREVER else end, STATE_NAMES[state], where))
    return found


@given(events(instants=8, kinds=("working", "idle", "absent", "product_count")), st.sampled_from(TIMEOUTS))
@settings(max_examples=120)
def test_states_are_those_of_the_reference(events: list[Event], timeout: int) -> None:
    reference = Reference(events, now=0, state_timeout_seconds=timeout)

    expected = [
        [
            (i.start, i.end if i.end < 10**30 else None, i.state, i.workstation_id)
            for i in reference.intervals_of(worker)
            if i.start > -(10**30)
        ]
        for worker in sorted(reference.workers)
    ]
    assert intervals_of(Derived(reference)) == expected


@given(events(instants=2, kinds=("working", "idle", "absent", "product_count")))
@settings(max_examples=120)
def test_of_several_state_events_at_one_instant_the_one_of_the_specification_counts(events: list[Event]) -> None:
    derived = Derived(Reference(events, now=0))

    told = [(e.worker_id, e.timestamp, e.event_type, e.workstation_id) for e in derived.events]
    won = sorted(row for row, wins in zip(told, derived.winners.tolist(), strict=True) if wins)

    states = [e for e in events if e.event_type != "product_count"]
    instants = {(e.worker_id, e.timestamp) for e in states}
    best = [winner([e for e in states if (e.worker_id, e.timestamp) == instant]) for instant in instants]
    assert won == sorted((e.worker_id, e.timestamp, e.event_type, e.workstation_id) for e in best)


Row = tuple[int, int, int, int]
"""(group, time, kind, station)"""
KINDS = st.sampled_from((WORKING, IDLE, ABSENT, PRODUCT_COUNT))
ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), KINDS, st.integers(1, 2)), max_size=14)


def one_state_at_an_instant(rows: list[Row]) -> list[Row]:
    counts = [row for row in rows if row[2] == PRODUCT_COUNT]
    return counts + list({row[:2]: row for row in rows if row[2] != PRODUCT_COUNT}.values())


def evidence_of(rows: list[Row]) -> Evidence:
    return Evidence(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)


@given(ROWS.map(one_state_at_an_instant), st.integers(0, 12), st.sampled_from((0, 1, 2, 5)))
@settings(max_examples=120)
def test_states_derived_in_two_parts_are_those_derived_at_once(rows: list[Row], cut: int, timeout: int) -> None:
    """The state at the cut is carried over with the time of its latest evidence."""
    whole = derive_changes(evidence_of(rows), timeout)

    before = derive_changes(evidence_of([row for row in rows if row[1] < cut]), timeout)
    carried = []
    for group in range(3):
        states = [change for change in zip(*(c.tolist() for c in before), strict=True) if change[0] == group]
        known = [change for change in states if change[1] < cut]
        if known and known[-1][2] != UNKNOWN:
            _, start, state, station = known[-1]
            latest = max([row[1] for row in rows if row[0] == group and row[1] < cut] + [start])
            carried.append((group, start if state == ABSENT else latest, state, station))
    after = derive_changes(evidence_of(carried + [row for row in rows if row[1] >= cut]), timeout)

    early, late = take(before, before.start < cut), take(after, after.start >= cut)
    both = without_repeats(Changes(*(np.concatenate(columns) for columns in zip(early, late, strict=True))))
    assert [c.tolist() for c in both] == [c.tolist() for c in whole]


CHANGES = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 9), st.integers(0, 3), st.integers(0, 1)),
    max_size=10,
    unique_by=lambda row: row[:2],
).map(lambda rows: Changes(*np.array(sorted(rows), dtype=np.int64).reshape(-1, 4).T))


@given(CHANGES, CHANGES)
def test_rows_that_differ_are_those_of_one_side_alone(before: Changes, after: Changes) -> None:
    rows = [list(zip(*(c.tolist() for c in changes), strict=True)) for changes in (before, after)]

    gone, new = differing(before, after)

    assert gone.tolist() == [row not in rows[1] for row in rows[0]]
    assert new.tolist() == [row not in rows[0] for row in rows[1]]


@given(CHANGES, st.lists(st.integers(-1, 11), min_size=2, max_size=6, unique=True).map(sorted))
def test_the_pieces_of_a_window_add_up_to_what_is_clipped_to_it(changes: Changes, bounds: list[int]) -> None:
    spans = spans_of(changes)

    pieces, bucket = split(spans, ints(bounds[:-1]), ints(bounds[1:]))

    assert (pieces.start < pieces.end).all()
    assert (pieces.start >= ints(bounds)[bucket]).all()
    assert (pieces.end <= ints(bounds)[bucket + 1]).all()
    whole = clip(spans, bounds[0], bounds[-1])
    assert total(pieces) == total(whole)


def total(spans: Spans) -> dict[tuple[int, ...], int]:
    """Return the length of the spans by group, state and station."""
    sums: dict[tuple[int, ...], int] = {}
    for group, start, end, state, station in zip(*(c.tolist() for c in spans), strict=True):
        sums[group, state, station] = sums.get((group, state, station), 0) + end - start
    return sums
