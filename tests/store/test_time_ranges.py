"""Every statement that takes time ranges reads [start, end): an event at an edge is in one of two that touch.

The units of the events are powers of two, so a sum says which events were read, and how often.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from tests.conftest import NOON, STORES, Clock, close_store, make_settings

from factory.app import create_app
from factory.domain.event import PRODUCT_COUNT
from factory.domain.states.calendar import HOURS
from factory.domain.states.ranges import take
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.states.totals import PresenceRows
from factory.domain.timestamp import DAY, HOUR, MILLISECOND, format_timestamp
from factory.operations.derive.retention import retain
from factory.store import factories
from factory.store.derived import intervals, retention, rollups, window_reads
from factory.store.engine.database import Store
from factory.store.events import event_log, id_registry
from factory.store.factories import Factory

TODAY = (NOON - 4 * HOUR, NOON - 3 * HOUR, NOON - 2 * HOUR)
YESTERDAY = tuple(instant - DAY for instant in TODAY)
"""Of yesterday's events is kept what remains of removed ones."""
UNITS = {instant: 2**n for n, instant in enumerate((*YESTERDAY, *TODAY))}
RAW, KEPT = (sum(UNITS[instant] for instant in day) for day in (TODAY, YESTERDAY))


class Site(NamedTuple):
    store: Store
    tx: Connection
    factory: Factory
    worker: int


def by_range(ranges: TimeRanges, row: np.ndarray, units: Sequence[int]) -> list[int]:
    read = np.zeros(len(ranges.start), dtype=np.int64)
    np.add.at(read, row, units)
    return read.tolist()


def units_at(instants: np.ndarray) -> list[int]:
    return [UNITS.get(instant, 0) for instant in instants.tolist()]


def one_by_one(read: Callable[[Site, int, int], int]) -> Callable[[Site, TimeRanges], list[int]]:
    def reader(site: Site, ranges: TimeRanges) -> list[int]:
        return [read(site, start, end) for _, start, end in zip(*(c.tolist() for c in ranges), strict=True)]

    return reader


def events_in(site: Site, ranges: TimeRanges) -> list[int]:
    found = event_log.in_ranges(site.store, site.tx, site.factory.factory_key, ranges)
    return by_range(ranges, found.place, np.where(found.kind == PRODUCT_COUNT, found.units, 0).tolist())


def counts_in(site: Site, ranges: TimeRanges) -> list[int]:
    counts = event_log.count_in_ranges(site.store, site.tx, site.factory.factory_key, ranges)
    return by_range(ranges, counts.row, counts.units.tolist())


def rows_between(site: Site, start: int, end: int) -> int:
    rows = event_log.rows_between(site.store, site.tx, site.factory.factory_key, [site.worker], start, end)
    return sum(UNITS[row[1]] for row in rows if row[2] == PRODUCT_COUNT)


def cells_between(site: Site, start: int, end: int) -> int:
    cells = event_log.cells_between(site.store, site.tx, site.factory.factory_key, [site.worker], start, end)
    assert cells["first"].tolist() == cells["last"].tolist()
    return sum(units_at(cells["first"]))


def changes_in(site: Site, ranges: TimeRanges) -> list[int]:
    changes = window_reads.changes_in(site.store, site.tx, site.factory, ranges)
    inside = take(changes, changes.start >= ranges.start[changes.group])
    return by_range(ranges, inside.group, units_at(inside.start))


def counts_by_quarter(site: Site, ranges: TimeRanges) -> list[int]:
    counts = window_reads.counts_by_quarter(site.store, site.tx, site.factory, ranges)
    return by_range(ranges, counts.row, counts.units.tolist())


def units_by_instant(site: Site, ranges: TimeRanges) -> list[int]:
    row, at, units = window_reads.units_by_instant(site.store, site.tx, site.factory, ranges, "worker")
    assert units.tolist() == units_at(at * MILLISECOND)
    return by_range(ranges, row, units.tolist())


def kept_in(site: Site, ranges: TimeRanges) -> list[int]:
    site_cut = site.factory.retained_from
    row, kept = retention.in_ranges(site.store, site.tx, site.factory.factory_key, site_cut, ranges)
    return by_range(ranges, row, kept.units.tolist())


def kept_between(site: Site, start: int, end: int) -> int:
    return int(retention.between(site.store, site.tx, site.factory.factory_key, start, end).units.sum())


def hours_in(site: Site, start: int, end: int) -> int:
    run = rollups.Run(rollups.PRESENCES, HOURS, start, end)
    stored = rollups.load_runs(site.store, site.tx, site.factory.factory_key, site.factory.generation, [run])
    return int(stored[rollups.PRESENCES].table(PresenceRows).units.sum())


