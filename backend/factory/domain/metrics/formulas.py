"""Metrics over a window, or over the buckets of a series (SPEC section 4)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from factory.domain.metrics.rounding import hours, mean_percentages, per_hour, percentage
from factory.domain.states.intervals import FOREVER
from factory.domain.states.ranges import pack
from factory.domain.states.totals import OccupancyRows, PresenceRows

Ints = npt.NDArray[np.int64]

DEFINITIONS_VERSION = 1
"""Raised whenever a definition of a number changes."""


class FirstStates(NamedTuple):
    """The instants of the workers' first state events: columns, ordered by worker."""

    worker: Ints
    at: Ints

    def of(self, workers: Ints) -> Ints:
        """Return the instants of some workers, FOREVER for one without any."""
        place = np.minimum(np.searchsorted(self.worker, workers), max(len(self.worker) - 1, 0))
        if len(self.worker) == 0:
            return np.full(len(workers), FOREVER)
        return np.where(self.worker[place] == workers, self.at[place], FOREVER)


class StateTotals(ABC):
    """Exact totals of states, units and events, as columns; `sums` are the presence rows added up for each row.

    Each subclass tells which time is expected, and what of it is absent. What is expected and not known is unknown.
    """

    def __init__(self, sums: PresenceRows, elapsed: Ints) -> None:
        self._sums = sums
        self.elapsed = elapsed

    @property
    @abstractmethod
    def expected(self) -> npt.NDArray[Any]: ...

    @property
    @abstractmethod
    def absent(self) -> Ints: ...

    @property
    def active(self) -> Ints:
        return self._sums.active

    @property
    def idle(self) -> Ints:
        return self._sums.idle

    @property
    def units(self) -> Ints:
        return self._sums.units

    @property
    def events(self) -> Ints:
        return self._sums.events

    @property
    def present(self) -> Ints:
        return self.active + self.idle

    @property
    def known(self) -> Ints:
        return self.present + self.absent

    @property
    def unknown(self) -> npt.NDArray[Any]:
        return self.expected - self.known

    @property
    def not_idle(self) -> npt.NDArray[Any]:
        """Active, if all unknown time were."""
        return self.active + self.unknown

    @property
    def not_absent(self) -> npt.NDArray[Any]:
        """Present, if all unknown time were."""
        return self.expected - self.absent


class WorkerTotals(StateTotals):
    """Totals of workers in a window, or of one worker in the buckets of a series: all elapsed time is expected."""

    @property
    def expected(self) -> Ints:
        return self.elapsed

    @property
    def absent(self) -> Ints:
        return self._sums.absent


class StationTotals:
    """Exact totals of workstations in a window, or of one in the buckets of a series, as columns.

    `presence` and `occupancy` are their rows added up for each of them.
    """

    def __init__(self, presence: PresenceRows, occupancy: OccupancyRows, elapsed: Ints) -> None:
        self._presence = presence
        self._occupancy = occupancy
        self.elapsed = elapsed

    @property
    def occupied(self) -> Ints:
        return self._occupancy.occupied

    @property
    def productive(self) -> Ints:
        return self._occupancy.productive

    @property
    def units(self) -> Ints:
        return self._presence.units

    @property
    def events(self) -> Ints:
        return self._presence.events


class FactoryTotals(StateTotals):
    """Totals of the factory in each bucket of a series; `starts` are those of the buckets.

    A worker without an event in a bucket keeps one state, or falls silent. So one whose last state event
    before it is `absent` is absent all through it, and any other with a state event before is expected.
    All who are present in a bucket are expected in it; absent and unknown time is that of the expected.
    `first_states` is asked for those of all workers but some at least, and only where it matters.
    """

    def __init__(
        self, presence: PresenceRows, first_states: Callable[[Ints], FirstStates], starts: Ints, elapsed: Ints
    ) -> None:
        super().__init__(presence.sums_for(np.arange(len(starts)), presence.bucket), elapsed)
        self._presence = presence
        self._first_states_but = first_states
        self._starts = starts

    @cached_property
    def _each(self) -> PresenceRows:
        """The sums by bucket and worker, in this order."""
        return self._presence.sum_by(pack(self._presence.bucket, self._presence.worker))

    def _total(self, of_each: Ints) -> Ints:
        """Return the sums by bucket of a column that goes with `_each`."""
        bounds = np.searchsorted(self._each.bucket, np.arange(len(self._starts) + 1))
        before = np.append(0, np.cumsum(of_each))
        return before[bounds[1:]] - before[bounds[:-1]]

    @cached_property
    def _present_of_each(self) -> Ints:
        return self._each.active + self._each.idle

    @cached_property
    def _first_states(self) -> FirstStates:
        """First states, but of workers with an event in every bucket: they are expected whatever was before."""
        workers, buckets = np.unique(self._each.worker[self._each.events > 0], return_counts=True)
        return self._first_states_but(workers[buckets == len(self._starts)])

    @cached_property
    def _known_before(self) -> npt.NDArray[np.bool_]:
        return self._first_states.of(self._each.worker) < self._starts[self._each.bucket]

    @cached_property
    def _expected_of_each(self) -> npt.NDArray[np.bool_]:
        return (self._each.events > 0) | (self._known_before & (self._each.absent == 0))

    @cached_property
    def absent(self) -> Ints:
        return self._total(np.where(self._expected_of_each, self._each.absent, 0))

    @cached_property
    def expected(self) -> npt.NDArray[Any]:
        """The elapsed time of the workers that are expected: of as many whole numbers as it takes.

        Those whose states began before, and of whom nothing is seen in the bucket, are expected too.
        """
        seen = self._total(self._expected_of_each.astype(np.int64) - self._known_before)
        began_before = np.searchsorted(np.sort(self._first_states.at), self._starts)
        return self.elapsed.astype(object) * (seen + began_before)

    @property
    def active_workers(self) -> Ints:
        return self._total((self._present_of_each > 0).astype(np.int64))

    @property
    def average_utilization(self) -> npt.NDArray[Any]:
        """Unweighted mean of the workers' utilizations in percent, rounded."""
        each, buckets = self._each, len(self._starts)
        means = mean_percentages(each.active, self._present_of_each, each.bucket, buckets)
        return np.array(means, dtype=object)


