"""Raw events that are no longer kept (SPEC section 4, Retention): their removal, and what is kept of them.

For each removed event we keep worker, time, station and units: a *kept event*, a tenth of its size. Numbers
before the cut are added up from these and from the intervals, in any window and any calendar. They lie in blocks of
at most an hour, of no generation: nothing derives them anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, func, select, text

from factory.domain.states.calendar import HOURS
from factory.domain.states.intervals import FOREVER
from factory.domain.states.ranges import expand_ranges, take
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.states.totals import KeptRows
from factory.domain.timestamp import HOUR
from factory.store.derived import rollups
from factory.store.derived.rollups import Run
from factory.store.engine.database import Store
from factory.store.events import event_log
from factory.store.schema import exists_on, metadata
from factory.store.schema import rollups as rollups_table

Ints = npt.NDArray[np.int64]

_TABLES = ("events", "events_first", "events_beside")


class KeptEvents(NamedTuple):
    """Kept events as columns, ordered by worker and time."""

    worker: Ints
    time: Ints
    station: Ints
    units: Ints


def between(store: Store, tx: Connection, factory_key: int, start: int, end: int) -> KeptEvents:
    """Return the kept events in [start, end)."""
    return _in_runs(store, tx, factory_key, np.array([start]), np.array([end]))


def in_ranges(
    store: Store, tx: Connection, factory_key: int, cut: int | None, ranges: TimeRanges
) -> tuple[Ints, KeptEvents]:
    """Return the kept events in the ranges, and beside each the row of its range.

    Raw events before `cut` are no longer kept, those from it on are still raw; None is before all.
    """
    mine = np.flatnonzero(ranges.start < (-FOREVER if cut is None else cut))
    if len(mine) == 0:
        return mine, KeptEvents(*(np.empty(0, dtype=np.int64) for _ in KeptEvents._fields))
    worker, start, end = take(ranges, mine)
    kept = _in_runs(store, tx, factory_key, start, end)
    # Events and both bounds in one order; a bound comes before an event at its instant.
    who, at = np.concatenate([worker, worker, kept.worker]), np.concatenate([start, end, kept.time])
    is_event = np.arange(len(who)) >= 2 * len(mine)
    order = np.lexsort((is_event, at, who))
    before = np.empty(len(who), dtype=np.int64)
    before[order] = np.cumsum(is_event[order])
    row, event = expand_ranges(before[: len(mine)], before[len(mine) : 2 * len(mine)])
    return mine[row], take(kept, event)


def _in_runs(store: Store, tx: Connection, factory_key: int, start: Ints, end: Ints) -> KeptEvents:
    """Return the kept events in the ranges [start, end), and some between them; each once."""
    order = np.argsort(start, kind="stable")
    first, until = start[order] - HOUR, np.maximum.accumulate(end[order])  # the block of `start` began before it
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = first[1:] >= until[:-1]
    starts, ends = first[opens], until[np.append(opens[1:], True)]
    runs = [Run(rollups.KEPT_EVENTS, HOURS, a, b) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    blocks = rollups.load_runs(store, tx, factory_key, rollups.EVERY_GENERATION, runs)[rollups.KEPT_EVENTS]
    found = blocks.table(KeptRows)
    time = found.bucket + found.offset
    run = np.searchsorted(starts, time, side="right") - 1
    inside = np.flatnonzero((time >= starts[run] + HOUR) & (time < ends[run]))
    kept = take(KeptEvents(found.worker, time, found.station, found.units), inside)
    return take(kept, np.lexsort((kept.time, kept.worker)))


def latest(store: Store, tx: Connection, factory_key: int, workers: Ints, start: int, end: int) -> Ints:
    """Return the time of the last kept event of each worker in [start, end), `start` where there is none."""
    kept = between(store, tx, factory_key, start, end)
    if len(kept.worker) == 0:
        return np.full(len(workers), start)
    behind = np.searchsorted(kept.worker, workers, side="right") - 1
    place = np.maximum(behind, 0)
    return np.where((behind >= 0) & (kept.worker[place] == workers), kept.time[place], start)


def last_until(store: Store, tx: Connection, factory_key: int, instant: int) -> int | None:
    """Return the time of the last kept event of all that is not after an instant."""
    end = instant + 1
    while True:
        starts = select(func.max(rollups_table.c.start_at)).where(_blocks(factory_key), rollups_table.c.start_at < end)
        start: int | None = tx.execute(starts).scalar()
        if start is None:
            return None
        times = between(store, tx, factory_key, start, instant + 1).time
        if len(times):
            return int(times.max())
        end = start


def weights(tx: Connection, factory_key: int) -> list[tuple[int, int]]:
    """(hour since the epoch, bytes) of the blocks of kept events, in order."""
    c = rollups_table.c
    rows = tx.execute(select(c.start_at, func.length(c.page)).where(_blocks(factory_key)).order_by(c.start_at))
    return [(start // HOUR, size) for start, size in rows]


def _blocks(factory_key: int) -> Any:
    return rollups.mine(factory_key, rollups.EVERY_GENERATION, rollups.KEPT_EVENTS, HOURS)


def oldest_raw(store: Store, tx: Connection, factory_key: int, workers: Sequence[int]) -> int | None:
    """Return the time of the oldest raw event of the workers."""
    given, parameters = store.dialect.relation({"worker": np.asarray(workers, dtype=np.int64)})
    oldest = (
        "(SELECT min(e.event_time) FROM events e WHERE e.factory_key = :factory_key AND e.worker_key = given.worker)"
    )
    (times,) = store.dialect.fetch_columns(
        tx,
        {f"coalesce({oldest}, {FOREVER})": "i8"},
        f"SELECT {{}} FROM {given}",
        {"factory_key": factory_key, **parameters},
    )
    first = int(times.min(initial=FOREVER))
    return None if first == FOREVER else first


def remove(store: Store, tx: Connection, factory_key: int, workers: Sequence[int], start: int, end: int) -> int:
    """Keep of the workers' raw events in [start, end), at most an hour, what stays, and remove them; how many.

    The caller owns the factory and its derived rows, and has derived these events.
    """
    found = event_log.in_ranges(store, tx, factory_key, TimeRanges.of_each(workers, start, end))
    who = np.asarray(workers, dtype=np.int64)[found.place]
    order = np.lexsort((who, found.time))
    kept = KeptRows.of(
        bucket=np.full(len(order), start),
        offset=found.time[order] - start,
        worker=who[order],
        station=found.station[order],
        units=found.units[order],
    )
    starts = np.array([start])
    rollups.replace(tx, factory_key, rollups.EVERY_GENERATION, rollups.KEPT_EVENTS, HOURS, starts, kept)
    span = {"factory_key": factory_key, "start": start, "end": end}
    # One worker at a time, as the key is ordered: no plan can read more than these rows.
    mine = [span | {"worker_key": worker} for worker in np.unique(who).tolist()]
    for name in _TABLES:
        if mine and exists_on(metadata.tables[name], tx.dialect.name):
            tx.execute(
                text(
                    f"DELETE FROM {name} WHERE factory_key = :factory_key AND worker_key = :worker_key "
                    "AND event_time >= :start AND event_time < :end"
                ),
                mine,
            )
    return len(order)
