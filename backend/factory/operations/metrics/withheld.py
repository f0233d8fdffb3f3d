"""Figures for an audience that sees no persons, in one place for all routes (SPEC section 6, docs/PRIVACY.md).

Such an audience is told of *cells*: the factory, or a workstation, on one whole day of the factory's calendar that is
over. A cell is told if enough persons share it (domain/withheld.py), or it is withheld. Whatever is asked, an answer is
the sum of the told cells of its window, so that no two windows differ by less than a cell. What is told of a cell does
not depend on the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from factory.domain.metrics.rounding import hours
from factory.domain.metrics.window import Window
from factory.domain.states.calendar import DAYS, Calendar
from factory.domain.states.intervals import FOREVER
from factory.domain.states.lazy_table import LazyTable
from factory.domain.states.ranges import pack
from factory.domain.states.time_ranges import TimeRange
from factory.domain.states.totals import OccupancyRows, PresenceRows, sum_by_key, sum_by_station
from factory.domain.timestamp import DAY, SECOND
from factory.domain.withheld import Flags, Shares, of_nobody, shared, told
from factory.operations.metrics.window_totals import BucketedWindow, WindowReader
from factory.operations.visible_workers import Persons
from factory.store.derived import window_reads
from factory.store.events import id_registry

Ints = npt.NDArray[np.int64]
Rows = TypeVar("Rows", bound=LazyTable)

_DAYS_AT_ONCE = 100
"""So many days of all workers are held in memory."""
_YEAR = 366 * DAY
_CALENDAR_BEGINS = -62_135_596_800 * SECOND + 3 * _YEAR  # in the year 3; Calendar needs a year before


def first_seen(reader: WindowReader) -> Ints:
    """Return when each of the reader's workers was first seen: by the first state, else the first event."""
    workers = reader.workers
    seen = reader.first_states(np.empty(0, dtype=np.int64)).of(workers)
    without = workers[seen == FOREVER]
    if len(without):
        seen[seen == FOREVER] = window_reads.first_events(reader.store, reader.tx, reader.factory, without)
    return seen


class FactoryCells(NamedTuple):
    """The told cells of the factory, added up by bucket: `starts` and `elapsed` of the told days, 0 without any."""

    presence: PresenceRows
    starts: Ints
    elapsed: Ints


class StationCells(NamedTuple):
    """The told cells of workstations, added up by bucket; `elapsed` of the told days by bucket and station."""

    presence: PresenceRows
    occupancy: OccupancyRows
    elapsed: Ints


class ToldDays:
    """The days of a window, and of which cells in them the audience is told.

    `window` is cut to whole days of the factory's calendar that are over; it is empty at its beginning where there is
    none.
    """

    def __init__(self, reader: WindowReader, persons: Persons, window: Window) -> None:
        self.reader = reader
        self._k_min = persons.k_min
        self.window = _whole_days(reader.calendar, window)
        first, days = reader.factory.first_event_at, []
        if first is not None:
            # On the day of the first event everybody is new, and nothing is told.
            begin = max(self.window.start, _round_up(reader.calendar, first))
            days = reader.calendar.series("day", begin, self.window.end)
        self._days: list[TimeRange] = days

    @cached_property
    def stations(self) -> Ints:
        """The keys of all workstations, ascending: what is withheld of one depends on the others."""
        keys = id_registry.names_of(self.reader.tx, self.reader.factory.factory_key, "workstation").keys() - {0}
        return np.array(sorted(keys), dtype=np.int64)

    def factory(self, buckets: list[TimeRange]) -> FactoryCells:
        """Return what is told of the factory in each bucket, which are of whole days."""
        parts = [PresenceRows.of(bucket=np.empty(0, dtype=np.int64))]
        starts, elapsed = np.full(len(buckets), FOREVER), np.zeros(len(buckets), dtype=np.int64)
        for days in self._portions():
            into = _buckets_of(days.bucketed, buckets)
            chosen = days.factory
            np.minimum.at(starts, into[chosen], days.bucketed.starts[chosen])
            np.add.at(elapsed, into[chosen], days.bucketed.elapsed[chosen])
            rows = days.presence.where(chosen[days.presence.bucket])
            parts.append(sum_by_key(_moved(rows, into)))
        starts[elapsed == 0] = self.window.start
        return FactoryCells(PresenceRows.concat(parts), starts, elapsed)

    def of_stations(self, buckets: list[TimeRange]) -> StationCells:
        """Return what is told of the workstations in each bucket, which are of whole days."""
        parts = [PresenceRows.of(bucket=np.empty(0, dtype=np.int64))]
        times = [OccupancyRows.of(bucket=np.empty(0, dtype=np.int64))]
        elapsed = np.zeros((len(buckets), len(self.stations)), dtype=np.int64)
        for days in self._portions():
            into = _buckets_of(days.bucketed, buckets)
            chosen = days.stations
            np.add.at(elapsed, into, chosen * days.bucketed.elapsed[:, None])
            rows = days.presence.where(chosen[days.presence.bucket, self._place(days.presence.station)])
            parts.append(sum_by_key(_moved(rows, into)))
            union = days.occupancy.where(chosen[days.occupancy.bucket, self._place(days.occupancy.station)])
            times.append(sum_by_station(_moved(union, into)))
        return StationCells(PresenceRows.concat(parts), OccupancyRows.concat(times), elapsed)

    def _place(self, station: Ints) -> Ints:
        return np.searchsorted(self.stations, station)

    def _portions(self) -> Iterator[_Days]:
        for n in range(0, len(self._days), _DAYS_AT_ONCE):
            bucketed = BucketedWindow(self.reader, self._days[n : n + _DAYS_AT_ONCE], level=DAYS)
            yield _Days(bucketed, self.stations, self._first_seen, self._k_min)

    @cached_property
    def _first_seen(self) -> Ints:
        return first_seen(self.reader)


