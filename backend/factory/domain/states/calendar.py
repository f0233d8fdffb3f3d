"""The factory's calendar: hours, days, weeks and months in its time zone (SPEC section 4, Series).

Days, weeks and months begin at local midnight; hours and quarters are counted from local midnight in
elapsed time. So a day has 23 or 25 hours at a clock change, and the last hour of a day may be short
where clocks change by half an hour. All instants are microseconds since the epoch; ranges are
half-open.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import numpy.typing as npt

from factory.domain.states.ranges import expand_ranges
from factory.domain.states.time_ranges import TimeRange
from factory.domain.states.zone_rules import ZoneRules, rules_of
from factory.domain.timestamp import HOUR, MINUTE, to_datetime, to_us

Instants = npt.NDArray[np.int64]

BUCKETS = ("15m", "hour", "day", "week", "month")
MAX_BUCKETS = 10_000

HOURS, DAYS, MONTHS = 0, 1, 2
"""The levels of roll-up: each bucket of one is a run of whole buckets of the level below."""


def is_time_zone(name: str) -> bool:
    """Whether a text names a time zone of the IANA database, as the package tzdata has it."""
    return name in _time_zones()


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"Factory"}


@lru_cache(maxsize=4096)
def _days_of_year(rules: ZoneRules, year: int) -> tuple[int, ...]:
    """Return the first instants of the local days of a year."""
    tz = rules.tz
    first = date(year, 1, 1)
    return tuple(_midnight(first + timedelta(days=i), tz) for i in range((date(year + 1, 1, 1) - first).days))


def _midnight(day: date, tz: ZoneInfo) -> int:
    # Where the clock skips midnight, Python reads the missing 00:00 with the offset before the jump,
    # which is the very instant of the jump: the first instant of that day.
    return to_us(datetime(day.year, day.month, day.day, tzinfo=tz))


@lru_cache(maxsize=256)
def _grid(rules: ZoneRules, first_year: int, last_year: int) -> tuple[Instants, Instants]:
    """Day and month starts of the years, as arrays."""
    days: list[int] = []
    months: list[int] = []
    for year in range(first_year, last_year + 1):
        of_year = _days_of_year(rules, year)
        days.extend(of_year)
        months.extend(of_year[(date(year, m, 1) - date(year, 1, 1)).days] for m in range(1, 13))
    return np.array(days, dtype=np.int64), np.array(months, dtype=np.int64)


@dataclass(frozen=True)
class Cover:
    """A window as whole roll-up buckets and the partial hours at its edges.

    `buckets` are (level, first, end): all buckets of the level that start in [first, end).
    """

    buckets: list[tuple[int, int, int]] = field(default_factory=list)
    edges: list[TimeRange] = field(default_factory=list)


class Calendar:
    """The buckets of one time zone, by the rules that are given or by this machine's rules of the zone.

    Instants must lie in the years 2 to 9997.
    """

    def __init__(self, zone: ZoneRules | str) -> None:
        self.rules = rules_of(zone) if isinstance(zone, str) else zone

    def _arrays(self, first: int, last: int) -> tuple[Instants, Instants]:
        return _grid(self.rules, to_datetime(first).year - 1, to_datetime(last).year + 1)

    def hours_of(self, instants: Instants) -> Instants:
        """Return the start of the local hour that each instant lies in."""
        if len(instants) == 0:
            return instants
        days, _ = self._arrays(int(instants.min()), int(instants.max()))
        midnight = days[np.searchsorted(days, instants, side="right") - 1]
        return midnight + (instants - midnight) // HOUR * HOUR

    def round_up_to_hours(self, instants: Instants) -> Instants:
        """Return the first start of a local hour that is not before each instant."""
        starts = self.hours_of(instants)
        return np.where(starts == instants, instants, self.ends_of(HOURS, starts))

    def starts_of(self, level: int, instants: Instants) -> Instants:
        """Return the start of the bucket of `level` that each instant lies in."""
        if level == HOURS or len(instants) == 0:
            return self.hours_of(instants)
        grid = self._arrays(int(instants.min()), int(instants.max()))[level - 1]
        return grid[np.searchsorted(grid, instants, side="right") - 1]

    def ends_of(self, level: int, starts: Instants) -> Instants:
        """Return the end of each bucket of `level` that begins at `starts`."""
        if len(starts) == 0:
            return starts
        days, months = self._arrays(int(starts.min()), int(starts.max()))
        grid = months if level == MONTHS else days
        following = grid[np.searchsorted(grid, starts, side="right")]
        return np.minimum(starts + HOUR, following) if level == HOURS else following

    def hour_starts(self, first: int, end: int) -> Instants:
        """Return the starts of all hours that overlap [first, end), ascending."""
        if first >= end:
            return np.empty(0, dtype=np.int64)
        days, _ = self._arrays(first, end)
        low = int(np.searchsorted(days, first, side="right")) - 1
        high = int(np.searchsorted(days, end, side="left"))
        starts = days[low:high]
        lengths = days[low + 1 : high + 1] - starts
        day, hour = expand_ranges(np.zeros_like(starts), -(-lengths // HOUR))
        hours = starts[day] + hour * HOUR
        return hours[(hours < end) & (self.ends_of(HOURS, hours) > first)]

    def month_starts(self, first: int, end: int) -> Instants:
        """Return the starts of the months from the one that begins at `first` to the last before `end`."""
        _, months = self._arrays(first, end)
        return months[(months >= first) & (months < end)]

    def cover(self, start: int, end: int) -> Cover:
        """Split [start, end) into whole months, days and hours and at most two edges."""
        if start >= end:
            return Cover()
        hours = self.hour_starts(start, end)
        first = int(hours[0]) if int(hours[0]) >= start else int(self.ends_of(HOURS, hours[:1])[0])
        last = int(hours[-1])
        if int(self.ends_of(HOURS, hours[-1:])[0]) <= end:
            last = int(self.ends_of(HOURS, hours[-1:])[0])
        if first >= last:
            return Cover(edges=[(start, end)])
        days, months = self._arrays(start, end)
        buckets = []
        for level, low, high in _nest([days.tolist(), months.tolist()], first, last, HOURS):
            buckets.append((level, low, high))
        edges = [(low, high) for low, high in ((start, first), (last, end)) if low < high]
        return Cover(buckets, edges)

    def series(self, bucket: str, start: int, end: int) -> list[TimeRange]:
        """Return the buckets of [start, end), the first and last cut to it.

        Raises ValueError when there are more than MAX_BUCKETS.
        """
        if start >= end:
            return []
        bounds = [start]
        try:
            for boundary in self._boundaries(bucket, start, end):
                if start < boundary < end:
                    bounds.append(boundary)
                if len(bounds) > MAX_BUCKETS:
                    raise ValueError(f"more than {MAX_BUCKETS:,} buckets")
        except OverflowError:
            raise ValueError("the window begins before the calendar of its time zone") from None
        return list(zip(bounds, [*bounds[1:], end], strict=True))

    def _boundaries(self, bucket: str, start: int, end: int) -> Iterator[int]:
        tz = self.rules.tz
        day = to_datetime(start).astimezone(tz).date()
        if bucket == "week":
            day -= timedelta(days=day.weekday())
        elif bucket == "month":
            day = day.replace(day=1)
        midnight = _midnight(day, tz)
        while midnight < end:
            if bucket == "month":
                day = (day + timedelta(days=31)).replace(day=1)
            else:
                day += timedelta(days=7 if bucket == "week" else 1)
            following = _midnight(day, tz)
            step = {"15m": 15 * MINUTE, "hour": HOUR}.get(bucket, following - midnight)
            if midnight < following:  # a zone that changes sides of the date line skips a day
                yield from range(midnight, following, step)
            midnight = following


def _nest(grids: list[list[int]], first: int, last: int, level: int) -> Iterator[tuple[int, int, int]]:
    """Replace runs of buckets by buckets of the coarser grid wherever one fits whole."""
    if first >= last:
        return
    if not grids:
        yield level, first, last
        return
    grid = grids[0]
    low, high = grid[bisect_left(grid, first)], grid[bisect_right(grid, last) - 1]
    if low >= high:
        yield level, first, last
        return
    if first < low:
        yield level, first, low
    yield from _nest(grids[1:], low, high, level + 1)
    if high < last:
        yield level, high, last
