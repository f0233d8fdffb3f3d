"""Make the hours' pages of stations follow the pages of workers again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from factory.domain.states.calendar import HOURS
from factory.domain.states.intervals import Spans, occupancy
from factory.domain.states.ranges import run_starts
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.states.totals import OCCUPANCY, Page, Rows, add_up_each
from factory.domain.states.worker_hours import WorkerHours
from factory.operations.derive.rows import DerivedRows
from factory.store.derived.rollups import OCCUPANCIES

Ints = npt.NDArray[np.int64]


def refresh_occupancy(
    rows: DerivedRows, hours: WorkerHours, before: Rows, now: Rows, pieces: Spans, piece_hour: Ints
) -> None:
    """Replace the rows of the stations at which workers of the given hours were, or are now.

    `before` are these workers' rows as they were, `now` all rows of the hours' pages, `pieces` the spans of
    the workers' hours, each in the hour of its row. Where one worker was alone at a station in an hour, their
    time there is the station's; where several were, the union of their spans is.
    """
    starts = np.unique(hours.start)
    now = now.take(_present(now.row))
    mine = now.take(hours.holds(now.row["worker"], now.start))
    before = before.take(_present(before.row))
    touched = np.union1d(*(_code(starts, part.start, part.row["station"]) for part in (before, mine)))
    code = _code(starts, now.start, now.row["station"])
    here = now.take(np.isin(code, touched))
    order = np.argsort(code[np.isin(code, touched)], kind="stable")
    here, code = here.take(order), _code(starts, here.start, here.row["station"])[order]
    first = run_starts(code)
    alone = first & np.append(first[1:], True)
    fresh = [_of_one(here.take(alone)), _of_several(rows, starts, hours, here.take(~alone), pieces, piece_hour)]
    pages = rows.pages_at(OCCUPANCIES, HOURS, starts)
    kept = pages.take(~np.isin(_code(starts, pages.start, pages.row["station"]), touched))
    total = add_up_each(Rows(*(np.concatenate(columns) for columns in zip(kept, *fresh, strict=True))))
    rows.replace_pages(OCCUPANCIES, HOURS, starts, total)


def _present(page: Page) -> npt.NDArray[np.bool_]:
    return page["active"] + page["idle"] > 0


def _code(starts: Ints, start: Ints, station: Ints) -> Ints:
    """A station in one of the hours as one number."""
    return np.searchsorted(starts, start) << 32 | station


def _of_one(presence: Rows) -> Rows:
    page: Page = np.zeros(len(presence.row), OCCUPANCY)
    page["station"], page["productive"] = presence.row["station"], presence.row["active"]
    page["occupied"] = presence.row["active"] + presence.row["idle"]
    return Rows(presence.start, page)


def _of_several(
    rows: DerivedRows, starts: Ints, hours: WorkerHours, presence: Rows, pieces: Spans, piece_hour: Ints
) -> Rows:
    others = presence.take(~hours.holds(presence.row["worker"], presence.start))
    at_start = TimeRanges.through(others.row["worker"].astype(np.int64), others.start, others.start)
    more = WorkerHours.overlapping(rows.calendar, at_start)
    more_pieces, more_hour = more.cut(rows.spans_over(more.runs()))
    parts = [(pieces, hours.start[piece_hour]), (more_pieces, more.start[more_hour])]
    spans = Spans(*(np.concatenate(columns) for columns in zip(*(spans for spans, _ in parts), strict=True)))
    hour = np.concatenate([start for _, start in parts])
    codes = np.unique(_code(starts, presence.start, presence.row["station"]))
    code = _code(starts, hour, spans.station)
    here = np.isin(code, codes)
    spans, hour, place = spans.take(here), hour[here], np.searchsorted(codes, code[here])
    # Counted from the hour's start, which all spans of a place have in common.
    spans = spans._replace(start=spans.start - hour, end=spans.end - hour)
    page: Page = np.zeros(len(codes), OCCUPANCY)
    page["station"] = codes & 0xFFFFFFFF
    page["occupied"], page["productive"] = occupancy(spans, place, len(codes))
    return Rows(starts[codes >> 32], page)
