"""What happened in a window or in the buckets of a series: whole hours from pages, the cut ones from rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.event import ABSENT, UNKNOWN
from factory.domain.metrics.formulas import FirstStates
from factory.domain.states.calendar import MONTHS, Calendar, Cover
from factory.domain.states.intervals import FOREVER, Changes, Spans, clip, spans_of, split
from factory.domain.states.sums import (
    PRESENCE_COLUMNS,
    Chosen,
    Columns,
    Joined,
    occupancy_of_pieces,
    presence_of_pieces,
)
from factory.domain.states.time_ranges import TimeRange, TimeRanges
from factory.store.derived import rollups, window_reads
from factory.store.derived.rollups import ABSENCES, OCCUPANCIES, PRESENCES, Pages
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.factories import Factory

Ints = npt.NDArray[np.int64]


class Gatherer:
    """Reads one factory on one snapshot; of its workers only some where their keys are given."""

    def __init__(self, store: Store, tx: Connection, site: Factory, only: Collection[int] | None = None) -> None:
        self.store = store
        self.tx = tx
        self.site = site
        self.only = only
        self.calendar = Calendar(site.time_zone)

    @cached_property
    def workers(self) -> Ints:
        """The keys of the workers, ascending."""
        keys = self.only
        if keys is None:
            keys = id_registry.names_of(self.tx, self.site.factory_key, "worker").keys() - {0}
        return np.array(sorted(keys), dtype=np.int64)

    def first_states(self, but: Ints) -> FirstStates:
        """The workers' first state events; none where there are no workers but those."""
        if len(but) == len(self.workers):
            return FirstStates(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        return self._first_states

    @cached_property
    def _first_states(self) -> FirstStates:
        changes = window_reads.first_changes(self.store, self.tx, self.site, self.workers)
        return FirstStates(changes.group, changes.start)

    @cached_property
    def tails(self) -> Spans:
        """The known states that last without end; the group is the worker. Pages leave them out."""
        last = window_reads.last_changes(self.store, self.tx, self.site, self.workers)
        return spans_of(last.take(last.state != UNKNOWN))

    def changes_at(self, instant: int) -> Changes:
        """The change that made the workers' state at an instant, of those who have any; the group is the worker."""
        cut = TimeRanges.of_each(self.workers, instant, instant + 1)
        changes = window_reads.changes_in(self.store, self.tx, self.site, cut)
        return changes._replace(group=cut.worker[changes.group])

    def spans_in(self, *ranges: TimeRange) -> Spans:
        """The intervals of the workers cut to the ranges; the group is the worker."""
        if not ranges:
            return Spans(*(np.empty(0, dtype=np.int64) for _ in Spans._fields))
        cut = self._of_each_worker(ranges)
        spans = spans_of(window_reads.changes_in(self.store, self.tx, self.site, cut))
        spans = clip(spans, cut.start[spans.group], cut.end[spans.group])
        return spans._replace(group=cut.worker[spans.group])

    def spans_with_opening(self, stretch: TimeRange, worker: int) -> tuple[Spans, Ints]:
        """The intervals of one worker cut to a stretch, and the instants at which they began."""
        cut = TimeRanges.of_each([worker], *stretch)
        whole = spans_of(window_reads.changes_in(self.store, self.tx, self.site, cut))
        whole = whole.take(np.maximum(whole.start, stretch[0]) < np.minimum(whole.end, stretch[1]))
        return clip(whole, *stretch), whole.start

    def events_in(self, *ranges: TimeRange) -> dict[str, Ints]:
        """The presence rows of the events in the ranges; `instant` lies in the same quarter of an hour as they."""
        if not ranges:
            return dict.fromkeys((*PRESENCE_COLUMNS, "instant"), np.empty(0, dtype=np.int64))
        cut = self._of_each_worker(ranges)
        place, station, instant, units, events = window_reads.counts_by_quarter(self.store, self.tx, self.site, cut)
        rows = {"worker": cut.worker[place], "station": station, "instant": instant, "units": units, "events": events}
        return dict.fromkeys(PRESENCE_COLUMNS, np.zeros(len(place), dtype=np.int64)) | rows

    def _of_each_worker(self, ranges: Sequence[TimeRange]) -> TimeRanges:
        return TimeRanges.join(*(TimeRanges.of_each(self.workers, *stretch) for stretch in ranges))


class Series:
    """The buckets of one question: ascending, without gaps.

    All but the first and the last are runs of whole pages of the level; without a level all are cut from rows.
    With stations it has the rows of those alone.
    """

    def __init__(
        self,
        gatherer: Gatherer,
        ranges: Sequence[TimeRange],
        *,
        level: int | None = MONTHS,
        stations: Collection[int] | None = None,
    ) -> None:
        self.gatherer = gatherer
        self._level = level
        self._only = {"worker": gatherer.only, "station": stations}
        self.starts, self.ends = np.array(ranges, dtype=np.int64).reshape(-1, 2).T
        self.elapsed = self.ends - self.starts
        self._cover = self._covered(FOREVER)

    def _covered(self, until: int) -> Cover:
        """Where to read what lies before `until`.

        Nothing is before the first event: what begins before it may as well begin with its month, as a page.
        """
        first, calendar = self.gatherer.site.first_event_at, self.gatherer.calendar
        if first is None:
            return Cover()
        month = int(calendar.starts_of(MONTHS, np.array([first]))[0])
        low, high = np.where(self.starts <= first, month, self.starts), np.minimum(self.ends, until)
        there = np.flatnonzero((first < high) & (low < high))
        if len(there) == 0:
            return Cover()
        begin, end, begun, ending = (int(at) for at in (low[there[0]], high[there[-1]], high[there[0]], low[there[-1]]))
        if self._level is None:
            return Cover(edges=[(begin, end)])
        if len(there) == 1:
            return calendar.cover(begin, end)
        outer = calendar.cover(begin, begun), calendar.cover(ending, end)
        inner = [(self._level, begun, ending)] if begun < ending else []
        return Cover([*outer[0].buckets, *inner, *outer[1].buckets], outer[0].edges + outer[1].edges)

    def _bucket_of(self, instants: Ints) -> Ints:
        """The buckets of events and pages; one that begins with the first event's month is of that event's bucket."""
        first = self.gatherer.site.first_event_at or 0
        earliest = np.searchsorted(self.ends, first, side="right")
        return np.maximum(np.searchsorted(self.starts, instants, side="right") - 1, earliest)

    @cached_property
    def _edge_spans(self) -> Spans:
        return self.gatherer.spans_in(*self._cover.edges)

    def presence(self) -> Columns:
        """What the workers did at the stations (domain/states/sums.py)."""
        spans: list[Spans] = [self._edge_spans]
        parts: list[Columns] = []
        if self._cover.buckets:
            begin = min(first for _, first, _ in self._cover.buckets)
            end = max(end for _, _, end in self._cover.buckets)
            month = int(self.gatherer.calendar.starts_of(MONTHS, np.array([begin]))[0])
            pages = self._load([(PRESENCES, *run) for run in self._cover.buckets] + [(ABSENCES, MONTHS, month, end)])
            parts.append(self._of_pages(pages[PRESENCES]))
            spans += [clip(more, begin, end) for more in (self.gatherer.tails, self._absences(pages[ABSENCES]))]
        together = Spans(*(np.concatenate(columns) for columns in zip(*spans, strict=True)))
        pieces, bucket = split(together.take(together.state != UNKNOWN), self.starts, self.ends)
        counted = self.gatherer.events_in(*self._cover.edges)
        counted["bucket"] = self._bucket_of(counted["instant"])
        return self._chosen(Joined([*parts, presence_of_pieces(pieces, bucket), counted]), "worker", "station")

    def occupancy(self) -> Columns:
        """How long anybody was at the stations (domain/states/sums.py).

        Pages know no endless states: a station that has one is read from the intervals since then.
        """
        there = Joined(self._occupancy(self._cover, self._edge_spans))
        tails, end = self.gatherer.tails, int(self.ends[-1])
        endless = tails.take((tails.state != ABSENT) & (tails.start < end))
        if len(endless.start) == 0:
            return self._chosen(there, "station")
        turn = max(int(self.gatherer.calendar.hours_of(endless.start).min()), int(self.starts[0]))
        before = self._covered(turn)
        later = Joined(
            [
                *self._occupancy(before, self.gatherer.spans_in(*before.edges)),
                *self._occupancy(Cover(), self.gatherer.spans_in((turn, end))),
            ]
        )
        stations = np.unique(endless.station)
        parts = [
            Chosen(there, ~np.isin(there["station"], stations)),
            Chosen(later, np.isin(later["station"], stations)),
        ]
        return self._chosen(Joined(parts), "station")

    def _chosen(self, rows: Columns, *names: str) -> Columns:
        for name in names:
            if (keys := self._only[name]) is not None:
                rows = Chosen(rows, np.isin(rows[name], np.array(list(keys))))
        return rows

    def _occupancy(self, cover: Cover, edges: Spans) -> list[Columns]:
        pieces, bucket = split(edges, self.starts, self.ends)
        parts: list[Columns] = [occupancy_of_pieces(pieces, bucket, self.starts)]
        if cover.buckets:
            pages = self._load([(OCCUPANCIES, *run) for run in cover.buckets])
            parts.append(self._of_pages(pages[OCCUPANCIES]))
        return parts

    def _load(self, runs: Sequence[tuple[int, int, int, int]]) -> dict[int, Pages]:
        site = self.gatherer.site
        return rollups.load_runs(self.gatherer.store, self.gatherer.tx, site.factory_key, site.generation, runs)

    def _absences(self, pages: Pages) -> Spans:
        """Months of absence as intervals; the group is the worker."""
        ends = self.gatherer.calendar.ends_of(MONTHS, pages.start)
        start, end = np.repeat(pages.start, pages.rows), np.repeat(ends, pages.rows)
        return Spans(pages["worker"], start, end, np.full(len(start), ABSENT), pages["station"])

    def _of_pages(self, pages: Pages) -> Columns:
        return PagedRows(pages, self._bucket_of(pages.start))


class PagedRows:
    """The rows of pages; `bucket` is that of each page."""

    def __init__(self, pages: Pages, bucket: Ints) -> None:
        self._pages = pages
        self._bucket = bucket

    def __getitem__(self, name: str) -> Ints:
        return np.repeat(self._bucket, self._pages.rows) if name == "bucket" else self._pages[name]
