"""The derived rows of one generation in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.states.calendar import Calendar
from factory.domain.states.intervals import FOREVER, Changes, Spans, spans_of
from factory.domain.states.lazy_table import LazyTable
from factory.domain.states.ranges import run_starts, take
from factory.domain.states.time_ranges import TimeRanges
from factory.store.derived import intervals, rollups
from factory.store.derived.rollups import RollupBlocks, Run
from factory.store.engine.database import Store

Ints = npt.NDArray[np.int64]
T = TypeVar("T", bound=LazyTable)


class Generation(NamedTuple):
    """A set of a factory's derived rows, by its number, and the settings that the rows follow."""

    factory_key: int
    number: int
    timeout: int
    calendar: Calendar
    retained_from: int | None = None
    """Raw events before this instant are no longer kept; what was derived from them stands."""

    def rows(self, store: Store, tx: Connection) -> GenerationRows:
        """Return the derived rows in a transaction."""
        return GenerationRows(store, tx, *self)


class GenerationRows(NamedTuple):
    """Reads and writes the derived rows of a generation."""

    store: Store
    tx: Connection
    factory_key: int
    generation: int
    timeout: int
    calendar: Calendar
    retained_from: int | None

    def changes_covering(self, ranges: TimeRanges) -> Changes:
        """Return the changes inside each range, the last before it and the first after it, by row of the range."""
        return intervals.covering(self.store, self.tx, self.factory_key, self.generation, ranges)

    def spans_over(self, ranges: TimeRanges) -> Spans:
        """Return the spans that reach into the ranges, each once, by worker; without those that last until now."""
        spans = spans_of(self.changes_covering(ranges))
        spans = take(spans, spans.end < FOREVER)
        spans = spans._replace(group=ranges.worker[spans.group])
        spans = take(spans, np.lexsort((spans.start, spans.group)))
        return take(spans, run_starts(spans.group, spans.start))

    def last_starts(self, workers: Ints) -> Ints:
        """Return the start of the last change of each worker, FOREVER where there is none."""
        return intervals.last_starts(self.store, self.tx, self.factory_key, self.generation, workers)

    def replace_changes(self, gone: Changes, new: Changes) -> None:
        """Remove changes and add others; their group is the worker."""
        intervals.replace(self.store, self.tx, self.factory_key, self.generation, gone, new)

    def starts_of(self, kind: int, level: int) -> Ints:
        """Return the starts of all stored blocks of a kind and level, ascending."""
        return rollups.starts_of(self.store, self.tx, self.factory_key, self.generation, kind, level)

    def rollups_at(self, kind: int, level: int, starts: Ints, table: type[T]) -> T:
        """Return the rows of the buckets that begin at `starts`, each with its start as `bucket`."""
        blocks = rollups.load_some(self.tx, self.factory_key, self.generation, kind, level, starts.tolist())
        return blocks.table(table)

    def rollups_in(self, runs: Sequence[Run]) -> dict[int, RollupBlocks]:
        """Return the blocks of the runs, by kind."""
        return rollups.load_runs(self.store, self.tx, self.factory_key, self.generation, runs)

    def replace_rollups(self, kind: int, level: int, starts: Ints, rows: LazyTable) -> None:
        """Put rows, ordered by bucket, in the place of those of the buckets that begin at `starts`."""
        rollups.replace(self.tx, self.factory_key, self.generation, kind, level, starts, rows)
