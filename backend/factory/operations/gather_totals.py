"""The exact totals of a window: whole buckets from the pages, the partial hours at its edges from the rows."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.calendar import MONTHS, Calendar, Stretch
from factory.domain.event import IDLE, UNKNOWN, WORKING
from factory.domain.intervals import FOREVER, Spans, clip, occupancy, spans_of
from factory.domain.metrics import FirstStates, Totals, nothing
from factory.domain.totals import (
    OCCUPANCY,
    PRESENCE,
    Page,
    add_up,
    presence_of_counts,
    presence_of_spans,
)
from factory.store import event_log, intervals, registries, rollups
from factory.store.database import Store
from factory.store.factories import Factory
from factory.store.rollups import ABSENCES, OCCUPANCIES, PRESENCES

Ints = npt.NDArray[np.int64]


class Ends(NamedTuple):
    """The ends of the workers' histories: known states that last without end, and first state events."""

    tails: Spans
    first_states: FirstStates


class Gatherer:
    """Gathers totals of one factory on one snapshot."""

    def __init__(self, store: Store, tx: Connection, site: Factory) -> None:
        self.store = store
        self.tx = tx
        self.site = site
        self.calendar = Calendar(site.time_zone)
        rows = registries.rows_of(tx, site.factory_key, "worker")
        self.workers: Ints = np.array(sorted(row[0] for row in rows), dtype=np.int64)
        self.ends = self._ends()

    def _ends(self) -> Ends:
        rows = intervals.ends_of_history(self.store, self.tx, self.site.factory_key, self.site.generation, self.workers)
        known = [row for row in rows if row[3] is not None and row[3] != UNKNOWN]
        columns = np.array([(w, start, FOREVER, state, station) for w, _, start, state, station in known], np.int64)
        tails = Spans(*columns.reshape(-1, 5).T)
        firsts = np.array([row[:2] for row in rows if row[1] is not None], dtype=np.int64).reshape(-1, 2)
        return Ends(tails, FirstStates(*firsts.T))

    def totals(self, start: int, end: int) -> Totals:
        """The totals of all workers and stations in [start, end)."""
        first = self.site.first_event_at
        # Nothing is before the hour of the first event: begin there, so that it need not be cut.
        low = end if first is None else max(start, int(self.calendar.hours_of(np.array([first]))[0]))
        if low >= end:
            return nothing(end - start)
        cover = self.calendar.cover(low, end)
        presence: list[Page] = []
        there: list[Page] = []
        for level, from_, to in cover.buckets:
            presence += self.pages(PRESENCES, level, from_, to).values()
            there += self.pages(OCCUPANCIES, level, from_, to).values()
        if cover.buckets:
            paged = min(b[1] for b in cover.buckets), max(b[2] for b in cover.buckets)
            presence += self.unpaged(*paged)
        for edge in cover.edges:
            spans, counted = self.rows_of(edge)
            presence += [presence_of_spans(spans), counted]
            there.append(occupancy_of(spans))
        return Totals(end - start, add_up(presence, PRESENCE), self._with_endless(add_up(there, OCCUPANCY), low, end))

    def unpaged(self, start: int, end: int) -> list[Page]:
        """Presence rows of what the pages of hours, days and months leave out of [start, end):

        states that last without end, and absences of whole months.
        """
        tails = clip(self.ends.tails, start, end)
        rows = [presence_of_spans(tails)] if len(tails.start) else []
        for (month, after), page in self._absences.items():
            if month < end and start < after:
                rows.append(page.copy())
                rows[-1]["absent"] = min(end, after) - max(start, month)
        return rows

    @cached_property
    def _absences(self) -> dict[Stretch, Page]:
        pages = self.pages(ABSENCES, MONTHS, 0, FOREVER)
        months = np.array(list(pages), dtype=np.int64)
        stretches = zip(pages, self.calendar.ends_of(MONTHS, months).tolist(), strict=True)
        return dict(zip(stretches, pages.values(), strict=True))

    def pages(self, kind: int, level: int, first: int, end: int) -> dict[int, Page]:
        """The pages of a level in [first, end) by their start."""
        return rollups.load(self.tx, self.site.factory_key, self.site.generation, kind, level, first, end)

    def spans_in(self, stretch: Stretch, workers: Ints | None = None) -> Spans:
        """The intervals of the workers (all unless given) cut to a stretch; the group is the worker."""
        who = self.workers if workers is None else workers
        stretches = event_log.all_of(who, *stretch)
        site = self.site
        changes = intervals.covering(self.store, self.tx, site.factory_key, site.generation, stretches)
        spans = clip(spans_of(changes), *stretch)
        return spans._replace(group=who[spans.group])

    def spans_with_opening(self, stretch: Stretch, worker: int) -> tuple[Spans, Ints]:
        """The intervals of one worker cut to a stretch, and the instants at which they began."""
        stretches = event_log.all_of([worker], *stretch)
        site = self.site
        whole = spans_of(intervals.covering(self.store, self.tx, site.factory_key, site.generation, stretches))
        whole = whole.take(np.maximum(whole.start, stretch[0]) < np.minimum(whole.end, stretch[1]))
        return clip(whole, *stretch), whole.start

    def rows_of(self, stretch: Stretch) -> tuple[Spans, Page]:
        """The intervals of all workers in a stretch, and the presence rows of its events."""
        stretches = event_log.all_of(self.workers, stretch[0], stretch[1] - 1)
        rows = event_log.count_in_stretches(self.store, self.tx, self.site.factory_key, stretches)
        place = np.array([row[0] for row in rows], dtype=np.int64)
        station, units, events = ([row[n] for row in rows] for n in (1, 2, 3))
        return self.spans_in(stretch), presence_of_counts(self.workers[place], station, units, events)

    def endless_stations(self) -> dict[int, int]:
        """Stations at which somebody is present without end, and since when; only without a state timeout."""
        present = (self.ends.tails.state == WORKING) | (self.ends.tails.state == IDLE)
        since: dict[int, int] = {}
        for station, start in zip(self.ends.tails.station[present], self.ends.tails.start[present], strict=True):
            since[int(station)] = min(int(start), since.get(int(station), FOREVER))
        return since

    def _with_endless(self, there: Page, low: int, end: int) -> Page:
        """Pages know no endless states: take the stations that have one from the intervals since then."""
        endless = {station: since for station, since in self.endless_stations().items() if since < end}
        if not endless:
            return there
        rows = [there[~np.isin(there["station"], list(endless))]]
        for station, since in endless.items():
            turn = min(max(low, int(self.calendar.hours_of(np.array([since]))[0])), end)
            rows += [page[page["station"] == station] for page in self._closed_occupancy(low, turn)]
            later = occupancy_of(self.spans_in((turn, end)))
            rows.append(later[later["station"] == station])
        return add_up(rows, OCCUPANCY)

    def _closed_occupancy(self, start: int, end: int) -> list[Page]:
        cover = self.calendar.cover(start, end)
        pages = [p for level, a, b in cover.buckets for p in self.pages(OCCUPANCIES, level, a, b).values()]
        return pages + [occupancy_of(self.spans_in(edge)) for edge in cover.edges]


def occupancy_of(spans: Spans) -> Page:
    """Occupancy rows of the stations of spans: the union of the stretches at each."""
    spans = spans.take(spans.state != UNKNOWN)
    stations, place = np.unique(spans.station, return_inverse=True)
    occupied, productive = occupancy(spans, place, len(stations))
    rows = np.zeros(len(stations), OCCUPANCY)
    rows["station"], rows["occupied"], rows["productive"] = stations, occupied, productive
    return rows[rows["occupied"] > 0]
