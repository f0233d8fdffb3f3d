"""The totals of a window or of the buckets of a series: whole hours from roll-ups, the cut ones from rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.event import ABSENT, UNKNOWN
from factory.domain.metrics.formulas import FirstStates
from factory.domain.states.calendar import MONTHS, Cover
from factory.domain.states.intervals import FOREVER, Changes, Spans, clip, spans_of, split
from factory.domain.states.ranges import take
from factory.domain.states.time_ranges import TimeRange, TimeRanges
from factory.domain.states.totals import (
    OccupancyRows,
    PresenceRows,
    occupancy_of_pieces,
    presence_of_counts,
    presence_of_pieces,
)
from factory.operations.derive.zone_rules import calendar_in_use
from factory.store.derived import rollups, window_reads
from factory.store.derived.rollups import ABSENCES, OCCUPANCIES, PRESENCES, RollupBlocks, Run
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.factories import Factory

Ints = npt.NDArray[np.int64]


class WindowReader:
    """Reads one factory on one snapshot; of its workers only some where their keys are given."""

    def __init__(self, store: Store, tx: Connection, factory: Factory, only: Collection[int] | None = None) -> None:
        self.store = store
        self.tx = tx
        self.factory = factory
        self.only = only
        self.calendar = calendar_in_use(tx, factory)

    @cached_property
    def workers(self) -> Ints:
        """The keys of the workers, ascending."""
        keys = self.only
        if keys is None:
            keys = id_registry.names_of(self.tx, self.factory.factory_key, "worker").keys() - {0}
        return np.array(sorted(keys), dtype=np.int64)

    def first_states(self, but: Ints) -> FirstStates:
        """Return the workers' first state events; none where there are no workers but those."""
        if len(but) == len(self.workers):
            return FirstStates(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        return self._first_states

    @cached_property
    def _first_states(self) -> FirstStates:
        changes = window_reads.first_changes(self.store, self.tx, self.factory, self.workers)
        return FirstStates(changes.group, changes.start)

    @cached_property
    def tails(self) -> Spans:
        """The known states that last without end; the group is the worker. Roll-ups leave them out."""
        last = window_reads.last_changes(self.store, self.tx, self.factory, self.workers)
        return spans_of(take(last, last.state != UNKNOWN))

    def changes_at(self, instant: int) -> Changes:
        """Return the change that made each worker's state at an instant; the group is the worker."""
        at = np.full_like(self.workers, instant)
        ranges = TimeRanges.through(self.workers, at, at)
        changes = window_reads.changes_in(self.store, self.tx, self.factory, ranges)
        return changes._replace(group=ranges.worker[changes.group])

    def spans_in(self, *periods: TimeRange) -> Spans:
        """Return the intervals of the workers cut to the periods; the group is the worker."""
        if not periods:
            return Spans(*(np.empty(0, dtype=np.int64) for _ in Spans._fields))
        ranges = self._of_each_worker(periods)
        spans = spans_of(window_reads.changes_in(self.store, self.tx, self.factory, ranges))
        spans = clip(spans, ranges.start[spans.group], ranges.end[spans.group])
        return spans._replace(group=ranges.worker[spans.group])

    def spans_with_opening(self, period: TimeRange, worker: int) -> tuple[Spans, Ints]:
        """Return the intervals of one worker cut to a period, and the instants at which they began."""
        start, end = period
        ranges = TimeRanges.of_each([worker], start, end)
        whole = spans_of(window_reads.changes_in(self.store, self.tx, self.factory, ranges))
        whole = take(whole, np.maximum(whole.start, start) < np.minimum(whole.end, end))
        return clip(whole, start, end), whole.start

    def quarters_in(self, *periods: TimeRange) -> PresenceRows:
        """Return the events in the periods, counted by quarter of an hour, whose start is the `bucket`."""
        if not periods:
            return PresenceRows.of(bucket=np.empty(0, dtype=np.int64))
        ranges = self._of_each_worker(periods)
        counts = window_reads.counts_by_quarter(self.store, self.tx, self.factory, ranges)
        worker = ranges.worker[counts.row]
        return presence_of_counts(counts.quarter, worker, counts.station, counts.units, counts.events)

    def _of_each_worker(self, periods: Sequence[TimeRange]) -> TimeRanges:
        return TimeRanges.join(*(TimeRanges.of_each(self.workers, *period) for period in periods))


class BucketedWindow:
    """A window as buckets, ascending and without gaps; a window of one answer has one.

    All but the first and the last are runs of whole roll-ups of the level; without a level all are cut from rows.
    With stations it has the rows of those alone.
    """

    def __init__(
        self,
        reader: WindowReader,
        buckets: Sequence[TimeRange],
        *,
        level: int | None = MONTHS,
        stations: Collection[int] | None = None,
    ) -> None:
        self.reader = reader
        self._level = level
        self._stations = stations
        self.starts, self.ends = np.array(buckets, dtype=np.int64).reshape(-1, 2).T
        self.elapsed = self.ends - self.starts
        self._cover = self._covered(FOREVER)

    def _covered(self, until: int) -> Cover:
        """Return the roll-ups to read of the time before `until`, and the parts of hours at the edges.

        A series of days, from Monday 10:30 to Thursday 16:20:

            | first          | inner                 | last           |
            10:30    Tue 0:00                 Thu 0:00     16:00  16:20
            .....|-- hours --|-------- days --------|-- hours -|....|

        Inner buckets are whole roll-ups of the level; the first and the last are covered each for itself.
        Nothing is before the first event: a bucket that begins before it may as well begin with its month.
        """
        first_event, calendar = self.reader.factory.first_event_at, self.reader.calendar
        if first_event is None:
            return Cover()
        month = int(calendar.starts_of(MONTHS, np.array([first_event]))[0])
        starts, ends = np.where(self.starts <= first_event, month, self.starts), np.minimum(self.ends, until)
        not_empty = np.flatnonzero((first_event < ends) & (starts < ends))
        if len(not_empty) == 0:
            return Cover()
        first, last = int(not_empty[0]), int(not_empty[-1])
        window_start, window_end = int(starts[first]), int(ends[last])
        if self._level is None:
            return Cover(edges=[(window_start, window_end)])
        if first == last:
            return calendar.cover(window_start, window_end)
        inner_start, inner_end = int(ends[first]), int(starts[last])
        before, after = calendar.cover(window_start, inner_start), calendar.cover(inner_end, window_end)
        inner = [(self._level, inner_start, inner_end)] if inner_start < inner_end else []
        return Cover([*before.buckets, *inner, *after.buckets], before.edges + after.edges)

    def _bucket_of(self, instants: Ints) -> Ints:
        """Return the place of the bucket in which each event or roll-up is.

        A roll-up that begins with the month of the first event is in the bucket of that event.
        """
        first = self.reader.factory.first_event_at or 0
        earliest = np.searchsorted(self.ends, first, side="right")
        return np.maximum(np.searchsorted(self.starts, instants, side="right") - 1, earliest)

    @cached_property
    def _edge_spans(self) -> Spans:
        return self.reader.spans_in(*self._cover.edges)

    def presence(self) -> PresenceRows:
        """Return the totals of workers at stations, by bucket."""
        spans: list[Spans] = [self._edge_spans]
        parts: list[PresenceRows] = []
        if self._cover.buckets:
            start = min(first for _, first, _ in self._cover.buckets)
            end = max(end for _, _, end in self._cover.buckets)
            month = int(self.reader.calendar.starts_of(MONTHS, np.array([start]))[0])
            runs = [Run(PRESENCES, *run) for run in self._cover.buckets] + [Run(ABSENCES, MONTHS, month, end)]
            blocks = self._load(runs)
            parts.append(blocks[PRESENCES].table(PresenceRows, self._bucket_of(blocks[PRESENCES].start)))
            spans += [clip(more, start, end) for more in (self.reader.tails, self._absences(blocks[ABSENCES]))]
        together = Spans(*(np.concatenate(columns) for columns in zip(*spans, strict=True)))
        pieces, bucket = split(take(together, together.state != UNKNOWN), self.starts, self.ends)
        quarters = self.reader.quarters_in(*self._cover.edges)
        counted = presence_of_counts(
            self._bucket_of(quarters.bucket), quarters.worker, quarters.station, quarters.units, quarters.events
        )
        rows = PresenceRows.concat([*parts, presence_of_pieces(pieces, bucket), counted])
        if self.reader.only is not None:
            rows = rows.where(np.isin(rows.worker, list(self.reader.only)))
        return rows if self._stations is None else rows.where(np.isin(rows.station, list(self._stations)))

    def occupancy(self) -> OccupancyRows:
        """Return the totals of stations, by bucket.

        Roll-ups know no endless states: a station that has one is read from the intervals since then.
        """
        rows = OccupancyRows.concat(self._occupancy(self._cover, self._edge_spans))
        tails, end = self.reader.tails, int(self.ends[-1])
        endless = take(tails, (tails.state != ABSENT) & (tails.start < end))
        if len(endless.start):
            turn = max(int(self.reader.calendar.hours_of(endless.start).min()), int(self.starts[0]))
            before = self._covered(turn)
            parts = self._occupancy(before, self.reader.spans_in(*before.edges))
            parts += self._occupancy(Cover(), self.reader.spans_in((turn, end)))
            anew = OccupancyRows.concat(parts)
            stations = np.unique(endless.station)
            unchanged = rows.where(~np.isin(rows.station, stations))
            rows = OccupancyRows.concat([unchanged, anew.where(np.isin(anew.station, stations))])
        return rows if self._stations is None else rows.where(np.isin(rows.station, list(self._stations)))

    def _occupancy(self, cover: Cover, edges: Spans) -> list[OccupancyRows]:
        pieces, bucket = split(edges, self.starts, self.ends)
        parts = [occupancy_of_pieces(pieces, bucket, self.starts)]
        if cover.buckets:
            blocks = self._load([Run(OCCUPANCIES, *run) for run in cover.buckets])[OCCUPANCIES]
            parts.append(blocks.table(OccupancyRows, self._bucket_of(blocks.start)))
        return parts

    def _load(self, runs: Sequence[Run]) -> dict[int, RollupBlocks]:
        factory = self.reader.factory
        return rollups.load_runs(self.reader.store, self.reader.tx, factory.factory_key, factory.generation, runs)

    def _absences(self, blocks: RollupBlocks) -> Spans:
        """Months of absence as intervals; the group is the worker."""
        rows = blocks.table(PresenceRows)
        ends = np.repeat(self.reader.calendar.ends_of(MONTHS, blocks.start), blocks.rows)
        return Spans(rows.worker, rows.bucket, ends, np.full(len(ends), ABSENT), rows.station)