class _Days:
    """Some days, with the cells in them that are told: `factory` by day, `stations` by day and station."""

    def __init__(self, bucketed: BucketedWindow, stations: Ints, first_seen: Ints, k_min: int) -> None:
        self.bucketed = bucketed
        self._keys = stations
        self._workers = bucketed.reader.workers
        self._first_seen = first_seen
        self._k_min = k_min
        self.presence = bucketed.presence()

    @cached_property
    def occupancy(self) -> OccupancyRows:
        return self.bucketed.occupancy()

    def _counts(self, day: Ints, worker: Ints) -> Flags:
        """Whether a person counts: not on the day of their first event."""
        return self._first_seen[np.searchsorted(self._workers, worker)] < self.bucketed.starts[day]

    @cached_property
    def factory(self) -> Flags:
        rows = self.presence.sum_by(pack(self.presence.bucket, self.presence.worker))
        absent = np.where(rows.events > 0, rows.absent, 0)  # of who is not expected no absence is told
        shares = Shares(
            rows.bucket, self._counts(rows.bucket, rows.worker), (rows.active, rows.idle, absent, rows.units)
        )
        return told(shares, len(self.bucketed.starts), self._k_min)

    @cached_property
    def stations(self) -> Flags:
        days, width = len(self.bucketed.starts), len(self._keys)
        cell = self.presence.bucket * width + np.searchsorted(self._keys, self.presence.station)
        codes = pack(cell, self.presence.worker)
        rows = self.presence.sum_by(codes)
        cell = rows.bucket * width + np.searchsorted(self._keys, rows.station)
        counts = self._counts(rows.bucket, rows.worker)
        may = told(Shares(cell, counts, (rows.active, rows.idle, rows.units)), days * width, self._k_min)
        union = self.occupancy.sums_for(
            np.arange(days * width),
            self.occupancy.bucket * width + np.searchsorted(self._keys, self.occupancy.station),
        )
        may &= of_nobody(cell, rows.active + rows.idle, union.occupied, self._k_min)
        may &= of_nobody(cell, rows.active, union.productive, self._k_min)
        return self._with_the_rest_hidden(rows, cell, may.reshape(days, width))

    def _with_the_rest_hidden(self, rows: PresenceRows, cell: Ints, may: Flags) -> Flags:
        """Withhold more stations of a day while the factory's figures less the told ones are over too few persons."""
        days, width = may.shape
        persons = np.bincount(cell[rows.active + rows.idle + rows.units > 0], minlength=days * width)
        persons = persons.reshape(days, width)
        while True:
            rest = rows.where(~may.ravel()[cell])
            rest = rest.sum_by(pack(rest.bucket, rest.worker))
            counts = self._counts(rest.bucket, rest.worker)
            hidden = shared(Shares(rest.bucket, counts, (rest.active, rest.idle, rest.units)), days, self._k_min)
            bare = np.flatnonzero(self.factory & ~hidden & may.any(axis=1))
            if len(bare) == 0:
                return may
            fewest = np.where(may[bare], persons[bare], np.iinfo(np.int64).max).argmin(axis=1)
            may[bare, fewest] = False


def blank(figures: Iterable[str]) -> dict[str, Any]:
    """Return a row without its figures."""
    return dict.fromkeys(figures) | {"withheld": True}


def part_withheld(elapsed: int, of: int) -> dict[str, Any]:
    """Return how much of a row's time its figures leave out, both in microseconds; nothing if they leave out none."""
    return {} if elapsed == of else {"withheld_hours": hours(of - elapsed)}


def _buckets_of(days: BucketedWindow, buckets: list[TimeRange]) -> Ints:
    """Return the place of the bucket that each day is in."""
    return np.searchsorted(np.array([start for start, _ in buckets]), days.starts, side="right") - 1


def _moved(rows: Rows, into: Ints) -> Rows:
    """Return rows of days as rows of the buckets that the days are in."""
    columns = {column.name: column.of(rows) for column in rows.columns()}
    return type(rows).of(**columns | {"bucket": into[columns["bucket"]]})


def _whole_days(calendar: Calendar, window: Window) -> Window:
    if window.end < _CALENDAR_BEGINS:
        return window._replace(end=window.start, whole_days=True)
    start = window.start if window.start < _CALENDAR_BEGINS else _round_up(calendar, window.start)
    (end,) = calendar.starts_of(DAYS, np.array([window.end])).tolist()
    if start >= end:
        start = end = window.start
    return window._replace(start=start, end=end, whole_days=True)


def _round_up(calendar: Calendar, instant: int) -> int:
    starts = calendar.starts_of(DAYS, np.array([instant]))
    return int(instant if starts[0] == instant else calendar.ends_of(DAYS, starts)[0])