Reader = Callable[[Site, TimeRanges], list[int]]
READERS: dict[str, tuple[Reader, int]] = {
    "events": (events_in, RAW),
    "counts": (counts_in, RAW),
    "rows": (one_by_one(rows_between), RAW),
    "cells": (one_by_one(cells_between), RAW),
    "changes": (changes_in, RAW | KEPT),
    "quarters": (counts_by_quarter, RAW | KEPT),
    "units by instant": (units_by_instant, RAW | KEPT),
    "kept events of ranges": (kept_in, KEPT),
    "kept events": (one_by_one(kept_between), KEPT),
    "hours": (one_by_one(hours_in), RAW | KEPT),
}
"""Each statement, and the units of the events that it can see."""


@pytest.fixture(scope="module", params=STORES)
def site(request: pytest.FixtureRequest, fresh_database: Callable[[str], str]) -> Iterator[Site]:
    app = create_app(make_settings(fresh_database(request.param)), clock=Clock())
    store = app.extensions["factory_store"]
    client = app.test_client()
    events = []
    for n, (instant, units) in enumerate(UNITS.items()):
        said = {"timestamp": format_timestamp(instant), "worker_id": "W1", "workstation_id": "S1"}
        events += [
            {**said, "event_type": ("working", "idle")[n % 2]},
            {**said, "event_type": "product_count", "count": units},
        ]
    assert client.post("/api/v1/events/batch", json=events).status_code == 201
    assert client.get("/api/v1/metrics/factory").status_code == 200
    retain(store=store, factory_id="default", before=NOON - 12 * HOUR, now=NOON)
    with store.snapshot() as tx:
        factory = factories.find(tx, "default")
        ((worker, *_),) = id_registry.rows_of(tx, factory.factory_key, "worker")
        yield Site(store, tx, factory, worker)
    close_store(store)


def expected(ranges: TimeRanges, visible: int) -> list[int]:
    bounds = zip(ranges.start.tolist(), ranges.end.tolist(), strict=True)
    return [sum(u for at, u in UNITS.items() if start <= at < end) & visible for start, end in bounds]


def ranges_of(site: Site, bounds: Sequence[int]) -> TimeRanges:
    """Return the ranges from each bound to the next."""
    starts, ends = np.array(list(pairwise(bounds)), dtype=np.int64).reshape(-1, 2).T
    return TimeRanges(np.full(len(starts), site.worker), starts, ends)


@pytest.mark.parametrize("statement", READERS)
def test_an_event_at_the_start_is_in_the_range_and_one_at_the_end_is_not(site: Site, statement: str) -> None:
    read, visible = READERS[statement]
    for start, middle, end in (YESTERDAY, TODAY):
        ranges = ranges_of(site, (start, middle, end, end + HOUR))
        found = read(site, ranges)
        assert found == expected(ranges, visible)
        assert sum(found) == sum(expected(ranges_of(site, (start, end + HOUR)), visible))


EDGES = st.builds(int.__add__, st.sampled_from(tuple(UNITS)), st.sampled_from((-HOUR, -1, 0, 1, HOUR)))


@pytest.mark.parametrize("statement", [name for name in READERS if name != "hours"])
@settings(max_examples=25)
@given(bounds=st.lists(EDGES, min_size=2, max_size=6).map(sorted))
def test_the_pieces_of_a_range_add_up_to_the_whole(site: Site, statement: str, bounds: list[int]) -> None:
    read, visible = READERS[statement]
    whole = ranges_of(site, (bounds[0], bounds[-1]))

    assert sum(read(site, ranges_of(site, bounds))) == read(site, whole)[0] == expected(whole, visible)[0]


def test_what_is_said_at_an_instant_is_that_of_no_other(site: Site) -> None:
    instants = np.array([at + more for at in TODAY for more in (-1, 0, 1)])
    workers = np.full(len(instants), site.worker)

    said = event_log.events_at(site.store, site.tx, site.factory.factory_key, workers, instants)

    assert sorted(one.place for one in said) == [1, 1, 4, 4, 7, 7]


def test_the_events_around_a_range_are_before_its_start_and_not_before_its_end(site: Site) -> None:
    first, second, third = TODAY
    ranges = ranges_of(site, (first, second, third, third + 1))

    before, after = event_log.around(site.store, site.tx, site.factory.factory_key, ranges)

    assert before.tolist() == [event_log.BEFORE_ALL, first, second]
    assert after.tolist()[:2] == [second, third]
    assert after[2] > third + 1


def test_the_changes_that_cover_a_range_begin_before_it_and_end_with_the_first_not_before_its_end(site: Site) -> None:
    first, second, third = TODAY
    key, generation = site.factory.factory_key, site.factory.generation
    ranges = ranges_of(site, (second, third, third + 1))

    changes = intervals.covering(site.store, site.tx, key, generation, ranges)

    assert changes.start[changes.group == 0].tolist() == [first, second, third]
    assert changes.start[changes.group == 1].tolist() == [second, third, third + HOUR]
