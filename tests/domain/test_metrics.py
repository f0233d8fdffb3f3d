"""Metrics over a window and over the buckets of a series (section 4), against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.derived import Derived, Ints, ints
from tests.reference import METRICS, BadRequest
from tests.reference_answers import render, rendered
from tests.strategies import History, histories

from factory.domain.metrics.formulas import (
    FACTORY_METRICS,
    SERIES_METRICS,
    WORKER_METRICS,
    WORKSTATION_METRICS,
    FactoryTotals,
    FirstStates,
    StationTotals,
    WorkerTotals,
    all_values,
)
from factory.domain.metrics.window import oldest_kept, window_of
from factory.domain.states.calendar import Calendar
from factory.domain.states.lazy_table import Column, LazyTable
from factory.domain.states.totals import OccupancyRows, PresenceRows
from factory.domain.timestamp import DAY, HOUR


def first_states(derived: Derived, but: Ints) -> FirstStates:
    """Those of all workers: more than is asked for."""
    opens = np.unique(derived.changes.group, return_index=True)
    return FirstStates(opens[0], derived.changes.start[opens[1]])


def tables_of(derived: Derived, starts: Ints, ends: Ints) -> dict[str, list[dict[str, Any]]]:
    """Return the metrics of all workers and all stations in a window, and of the factory in each bucket."""
    presence, occupancy = derived.presence(starts, ends), derived.occupancy(starts, ends)
    workers, stations = (np.arange(len(ids)) + 1 for ids in (derived.workers, derived.stations))
    of_workers = WorkerTotals(
        presence.sums_for(workers, presence.worker), np.broadcast_to(ends - starts, workers.shape)
    )
    of_stations = StationTotals(
        presence.sums_for(stations, presence.station),
        occupancy.sums_for(stations, occupancy.station),
        np.broadcast_to(ends - starts, stations.shape),
    )
    of_factory = FactoryTotals(presence, lambda but: first_states(derived, but), starts, ends - starts)
    return {
        "worker": all_values(of_workers, WORKER_METRICS),
        "workstation": all_values(of_stations, WORKSTATION_METRICS),
        "factory": all_values(of_factory, FACTORY_METRICS),
    }


@given(histories(max_events=10))
@settings(max_examples=60)
def test_metrics_of_a_window_are_those_of_the_reference(history: History) -> None:
    reference = history.reference()
    derived = Derived(reference)
    for window in history.windows:
        start, end = reference.window(*window)
        found = tables_of(derived, ints([start]), ints([end]))
        for entity, ids in (("worker", derived.workers), ("workstation", derived.stations), ("factory", [None])):
            expected = [render(reference.values(entity, one, start, end)) for one in ids]
            assert found[entity] == [{name: row[name] for name in METRICS[entity]} for row in expected], (start, end)


@given(histories(max_events=10), st.sampled_from(("15m", "hour", "day", "week", "month")), st.data())
@settings(max_examples=60)
def test_metrics_of_buckets_are_those_of_the_reference(history: History, bucket: str, data: st.DataObject) -> None:
    reference = history.reference()
    derived = Derived(reference)
    start, end = reference.window(*data.draw(st.sampled_from(history.windows)))
    try:
        buckets = reference.buckets(bucket, start, end)[:60]
    except BadRequest:
        return
    if not buckets:
        return
    assert Calendar(history.time_zone).series(bucket, start, end)[:60] == buckets
    starts, ends = ints(n for pair in buckets for n in pair).reshape(-1, 2).T
    presence, occupancy, every = derived.presence(starts, ends), derived.occupancy(starts, ends), np.arange(len(starts))
    entity = data.draw(st.sampled_from(sorted(SERIES_METRICS)))
    name = data.draw(st.sampled_from(METRICS[entity]))
    totals: Any
    one = None
    if entity == "factory":
        totals = FactoryTotals(presence, lambda but: first_states(derived, but), starts, ends - starts)
    elif entity == "worker":
        key = data.draw(st.integers(1, len(derived.workers)))
        one = derived.workers[key - 1]
        mine = presence.where(presence.worker == key)
        totals = WorkerTotals(mine.sums_for(every, mine.bucket), ends - starts)
    else:
        key = data.draw(st.integers(1, len(derived.stations)))
        one = derived.stations[key - 1]
        mine, there = presence.where(presence.station == key), occupancy.where(occupancy.station == key)
        totals = StationTotals(mine.sums_for(every, mine.bucket), there.sums_for(every, there.bucket), ends - starts)

    expected = [rendered(name, reference.values(entity, one, low, high)[name]) for low, high in buckets]
    assert SERIES_METRICS[entity][name](totals) == expected


@given(histories(max_events=10), st.data())
@settings(max_examples=60)
def test_times_and_units_of_the_pieces_of_a_window_add_up_to_the_windows(history: History, data: st.DataObject) -> None:
    derived = Derived(history.reference())
    edges = [e.timestamp + more for e in derived.events for more in (-1, 0, 1)]
    bounds = ints(sorted(data.draw(st.lists(st.sampled_from(edges), min_size=2, max_size=6, unique=True))))

    pieces, whole = derived.presence(bounds[:-1], bounds[1:]), derived.presence(bounds[:1], bounds[-1:])

    for column in PresenceRows.columns():
        for key in (PresenceRows.worker, PresenceRows.station):
            if not column.is_key:
                assert sums(pieces, key, column) == sums(whole, key, column), column.name
    parts, full = derived.occupancy(bounds[:-1], bounds[1:]), derived.occupancy(bounds[:1], bounds[-1:])
    for column in (OccupancyRows.occupied, OccupancyRows.productive):
        assert sums(parts, OccupancyRows.station, column) == sums(full, OccupancyRows.station, column)


def sums(rows: LazyTable, key: Column, column: Column) -> list[int]:
    """Return the sums by key, with plain arithmetic."""
    total = [0] * 9
    for n, amount in zip(key.of(rows).tolist(), column.of(rows).tolist(), strict=True):
        total[n] += amount
    return total


TIMES = st.none() | st.integers(-3, 3)


@given(TIMES, TIMES, TIMES, st.integers(-2, 2))
def test_a_window_is_cut_at_now_and_begins_with_the_first_event(
    start: int | None, end: int | None, first_event: int | None, now: int
) -> None:
    if start is not None and end is not None and start > end:
        return
    window = window_of(start, end, first_event, now)

    until = now if end is None else min(end, now)
    begin = start if start is not None else min(until, until if first_event is None else first_event)
    assert (window.start, window.end) == (begin, max(begin, until))
    assert window.elapsed >= 0


@given(st.integers(0, 3_650), st.integers(0, 2**52))
def test_raw_events_are_kept_for_the_days_cut_to_a_whole_hour(days: int, now: int) -> None:
    before = oldest_kept(days, now)

    if days == 0:
        assert before is None
    else:
        assert before is not None
        assert before % HOUR == 0
        assert days * DAY <= now - before < days * DAY + HOUR
