"""The derived rows of one generation in one transaction."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from factory.domain.calendar import Calendar
from factory.domain.totals import Page
from factory.store import rollups
from factory.store.database import Store


class DerivedRows(NamedTuple):
    """Where derived rows are read and written, and the calendar that their pages follow."""

    store: Store
    tx: Connection
    factory_key: int
    generation: int
    calendar: Calendar

    def pages_at(self, kind: int, level: int, starts: list[int]) -> dict[int, Page]:
        """The pages of the buckets that begin at `starts`, where there are any."""
        return rollups.load_some(self.tx, self.factory_key, self.generation, kind, level, starts)

    def pages_in(self, kind: int, level: int, first: int, end: int) -> dict[int, Page]:
        """The pages of the buckets that begin in [first, end)."""
        return rollups.load(self.tx, self.factory_key, self.generation, kind, level, first, end)

    def replace(self, kind: int, level: int, pages: dict[int, Page]) -> None:
        """Put pages in the place of those with the same start; an empty page removes it."""
        rollups.replace(self.tx, self.factory_key, self.generation, kind, level, pages)
