"""Metrics over a window (SPEC section 4), from exact totals to rendered numbers.

Times enter as whole microseconds and leave as hours rounded half-even to 4 decimals; rates and
percentages are computed from the exact values and rounded half-even to 2. An undefined ratio is None.
"""

from __future__ import annotations

from fractions import Fraction
from math import fsum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from factory.domain.intervals import FOREVER
from factory.domain.timestamp import HOUR
from factory.domain.totals import OCCUPANCY, PRESENCE, Page

Ints = npt.NDArray[np.int64]

DEFINITIONS_VERSION = 1
"""Raised whenever a definition of a number changes."""

SERIES_METRICS = {
    "factory": (
        "total_productive_time_hours",
        "total_production_count",
        "average_production_rate",
        "average_utilization_percentage",
        "pooled_utilization_percentage",
        "coverage_percentage",
        "total_events",
    ),
    "worker": (
        "total_active_time_hours",
        "total_idle_time_hours",
        "total_absent_time_hours",
        "unknown_time_hours",
        "utilization_percentage",
        "utilization_lower_percentage",
        "utilization_upper_percentage",
        "coverage_percentage",
        "total_units_produced",
        "units_per_hour",
        "event_count",
    ),
    "workstation": (
        "occupancy_time_hours",
        "productive_time_hours",
        "utilization_percentage",
        "productive_percentage",
        "total_units_produced",
        "throughput_rate",
        "event_count",
    ),
}
"""The metrics of each entity that have a series."""


def rounded(numerator: int, denominator: int, digits: int) -> float:
    """numerator / denominator rounded half-even to `digits` decimals, exactly."""
    scale: int = 10**digits
    quotient, rest = divmod(numerator * scale, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient % 2):
        quotient += 1
    return quotient / scale


def hours(us: int) -> float:
    """Microseconds as hours."""
    return rounded(us, HOUR, 4)


def percentage(part: int, whole: int) -> float | None:
    """part of whole in percent."""
    return rounded(100 * part, whole, 2) if whole else None


def per_hour(units: int, us: int) -> float | None:
    """Units by the hours that the microseconds are."""
    return rounded(units * HOUR, us, 2) if us else None


def mean_percentage(parts: Ints, wholes: Ints) -> float | None:
    """The unweighted mean of part / whole over those with a whole, in percent, exactly rounded.

    Floating point decides unless the mean is so near to a half that its error could matter.
    """
    defined = wholes > 0
    parts, wholes = parts[defined], wholes[defined]
    if len(wholes) == 0:
        return None
    mean = fsum((parts / wholes).tolist()) / len(wholes) * 10_000
    if abs(mean % 1 - 0.5) > 1e-6:
        return round(mean) / 100
    pairs = zip(parts.tolist(), wholes.tolist(), strict=True)
    exact = sum((Fraction(part, whole) for part, whole in pairs), Fraction()) / len(wholes)
    return rounded(100 * exact.numerator, exact.denominator, 2)


class WorkerTotals(NamedTuple):
    """A worker's exact totals of a window: microseconds, units, events."""

    active: int = 0
    idle: int = 0
    absent: int = 0
    units: int = 0
    events: int = 0


class StationTotals(NamedTuple):
    """A workstation's exact totals of a window: microseconds, units, events."""

    occupied: int = 0
    productive: int = 0
    units: int = 0
    events: int = 0


class Totals(NamedTuple):
    """What happened in a window of `elapsed` microseconds: added-up pages."""

    elapsed: int
    presence: Page
    occupancy: Page

    def by_worker(self) -> dict[int, WorkerTotals]:
        """The totals of each worker that has any."""
        return {key: WorkerTotals(*row) for key, row in _by_key(self.presence, "worker", WorkerTotals._fields)}

    def by_station(self) -> dict[int, StationTotals]:
        """The totals of each workstation that has any."""
        made = dict(_by_key(self.presence, "station", ("units", "events")))
        there = dict(_by_key(self.occupancy, "station", ("occupied", "productive")))
        return {key: StationTotals(*there.get(key, (0, 0)), *made.get(key, (0, 0))) for key in sorted({*made, *there})}

    def of(self, *, worker: int | None = None, station: int | None = None) -> Totals:
        """Only the totals of one worker, or of one station."""
        presence = self.presence
        if worker is not None:
            presence = presence[presence["worker"] == worker]
        if station is not None:
            presence = presence[presence["station"] == station]
        return self._replace(presence=presence, occupancy=self.occupancy[self.occupancy["station"] == (station or 0)])


