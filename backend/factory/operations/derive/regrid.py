"""Make derived rows follow a changed calendar: just those whose hours, days or months are no longer those of the zone.

What is wrong is seen in the rows themselves, whoever made them, by whatever rules: a block that begins where no hour of
the calendar does; a day or month that begins where none does, or that is missing where hours are; an absence that is
not as long as its month. Where clocks change by whole hours, the hours stay, and days and months are added up anew from
them; no event is read.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.event import ABSENT, UNKNOWN
from factory.domain.states.calendar import DAYS, HOURS, MONTHS, Calendar
from factory.domain.states.intervals import clip
from factory.domain.states.ranges import take
from factory.domain.states.time_ranges import TimeRange, TimeRanges
from factory.domain.states.totals import OccupancyRows, PresenceRows
from factory.domain.states.worker_hours import cells_of
from factory.domain.timestamp import DAY, HOUR
from factory.operations.derive.rollups import add_up, refresh_rollups, whole_hours
from factory.operations.derive.rows import Generation, GenerationRows
from factory.store.derived import retention
from factory.store.derived.rollups import ABSENCES, OCCUPANCIES, PRESENCES
from factory.store.engine.database import Store
from factory.store.events import event_log, id_registry
from factory.store.events.event_log import FoundEvents

Ints = npt.NDArray[np.int64]

_NONE: Ints = np.empty(0, dtype=np.int64)
_SLICE = DAY


def regrid(store: Store, tx: Connection, generation: Generation) -> list[TimeRange]:
    """Make the rows of a generation anew where they do not follow its calendar; the stretches, ascending.

    The caller holds the derivation lock in a writing snapshot. What waits to be derived may still wait.
    """
    rows, calendar = generation.rows(store, tx), generation.calendar
    stored, torn, days, months, absences = _survey(rows)
    reached = [*torn, *_ranges(calendar, DAYS, days.anew), *_ranges(calendar, MONTHS, months.anew)]
    reached += zip(absences.start.tolist(), absences.end.tolist(), strict=True)
    if not reached:
        return []
    registered = id_registry.rows_of(tx, generation.factory_key, "worker")
    workers = np.array([row.worker_key for row in registered], dtype=np.int64)
    for kind, table in ((PRESENCES, PresenceRows), (OCCUPANCIES, OccupancyRows)):
        none = table.of(bucket=_NONE)
        rows.replace_rollups(kind, HOURS, stored[_inside(stored, torn)], none)
        rows.replace_rollups(kind, DAYS, days.gone, none)
        rows.replace_rollups(kind, MONTHS, months.gone, none)
    rows.replace_rollups(ABSENCES, MONTHS, np.unique(absences.start), PresenceRows.of(bucket=_NONE))
    hours_anew = np.concatenate([_NONE, *(calendar.hour_starts(*stretch) for stretch in torn)])
    for level, anew in ((DAYS, days.anew), (MONTHS, months.anew)):
        add_up(rows, level, np.union1d(anew, calendar.starts_of(level, hours_anew)))
    _remake_absences(rows, workers, absences, _months_of(calendar, reached))
    for start, end in torn:
        for low in range(start, end, _SLICE):
            _derive_hours(rows, workers, low, min(low + _SLICE, end))
    return _joined(reached)


def follows(rows: GenerationRows) -> bool:
    """Whether all rows follow their calendar."""
    wrong = _survey(rows)
    return not (wrong.torn or len(wrong.absences) or any(map(len, (*wrong.days, *wrong.months))))


class _Survey(NamedTuple):
    """The starts of the stored hours, and what does not follow the calendar."""

    hours: Ints
    torn: list[TimeRange]
    days: _Misplaced
    months: _Misplaced
    absences: _Absences


def _survey(rows: GenerationRows) -> _Survey:
    hours, days, months = (rows.starts_of(PRESENCES, level) for level in (HOURS, DAYS, MONTHS))
    torn = _torn_hours(rows.calendar, hours)
    whole = hours[~_inside(hours, torn)]
    return _Survey(
        hours,
        torn,
        _misplaced(rows.calendar, DAYS, days, whole),
        _misplaced(rows.calendar, MONTHS, months, whole),
        _Absences.wrong(rows),
    )


def _torn_hours(calendar: Calendar, stored: Ints) -> list[TimeRange]:
    """Return the stretches of whole hours in which stored hours are not hours of the calendar.

    A stored hour that begins with one may still be longer than it, where the last hour of a day is short.
    """
    whole = (calendar.hours_of(stored) == stored) & (calendar.ends_of(HOURS, stored) == stored + HOUR)
    wrong = stored[~whole]
    if len(wrong) == 0:
        return []
    starts, ends = calendar.hours_of(wrong), calendar.round_up_to_hours(wrong + HOUR)
    return _joined(list(zip(starts.tolist(), ends.tolist(), strict=True)))


class _Misplaced(NamedTuple):
    """Buckets of one level: the stored ones that begin where none does, and those of the calendar to add up anew."""

    gone: Ints
    anew: Ints


def _misplaced(calendar: Calendar, level: int, stored: Ints, hours: Ints) -> _Misplaced:
    """Compare the stored buckets of a level with those that the hours are in.

    Both are stretches of hours in order. As long as the same buckets have any hour, they have the same hours. Where an
    hour is in another bucket, one of the two does not begin with a bucket of the other calendar: it is found, and the
    bucket that had its hours, or has them now, is the one around it.
    """
    wanted = np.unique(calendar.starts_of(level, hours))
    gone, missing = np.setdiff1d(stored, wanted), np.setdiff1d(wanted, stored)
    if len(gone) == 0 and len(missing) == 0:
        return _Misplaced(_NONE, _NONE)
    anew = [missing, calendar.starts_of(level, gone)]
    if len(stored):
        before = np.searchsorted(stored, missing, side="right") - 1
        anew.append(calendar.starts_of(level, stored[before[before >= 0]]))
    return _Misplaced(gone, np.unique(np.concatenate(anew)))


class _Absences(NamedTuple):
    """Whole months of absence by worker, as columns."""

    worker: Ints
    start: Ints
    end: Ints

    def __len__(self) -> int:
        return len(self.worker)

    @staticmethod
    def wrong(rows: GenerationRows) -> _Absences:
        """Return the stored ones that are not a month of the calendar."""
        stored = rows.rollups_at(ABSENCES, MONTHS, rows.starts_of(ABSENCES, MONTHS), PresenceRows)
        start, length = stored.bucket, stored.absent
        right = (rows.calendar.starts_of(MONTHS, start) == start) & (
            rows.calendar.ends_of(MONTHS, start) == start + length
        )
        wrong = np.isin(start, np.unique(start[~right]))
        return _Absences(stored.worker[wrong], start[wrong], start[wrong] + length[wrong])


def _remake_absences(rows: GenerationRows, workers: Ints, wrong: _Absences, months: Ints) -> None:
    """Make the hours and the whole months of absence anew of the workers who have, or had, one in these months."""
    if len(months) == 0 or len(workers) == 0:
        return
    ends = rows.calendar.ends_of(MONTHS, months)
    found = [TimeRanges(wrong.worker, wrong.start, wrong.end)]
    for start, end in zip(months.tolist(), ends.tolist(), strict=True):
        spans = rows.spans_over(TimeRanges.of_each(workers, start, start + 1))
        absent = spans.group[(spans.state == ABSENT) & (spans.start <= start) & (spans.end >= end)]
        found.append(TimeRanges.of_each(absent, start, end))
    there = TimeRanges.join(*found)
    if len(there.worker) == 0:
        return
    refresh_rollups(rows, whole_hours(rows, there), TimeRanges(_NONE, _NONE, _NONE), _no_events())


def _derive_hours(rows: GenerationRows, workers: Ints, start: int, end: int) -> None:
    """Make the hours of [start, end) from intervals and events; they have no blocks."""
    ranges = TimeRanges.of_each(workers, start, end)
    known = clip(rows.spans_over(ranges), start, end)
    known = take(known, known.state != UNKNOWN)
    raw = event_log.in_ranges(rows.store, rows.tx, rows.factory_key, ranges)
    kept = retention.between(rows.store, rows.tx, rows.factory_key, start, end)
    found = FoundEvents(
        np.concatenate([ranges.worker[raw.place], kept.worker]),
        np.concatenate([raw.time, kept.time]),
        np.concatenate([raw.kind, np.zeros_like(kept.time)]),
        np.concatenate([raw.station, kept.station]),
        np.concatenate([raw.units, kept.units]),
        np.concatenate([raw.confidence, np.zeros(len(kept.time))]),
    )
    found = take(found, np.lexsort((found.time, found.place)))
    if len(known.group) == 0 and len(found.place) == 0:
        return
    cells = cells_of(found.place, found.time)
    worker, first, last = (cells[name].astype(np.int64) for name in ("worker", "first", "last"))
    changed = TimeRanges(known.group, known.start, known.end)
    refresh_rollups(rows, changed, TimeRanges.through(worker, first, last), found)


def _no_events() -> FoundEvents:
    return FoundEvents(_NONE, _NONE, _NONE, _NONE, _NONE, np.empty(0, dtype=np.float64))


def _inside(instants: Ints, stretches: list[TimeRange]) -> npt.NDArray[np.bool_]:
    if not stretches:
        return np.zeros(len(instants), dtype=bool)
    starts, ends = np.array(stretches, dtype=np.int64).T
    place = np.searchsorted(starts, instants, side="right") - 1
    return (place >= 0) & (instants < ends[np.maximum(place, 0)])


def _ranges(calendar: Calendar, level: int, starts: Ints) -> list[TimeRange]:
    return list(zip(starts.tolist(), calendar.ends_of(level, starts).tolist(), strict=True))


def _months_of(calendar: Calendar, ranges: list[TimeRange]) -> Ints:
    """Return the months that the ranges reach."""
    first, end = min(start for start, _ in ranges), max(end for _, end in ranges)
    months = calendar.month_starts(int(calendar.starts_of(MONTHS, np.array([first]))[0]), end)
    ends = calendar.ends_of(MONTHS, months)
    keep = np.zeros(len(months), dtype=bool)
    for start, end in ranges:
        keep |= (start < ends) & (end > months)
    return months[keep]


def _joined(ranges: list[TimeRange]) -> list[TimeRange]:
    """Return the same time as ranges that do not touch, ascending."""
    found: list[TimeRange] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
