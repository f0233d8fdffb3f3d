"""Make the pages of hours, days and months follow the changes of state and the events again."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.calendar import DAYS, HOURS, MONTHS, Calendar
from factory.domain.intervals import FOREVER, clip, occupancy, spans_of, split
from factory.domain.totals import (
    OCCUPANCY,
    PRESENCE,
    Page,
    add_up,
    presence_of_counts,
    presence_of_spans,
)
from factory.store import event_log, intervals, rollups
from factory.store.database import Store
from factory.store.event_log import Stretches
from factory.store.rollups import OCCUPANCIES, PRESENCES

Ints = npt.NDArray[np.int64]


def refresh_pages(
    store: Store, tx: Connection, factory_key: int, generation: int, calendar: Calendar, stretches: Stretches
) -> None:
    """Make the pages anew for the workers of the stretches [low, high), in the hours that these reach."""
    if len(stretches.worker) == 0:
        return
    pages = _Pages(store, tx, factory_key, generation, calendar)
    hours = calendar.hour_starts(int(stretches.low.min()), int(stretches.high.max()))
    worker, hour = _cells(stretches, hours, calendar.ends_of(HOURS, hours))
    touched = pages.refresh_presence(worker, hour)
    pages.refresh_occupancy(touched)
    pages.refresh_coarser(np.unique(hour))


def _cells(stretches: Stretches, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """The distinct (worker, start of hour) that the stretches overlap, ordered by worker and hour."""
    first = np.searchsorted(ends, stretches.low, side="right")
    count = np.searchsorted(starts, stretches.high, side="left") - first
    place = np.repeat(first, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    code = np.unique(np.repeat(stretches.worker, count) * len(starts) + place)
    return code // len(starts), starts[code % len(starts)]


class _Pages:
    def __init__(self, store: Store, tx: Connection, factory_key: int, generation: int, calendar: Calendar) -> None:
        self.store = store
        self.tx = tx
        self.factory_key = factory_key
        self.generation = generation
        self.calendar = calendar

    def refresh_presence(self, worker: Ints, hour: Ints) -> dict[int, tuple[Page, set[int]]]:
        """Replace the rows of the cells; each hour's new page, and the stations whose occupancy may differ."""
        cells = Stretches(worker, hour, self.calendar.ends_of(HOURS, hour))
        fresh, fresh_cell = self._presence_of(cells)
        fresh_hour = hour[fresh_cell]
        starts = np.unique(hour).tolist()
        before = rollups.load_some(self.tx, self.factory_key, self.generation, PRESENCES, HOURS, starts)
        workers_of = _grouped(hour, worker)
        rows_of = _grouped(fresh_hour, fresh)
        result: dict[int, tuple[Page, set[int]]] = {}
        for start in starts:
            old = before.get(start, np.empty(0, PRESENCE))
            mine = np.isin(old["worker"], workers_of[start])
            new = add_up([old[~mine], rows_of.get(start, np.empty(0, PRESENCE))], PRESENCE)
            there = [rows[rows["active"] + rows["idle"] > 0]["station"] for rows in (old[mine], new)]
            new_mine = np.isin(new["worker"], workers_of[start])
            there[1] = new[new_mine & (new["active"] + new["idle"] > 0)]["station"]
            result[start] = (new, set(np.concatenate(there).tolist()))
        self._replace(PRESENCES, HOURS, {start: page for start, (page, _) in result.items()})
        return result

    def _presence_of(self, cells: Stretches) -> tuple[Page, Ints]:
        """Presence rows of the cells, and the cell of each row."""
        runs, run_of_first = _runs(cells)
        changes = intervals.covering(self.store, self.tx, self.factory_key, self.generation, runs)
        spans = spans_of(changes)
        spans = spans.take(spans.end < FOREVER)
        spans = clip(spans, runs.low[spans.group], runs.high[spans.group])
        # Cells are laid one behind the other on an axis of their own, so that one split serves all runs.
        lengths = cells.high - cells.low
        axis = np.cumsum(lengths) - lengths
        shift = axis[run_of_first] - runs.low
        moved = spans._replace(start=spans.start + shift[spans.group], end=spans.end + shift[spans.group])
        pieces, cell = split(moved, axis, axis + lengths)
        timed = presence_of_spans(pieces._replace(group=cells.worker[cell]))
        timed_cell = cell[pieces.state > 0]
        rows = event_log.count_in_stretches(self.store, self.tx, self.factory_key, cells._replace(high=cells.high - 1))
        place, station, units, count = (
            (np.array(c, dtype=np.int64) for c in zip(*rows, strict=True)) if rows else (np.empty(0, np.int64),) * 4
        )
        counted = presence_of_counts(cells.worker[place], station, units, count)
        return np.concatenate([timed, counted]), np.concatenate([timed_cell, place])

    def refresh_occupancy(self, touched: dict[int, tuple[Page, set[int]]]) -> None:
        """Replace the rows of the touched stations of each hour."""
        starts = sorted(touched)
        before = rollups.load_some(self.tx, self.factory_key, self.generation, OCCUPANCIES, HOURS, starts)
        fresh: dict[int, list[Page]] = {start: [] for start in starts}
        shared: list[tuple[int, int, int]] = []
        for start, (page, stations) in touched.items():
            here = page[(page["active"] + page["idle"] > 0) & np.isin(page["station"], list(stations))]
            _, first, visitors = np.unique(here["station"], return_index=True, return_counts=True)
            alone = here[first[visitors == 1]]
            rows: Page = np.zeros(len(alone), OCCUPANCY)
            rows["station"], rows["productive"] = alone["station"], alone["active"]
            rows["occupied"] = alone["active"] + alone["idle"]
            fresh[start].append(rows)
            several = here[np.isin(here["station"], here["station"][first[visitors > 1]])]
            shared += [(int(row["worker"]), start, int(row["station"])) for row in several]
        for start, rows in self._shared_occupancy(shared).items():
            fresh[start].append(rows)
        pages = {}
        for start in starts:
            old = before.get(start, np.empty(0, OCCUPANCY))
            pages[start] = add_up([old[~np.isin(old["station"], list(touched[start][1]))], *fresh[start]], OCCUPANCY)
        self._replace(OCCUPANCIES, HOURS, pages)

    def _shared_occupancy(self, shared: list[tuple[int, int, int]]) -> dict[int, Page]:
        """Occupancy of the stations where several workers, given as (worker, hour, station), met in an hour."""
        if not shared:
            return {}
        worker, hour, station = np.array(sorted(set(shared)), dtype=np.int64).T
        cells = Stretches(worker, hour, self.calendar.ends_of(HOURS, hour))
        changes = intervals.covering(self.store, self.tx, self.factory_key, self.generation, cells)
        spans = spans_of(changes)
        spans = spans.take((spans.end < FOREVER) & (spans.station == station[spans.group]))
        spans = clip(spans, cells.low[spans.group], cells.high[spans.group])
        place_code = (hour - hour.min()) // 1_000_000 * 65_536 + station
        codes, place = np.unique(place_code, return_inverse=True)
        occupied, productive = occupancy(spans, place[spans.group], len(codes))
        rows = np.zeros(len(codes), OCCUPANCY)
        rows["station"], rows["occupied"], rows["productive"] = codes % 65_536, occupied, productive
        at = codes // 65_536 * 1_000_000 + hour.min()
        return _grouped(at, rows)

    def refresh_coarser(self, hours: Ints) -> None:
        """Add up the hours of each touched day anew, and the days of each touched month."""
        finer = hours
        for level in (DAYS, MONTHS):
            starts = np.unique(self.calendar.starts_of(level, finer))
            ends = self.calendar.ends_of(level, starts)
            for kind in (PRESENCES, OCCUPANCIES):
                pages = {
                    start: add_up(list(self._load(kind, level - 1, start, end).values()), rollups.KINDS[kind])
                    for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
                }
                self._replace(kind, level, pages)
            finer = starts

    def _load(self, kind: int, level: int, first: int, end: int) -> dict[int, Page]:
        return rollups.load(self.tx, self.factory_key, self.generation, kind, level, first, end)

    def _replace(self, kind: int, level: int, pages: dict[int, Page]) -> None:
        rollups.replace(self.tx, self.factory_key, self.generation, kind, level, pages)


def _runs(cells: Stretches) -> tuple[Stretches, Ints]:
    """Join adjacent hours of a worker; also the first cell of each run."""
    begins = np.ones(len(cells.worker), dtype=bool)
    begins[1:] = (cells.worker[1:] != cells.worker[:-1]) | (cells.low[1:] != cells.high[:-1])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(begins)) - 1
    return Stretches(cells.worker[first], cells.low[first], cells.high[last]), first


def _grouped(key: Ints, rows: npt.NDArray[Any]) -> dict[int, npt.NDArray[Any]]:
    """The rows by key."""
    order = np.argsort(key, kind="stable")
    keys, first = np.unique(key[order], return_index=True)
    return dict(zip(keys.tolist(), np.split(rows[order], first[1:]), strict=True))