Totals = TypeVar("Totals", WorkerTotals, StationTotals, FactoryTotals)


def _each(metric: Callable[..., Any], *columns: npt.NDArray[Any]) -> list[Any]:
    """Return the metric of each row, rendered."""
    return list(map(metric, *(column.tolist() for column in columns)))


WORKER_METRICS: dict[str, Callable[[WorkerTotals], list[Any]]] = {
    "total_active_time_hours": lambda of: _each(hours, of.active),
    "total_idle_time_hours": lambda of: _each(hours, of.idle),
    "total_absent_time_hours": lambda of: _each(hours, of.absent),
    "unknown_time_hours": lambda of: _each(hours, of.unknown),
    "utilization_percentage": lambda of: _each(percentage, of.active, of.present),
    "utilization_lower_percentage": lambda of: _each(percentage, of.active, of.not_absent),
    "utilization_upper_percentage": lambda of: _each(percentage, of.not_idle, of.not_absent),
    "coverage_percentage": lambda of: _each(percentage, of.known, of.elapsed),
    "total_units_produced": lambda of: _each(int, of.units),
    "units_per_hour": lambda of: _each(per_hour, of.units, of.active),
    "event_count": lambda of: _each(int, of.events),
}

WORKSTATION_METRICS: dict[str, Callable[[StationTotals], list[Any]]] = {
    "occupancy_time_hours": lambda of: _each(hours, of.occupied),
    "productive_time_hours": lambda of: _each(hours, of.productive),
    "utilization_percentage": lambda of: _each(percentage, of.occupied, of.elapsed),
    "productive_percentage": lambda of: _each(percentage, of.productive, of.occupied),
    "total_units_produced": lambda of: _each(int, of.units),
    "throughput_rate": lambda of: _each(per_hour, of.units, of.occupied),
    "event_count": lambda of: _each(int, of.events),
}

FACTORY_METRICS: dict[str, Callable[[FactoryTotals], list[Any]]] = {
    "total_productive_time_hours": lambda of: _each(hours, of.active),
    "total_idle_time_hours": lambda of: _each(hours, of.idle),
    "total_absent_time_hours": lambda of: _each(hours, of.absent),
    "unknown_time_hours": lambda of: _each(hours, of.unknown),
    "total_production_count": lambda of: _each(int, of.units),
    "average_production_rate": lambda of: _each(per_hour, of.units, of.active),
    "average_utilization_percentage": lambda of: of.average_utilization.tolist(),
    "pooled_utilization_percentage": lambda of: _each(percentage, of.active, of.present),
    "pooled_utilization_lower_percentage": lambda of: _each(percentage, of.active, of.not_absent),
    "pooled_utilization_upper_percentage": lambda of: _each(percentage, of.not_idle, of.not_absent),
    "coverage_percentage": lambda of: _each(percentage, of.known, of.expected),
    "total_events": lambda of: _each(int, of.events),
}

SERIES_METRICS: dict[str, dict[str, Callable[[Any], list[Any]]]] = {
    "factory": FACTORY_METRICS,
    "worker": WORKER_METRICS,
    "workstation": WORKSTATION_METRICS,
}
"""The metrics of each entity that have a series."""


def all_values(totals: Totals, metrics: dict[str, Callable[[Totals], list[Any]]]) -> list[dict[str, Any]]:
    """All metrics by the rows of the totals, rendered."""
    columns = [metric(totals) for metric in metrics.values()]
    return [dict(zip(metrics, row, strict=True)) for row in zip(*columns, strict=True)]