def nothing(elapsed: int) -> Totals:
    """The totals of a window in which nothing happened."""
    return Totals(elapsed, np.empty(0, PRESENCE), np.empty(0, OCCUPANCY))


def _sums(page: Page, key: str, columns: tuple[str, ...]) -> tuple[Ints, list[Ints]]:
    """The distinct keys of a page, and the sums of each column by key."""
    keys, place = np.unique(page[key], return_inverse=True)
    sums: list[Ints] = [np.zeros(len(keys), dtype=np.int64) for _ in columns]
    for total, column in zip(sums, columns, strict=True):
        np.add.at(total, place, page[column])
    return keys.astype(np.int64), sums


def _by_key(page: Page, key: str, columns: tuple[str, ...]) -> list[tuple[int, tuple[int, ...]]]:
    keys, sums = _sums(page, key, columns)
    return list(zip(keys.tolist(), zip(*(total.tolist() for total in sums), strict=True), strict=True))


def worker_metrics(totals: WorkerTotals, elapsed: int) -> dict[str, Any]:
    """The metrics of a worker, without the names."""
    active, idle, absent, units, events = totals
    unknown = elapsed - active - idle - absent
    return {
        "total_active_time_hours": hours(active),
        "total_idle_time_hours": hours(idle),
        "total_absent_time_hours": hours(absent),
        "unknown_time_hours": hours(unknown),
        "utilization_percentage": percentage(active, active + idle),
        "utilization_lower_percentage": percentage(active, active + idle + unknown),
        "utilization_upper_percentage": percentage(active + unknown, active + idle + unknown),
        "coverage_percentage": percentage(active + idle + absent, elapsed),
        "total_units_produced": units,
        "units_per_hour": per_hour(units, active),
        "event_count": events,
    }


def workstation_metrics(totals: StationTotals, elapsed: int) -> dict[str, Any]:
    """The metrics of a workstation, without the names."""
    occupied, productive, units, events = totals
    return {
        "occupancy_time_hours": hours(occupied),
        "productive_time_hours": hours(productive),
        "utilization_percentage": percentage(occupied, elapsed),
        "productive_percentage": percentage(productive, occupied),
        "total_units_produced": units,
        "throughput_rate": per_hour(units, occupied),
        "event_count": events,
    }


class FirstStates(NamedTuple):
    """The instants of the workers' first state events: columns, ordered by worker."""

    worker: Ints
    at: Ints

    def of(self, workers: Ints) -> Ints:
        """The instants of some workers, FOREVER for one without any."""
        place = np.minimum(np.searchsorted(self.worker, workers), max(len(self.worker) - 1, 0))
        if len(self.worker) == 0:
            return np.full(len(workers), FOREVER)
        return np.where(self.worker[place] == workers, self.at[place], FOREVER)


def factory_metrics(totals: Totals, first_states: FirstStates, start: int) -> dict[str, Any]:
    """The metrics of a factory, without the registered counts; `start` is the window's.

    A worker without an event in the window keeps one state, or falls silent. So one whose last state event
    before the window is `absent` is absent all through it, and any other with a state event before is
    expected.
    """
    worker, (active, idle, absent, units, events) = _sums(totals.presence, "worker", WorkerTotals._fields)
    known_before = first_states.of(worker) < start
    expected = (events > 0) | (known_before & (absent == 0))
    silent = int(np.count_nonzero(first_states.at < start)) - int(np.count_nonzero(known_before))
    present = active + idle
    productive, made = int(active.sum()), int(units.sum())
    known = int((present + absent)[expected].sum())
    return {
        "total_productive_time_hours": hours(productive),
        "total_production_count": made,
        "average_production_rate": per_hour(made, productive),
        "average_utilization_percentage": mean_percentage(active, present),
        "pooled_utilization_percentage": percentage(productive, int(present.sum())),
        "coverage_percentage": percentage(known, totals.elapsed * (int(np.count_nonzero(expected)) + silent)),
        "active_worker_count": int(np.count_nonzero(present)),
        "active_station_count": int(np.count_nonzero(totals.occupancy["occupied"])),
        "total_events": int(events.sum()),
    }
