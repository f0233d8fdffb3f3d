"""The derived rows of one generation in one transaction."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.states.calendar import Calendar
from factory.domain.states.intervals import FOREVER, Changes, Spans, spans_of
from factory.domain.states.ranges import run_starts
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.states.totals import Page, Rows, stack, unstack
from factory.store.derived import intervals, rollups
from factory.store.engine.database import Store

Ints = npt.NDArray[np.int64]


class DerivedRows(NamedTuple):
    """Where derived rows are read and written, and the calendar that their pages follow."""

    store: Store
    tx: Connection
    factory_key: int
    generation: int
    calendar: Calendar
    retained_from: int | None
    """Raw events before this instant are no longer kept (store/derived/retention.py)."""

    def changes_covering(self, ranges: TimeRanges) -> Changes:
        """The changes inside each range, the last before it and the first after it, by row of the range."""
        return intervals.covering(self.store, self.tx, self.factory_key, self.generation, ranges)

    def spans_over(self, ranges: TimeRanges) -> Spans:
        """The spans that reach into the ranges, each once, by worker; without those that last until now."""
        spans = spans_of(self.changes_covering(ranges))
        spans = spans.take(spans.end < FOREVER)
        spans = spans._replace(group=ranges.worker[spans.group])
        spans = spans.take(np.lexsort((spans.start, spans.group)))
        return spans.take(run_starts(spans.group, spans.start))

    def last_starts(self, workers: Ints) -> Ints:
        """The start of the last change of each worker, FOREVER where there is none."""
        return intervals.last_starts(self.store, self.tx, self.factory_key, self.generation, workers)

    def replace_changes(self, gone: Changes, new: Changes) -> None:
        """Remove changes and add others; their group is the worker."""
        intervals.replace(self.store, self.tx, self.factory_key, self.generation, gone, new)

    def pages_at(self, kind: int, level: int, starts: Ints) -> Rows:
        """The rows of the pages of the buckets that begin at `starts`."""
        pages = rollups.load_some(self.tx, self.factory_key, self.generation, kind, level, starts.tolist())
        return stack(pages, rollups.KINDS[kind])

    def pages_in(self, kind: int, level: int, first: int, end: int) -> dict[int, Page]:
        """The pages of the buckets that begin in [first, end)."""
        return rollups.load(self.tx, self.factory_key, self.generation, kind, level, first, end)

    def replace_pages(self, kind: int, level: int, starts: Ints, rows: Rows) -> None:
        """Put rows in the place of the pages of the buckets that begin at `starts`."""
        pages = unstack(rows, starts)
        rollups.replace(self.tx, self.factory_key, self.generation, kind, level, pages)
