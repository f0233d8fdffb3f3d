"""Reads for the cut hours of a window and for the ends of histories: changes of state, and counted events."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.states.intervals import FOREVER, Changes
from factory.domain.states.ranges import run_starts, take
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.timestamp import DAY, MILLISECOND, MINUTE
from factory.store.derived import retention
from factory.store.engine.database import Store
from factory.store.events.event_log import BEFORE_ALL, given_ranges
from factory.store.factories import Factory

Ints = npt.NDArray[np.int64]

_QUARTER = 15 * MINUTE

_CHANGES = {"v.start_at": "i8", "v.state": "i2", "v.station_key": "i2"}


def _mine(alias: str) -> str:
    return (
        f"{alias}.factory_key = :factory_key AND {alias}.generation = :generation AND {alias}.worker_key = given.worker"
    )


def _changes(
    store: Store,
    tx: Connection,
    factory: Factory,
    relation: tuple[str, dict[str, Any]],
    group: dict[str, str],
    which: str,
) -> Changes:
    given, parameters = relation
    columns = store.dialect.fetch_columns(
        tx,
        group | _CHANGES,
        f"SELECT {{}} FROM {given} " + store.dialect.for_each("intervals v", f"{_mine('v')} AND {which}"),
        {"factory_key": factory.factory_key, "generation": factory.generation, **parameters},
    )
    changes = Changes(*columns)
    return take(changes, np.lexsort((changes.start, changes.group)))


def _latest(condition: str, recent: str) -> str:
    """Build the SQL of the arguments of coalesce: the start of the latest change, looked for in recent time first.

    From there on there are few; without a lower end all that share a page of the index with it are looked at.
    """
    start = f"(SELECT max(p.start_at) FROM intervals p WHERE {_mine('p')} AND {condition}"
    return f"{start} AND p.start_at >= {recent}), {start})"


def changes_in(store: Store, tx: Connection, factory: Factory, ranges: TimeRanges) -> Changes:
    """Return the changes in each range, and the last one before it unless one is at its beginning.

    `group` is the row of the range. Ordered by group and start.
    """
    opening = _latest("p.start_at <= given.start_at", f"given.start_at - {DAY}")
    inside = f"v.start_at >= coalesce({opening}, given.start_at) AND v.start_at < given.end_at"
    return _changes(store, tx, factory, given_ranges(store, ranges), {"given.i": "i8"}, inside)


def last_changes(store: Store, tx: Connection, factory: Factory, workers: Ints) -> Changes:
    """Return the last change of each worker that has any; `group` is the worker."""
    recent = (factory.last_event_at or 0) - DAY
    last = f"v.start_at = coalesce({_latest('true', str(recent))})"
    return _changes(store, tx, factory, store.dialect.relation({"worker": workers}), {"given.worker": "i8"}, last)


def first_changes(store: Store, tx: Connection, factory: Factory, workers: Ints) -> Changes:
    """Return the first change of each worker that has any: its first state event; `group` is the worker."""
    first = f"v.start_at = (SELECT min(p.start_at) FROM intervals p WHERE {_mine('p')})"
    return _changes(store, tx, factory, store.dialect.relation({"worker": workers}), {"given.worker": "i8"}, first)


def first_events(store: Store, tx: Connection, factory: Factory, workers: Ints) -> Ints:
    """Return the time of the first event, raw or not, of each of some workers (ascending), FOREVER without any."""
    given, parameters = store.dialect.relation({"worker": workers})
    earliest = (
        "(SELECT min(e.event_time) FROM events e WHERE e.factory_key = :factory_key AND e.worker_key = given.worker)"
    )
    worker, first = store.dialect.fetch_columns(
        tx,
        {"given.worker": "i8", f"coalesce({earliest}, {FOREVER})": "i8"},
        f"SELECT {{}} FROM {given}",
        {"factory_key": factory.factory_key, **parameters},
    )
    first = first[np.argsort(worker)]
    if factory.retained_from is not None and factory.first_event_at is not None:
        ranges = TimeRanges.of_each(workers, factory.first_event_at, factory.retained_from)
        row, kept = retention.in_ranges(store, tx, factory.factory_key, factory.retained_from, ranges)
        np.minimum.at(first, row, kept.time)
    return first


class QuarterCounts(NamedTuple):
    """Events counted by range, station and quarter of an hour, as columns; `quarter` is its start."""

    row: Ints
    station: Ints
    quarter: Ints
    units: Ints
    events: Ints


class UnitsByInstant(NamedTuple):
    """Units as columns, ordered by `key` (row of the range, or station key) and millisecond."""

    key: Ints
    millisecond: Ints
    units: Ints


def counts_by_quarter(store: Store, tx: Connection, factory: Factory, ranges: TimeRanges) -> QuarterCounts:
    """Return the events in the ranges, raw or not, in rows to be added up. Local hours begin on quarters of UTC."""
    given, parameters = given_ranges(store, ranges)
    events = store.dialect.for_each(
        "events e",
        "e.factory_key = :factory_key AND e.worker_key = given.worker "
        "AND e.event_time >= given.start_at AND e.event_time < given.end_at",
    )
    columns = {
        "given.i": "i8",
        "e.station_key": "i2",
        f"e.event_time / {_QUARTER} * {_QUARTER}": "i8",
        "sum(e.units)": "i8",
        "count(*)": "i8",
    }
    found: list[Any] = store.dialect.fetch_columns(
        tx,
        columns,
        f"SELECT {{}} FROM {given} {events} GROUP BY 1, 2, 3",
        {"factory_key": factory.factory_key, **parameters},
    )
    row, kept = retention.in_ranges(store, tx, factory.factory_key, factory.retained_from, ranges)
    more = (row, kept.station, kept.time // _QUARTER * _QUARTER, kept.units, np.ones_like(row))
    return QuarterCounts(*(np.concatenate(columns) for columns in zip(found, more, strict=True)))


def units_by_instant(store: Store, tx: Connection, factory: Factory, ranges: TimeRanges, by: str) -> UnitsByInstant:
    """Return the units of the events in the ranges, raw or not.

    `by` is `worker`, where the key is the row of the range, or `station`.
    """
    given, parameters = given_ranges(store, ranges)
    counted = store.dialect.for_each(
        "events e",
        "e.factory_key = :factory_key AND e.worker_key = given.worker "
        "AND e.event_time >= given.start_at AND e.event_time < given.end_at AND e.units > 0",
    )
    key = {"worker": {"given.i": "i8"}, "station": {"e.station_key": "i2"}}[by]
    found: list[Any] = store.dialect.fetch_columns(
        tx,
        {**key, f"e.event_time / {MILLISECOND}": "i8", "sum(e.units)": "i8"},
        f"SELECT {{}} FROM {given} {counted} GROUP BY 1, 2 ORDER BY 1, 2",
        {"factory_key": factory.factory_key, **parameters},
    )
    row, kept = retention.in_ranges(store, tx, factory.factory_key, factory.retained_from, ranges)
    counting = np.flatnonzero(kept.units > 0)
    if len(counting) == 0:
        return UnitsByInstant(*found)
    of = row if by == "worker" else kept.station
    more = (of[counting], kept.time[counting] // MILLISECOND, kept.units[counting])
    which, at, units = (np.concatenate(columns) for columns in zip(found, more, strict=True))
    order = np.lexsort((at, which))
    which, at = which[order], at[order]
    first = np.flatnonzero(run_starts(which, at))
    return UnitsByInstant(which[first], at[first], np.add.reduceat(units[order], first))


def last_event_until(store: Store, tx: Connection, factory: Factory, workers: Ints, instant: int) -> int | None:
    """Return the time of the newest event, raw or not, not after an instant; `workers` are all of the factory."""
    if factory.last_event_at is None or factory.last_event_at <= instant:
        return factory.last_event_at
    given, parameters = store.dialect.relation({"worker": workers})
    latest = (
        "(SELECT max(e.event_time) FROM events e WHERE e.factory_key = :factory_key "
        f"AND e.worker_key = given.worker AND e.event_time <= {instant})"
    )
    (times,) = store.dialect.fetch_columns(
        tx,
        {f"coalesce({latest}, {BEFORE_ALL})": "i8"},
        f"SELECT {{}} FROM {given}",
        {"factory_key": factory.factory_key, **parameters},
    )
    last = int(times.max(initial=BEFORE_ALL))
    return retention.last_until(store, tx, factory.factory_key, instant) if last == BEFORE_ALL else last
