"""Make the hours' pages of stations follow the pages of workers again."""

from __future__ import annotations

import numpy as np

from factory.domain.calendar import HOURS
from factory.domain.intervals import FOREVER, clip, occupancy, spans_of
from factory.domain.totals import OCCUPANCY, Page, add_up, grouped
from factory.operations.derived_rows import DerivedRows
from factory.store import intervals
from factory.store.event_log import Stretches
from factory.store.rollups import OCCUPANCIES

Touched = dict[int, tuple[Page, set[int]]]
"""By the start of an hour: its page of workers, and the stations whose occupancy may differ now."""


def refresh_occupancy(rows: DerivedRows, touched: Touched) -> None:
    """Replace the rows of the touched stations of each hour.

    Where one worker was alone at a station in an hour, their time there is the station's; where several
    were, the union of their intervals is.
    """
    starts = sorted(touched)
    before = rows.pages_at(OCCUPANCIES, HOURS, starts)
    fresh: dict[int, list[Page]] = {start: [] for start in starts}
    shared: list[tuple[int, int, int]] = []
    for start, (page, stations) in touched.items():
        here = page[(page["active"] + page["idle"] > 0) & np.isin(page["station"], list(stations))]
        _, first, visitors = np.unique(here["station"], return_index=True, return_counts=True)
        alone = here[first[visitors == 1]]
        single: Page = np.zeros(len(alone), OCCUPANCY)
        single["station"], single["productive"] = alone["station"], alone["active"]
        single["occupied"] = alone["active"] + alone["idle"]
        fresh[start].append(single)
        several = here[np.isin(here["station"], here["station"][first[visitors > 1]])]
        shared += [(worker, start, station) for worker, station in several[["worker", "station"]].tolist()]
    for start, union in _shared_occupancy(rows, shared).items():
        fresh[start].append(union)
    pages = {}
    for start in starts:
        old = before.get(start, np.empty(0, OCCUPANCY))
        pages[start] = add_up([old[~np.isin(old["station"], list(touched[start][1]))], *fresh[start]], OCCUPANCY)
    rows.replace(OCCUPANCIES, HOURS, pages)


def _shared_occupancy(rows: DerivedRows, shared: list[tuple[int, int, int]]) -> dict[int, Page]:
    """Occupancy of the stations where several workers, given as (worker, hour, station), were in an hour."""
    if not shared:
        return {}
    worker, hour, station = np.array(sorted(set(shared)), dtype=np.int64).T
    cells = Stretches(worker, hour, rows.calendar.ends_of(HOURS, hour))
    spans = spans_of(intervals.covering(rows.store, rows.tx, rows.factory_key, rows.generation, cells))
    spans = spans.take((spans.end < FOREVER) & (spans.station == station[spans.group]))
    spans = clip(spans, cells.low[spans.group], cells.high[spans.group])
    hours, hour_place = np.unique(hour, return_inverse=True)
    codes, place = np.unique(hour_place * 65_536 + station, return_inverse=True)
    occupied, productive = occupancy(spans, place[spans.group], len(codes))
    page: Page = np.zeros(len(codes), OCCUPANCY)
    page["station"], page["occupied"], page["productive"] = codes % 65_536, occupied, productive
    return grouped(hours[codes // 65_536], page)
