"""Metrics over a window, or over the buckets of a series (SPEC section 4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from factory.domain.metrics.rounding import hours, mean_percentages, per_hour, percentage
from factory.domain.states.intervals import FOREVER
from factory.domain.states.sums import Columns, Sums

Ints = npt.NDArray[np.int64]

DEFINITIONS_VERSION = 1
"""Raised whenever a definition of a number changes."""


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


class WorkerTotals:
    """Exact totals of workers in a window, or of one worker in the buckets of a series, as columns.

    `by` names the key of the presence rows: `worker` or `bucket`; the columns follow the keys `wanted`.
    """

    def __init__(self, presence: Columns, by: str, wanted: Ints, elapsed: Ints) -> None:
        sums = Sums(presence, presence[by])
        self._sum = partial(sums.of, wanted)
        self.elapsed = np.broadcast_to(elapsed, wanted.shape)

    @cached_property
    def active(self) -> Ints:
        return self._sum("active")

    @cached_property
    def idle(self) -> Ints:
        return self._sum("idle")

    @cached_property
    def absent(self) -> Ints:
        return self._sum("absent")

    @cached_property
    def units(self) -> Ints:
        return self._sum("units")

    @cached_property
    def events(self) -> Ints:
        return self._sum("events")

    @property
    def present(self) -> Ints:
        return self.active + self.idle

    @property
    def known(self) -> Ints:
        return self.present + self.absent

    @property
    def unknown(self) -> Ints:
        return self.elapsed - self.known

    @property
    def not_idle(self) -> Ints:
        """Active, if all unknown time were."""
        return self.active + self.unknown

    @property
    def not_absent(self) -> Ints:
        """Present, if all unknown time were."""
        return self.elapsed - self.absent


class StationTotals:
    """Exact totals of workstations in a window, or of one in the buckets of a series, as columns.

    `by` names the key of the rows: `station` or `bucket`; the columns follow the keys `wanted`.
    """

    def __init__(self, presence: Columns, occupancy: Columns, by: str, wanted: Ints, elapsed: Ints) -> None:
        self._said = partial(Sums(presence, presence[by]).of, wanted)
        self._there = partial(Sums(occupancy, occupancy[by]).of, wanted)
        self.elapsed = np.broadcast_to(elapsed, wanted.shape)

    @cached_property
    def occupied(self) -> Ints:
        return self._there("occupied")

    @cached_property
    def productive(self) -> Ints:
        return self._there("productive")

    @cached_property
    def units(self) -> Ints:
        return self._said("units")

    @cached_property
    def events(self) -> Ints:
        return self._said("events")


class FactoryTotals:
    """Exact totals of the factory in each bucket of a series, as columns; `starts` are those of the buckets.

    A worker without an event in a bucket keeps one state, or falls silent. So one whose last state event
    before it is `absent` is absent all through it, and any other with a state event before is expected.
    `first_states` is asked for those of all workers but some at least, and only where it matters.
    """

    def __init__(
        self, presence: Columns, first_states: Callable[[Ints], FirstStates], starts: Ints, elapsed: Ints
    ) -> None:
        self._presence = presence
        self._first_states_but = first_states
        self._starts = starts
        self._buckets = np.arange(len(starts))
        self._sum = partial(Sums(presence, presence["bucket"]).of, self._buckets)
        self.elapsed = elapsed

    @cached_property
    def active(self) -> Ints:
        return self._sum("active")

    @cached_property
    def idle(self) -> Ints:
        return self._sum("idle")

    @property
    def present(self) -> Ints:
        """All who are present in the bucket are expected in it."""
        return self.active + self.idle

    @cached_property
    def units(self) -> Ints:
        return self._sum("units")

    @cached_property
    def events(self) -> Ints:
        return self._sum("events")

    @cached_property
    def _each(self) -> Sums:
        """By bucket and worker."""
        return Sums(self._presence, (self._presence["bucket"] << 32) | self._presence["worker"])

    def _count(self, of_each: Ints) -> Ints:
        """The sums by bucket of a column that goes with `_each`."""
        return Sums({"": of_each}, self._each.keys >> 32).of(self._buckets, "")

    @cached_property
    def _present_of_each(self) -> Ints:
        return self._each["active"] + self._each["idle"]

    @cached_property
    def _first_states(self) -> FirstStates:
        """Whoever has an event in every bucket is expected, whatever was before."""
        workers, buckets = np.unique(self._each.keys[self._each["events"] > 0] & 0xFFFFFFFF, return_counts=True)
        return self._first_states_but(workers[buckets == len(self._starts)])

    @cached_property
    def _known_before(self) -> npt.NDArray[np.bool_]:
        code = self._each.keys
        return self._first_states.of(code & 0xFFFFFFFF) < self._starts[code >> 32]

    @cached_property
    def _expected_of_each(self) -> npt.NDArray[np.bool_]:
        return (self._each["events"] > 0) | (self._known_before & (self._each["absent"] == 0))

    @cached_property
    def absent(self) -> Ints:
        """Of the workers that are expected."""
        return self._count(np.where(self._expected_of_each, self._each["absent"], 0))

    @property
    def known(self) -> Ints:
        """Time in a known state of the workers that are expected."""
        return self.present + self.absent

    @cached_property
    def expected(self) -> npt.NDArray[Any]:
        """The elapsed time of the workers that are expected: of as many whole numbers as it takes.

        Those whose states began before, and of whom nothing is seen in the bucket, are expected too.
        """
        seen = self._count(self._expected_of_each.astype(np.int64) - self._known_before)
        began_before = np.searchsorted(np.sort(self._first_states.at), self._starts)
        return self.elapsed.astype(object) * (seen + began_before)

    @property
    def unknown(self) -> npt.NDArray[Any]:
        """Of the workers that are expected."""
        return self.expected - self.known

    @property
    def not_idle(self) -> npt.NDArray[Any]:
        """Active, if all unknown time were."""
        return self.active + self.unknown

    @property
    def not_absent(self) -> npt.NDArray[Any]:
        """Present, if all unknown time were, of the workers that are expected."""
        return self.expected - self.absent

    @property
    def active_workers(self) -> Ints:
        return self._count((self._present_of_each > 0).astype(np.int64))

    @property
    def average_utilization(self) -> npt.NDArray[Any]:
        """In percent, rounded."""
        bucket = self._each.keys >> 32
        means = mean_percentages(self._each["active"], self._present_of_each, bucket, len(self._starts))
        return np.array(means, dtype=object)


Metrics = dict[str, tuple[Any, ...]]
"""Each metric: what makes it, and of which totals."""

WORKER_METRICS: Metrics = {
    "total_active_time_hours": (hours, "active"),
    "total_idle_time_hours": (hours, "idle"),
    "total_absent_time_hours": (hours, "absent"),
    "unknown_time_hours": (hours, "unknown"),
    "utilization_percentage": (percentage, "active", "present"),
    "utilization_lower_percentage": (percentage, "active", "not_absent"),
    "utilization_upper_percentage": (percentage, "not_idle", "not_absent"),
    "coverage_percentage": (percentage, "known", "elapsed"),
    "total_units_produced": (int, "units"),
    "units_per_hour": (per_hour, "units", "active"),
    "event_count": (int, "events"),
}

WORKSTATION_METRICS: Metrics = {
    "occupancy_time_hours": (hours, "occupied"),
    "productive_time_hours": (hours, "productive"),
    "utilization_percentage": (percentage, "occupied", "elapsed"),
    "productive_percentage": (percentage, "productive", "occupied"),
    "total_units_produced": (int, "units"),
    "throughput_rate": (per_hour, "units", "occupied"),
    "event_count": (int, "events"),
}

FACTORY_METRICS: Metrics = {
    "total_productive_time_hours": (hours, "active"),
    "total_idle_time_hours": (hours, "idle"),
    "total_absent_time_hours": (hours, "absent"),
    "unknown_time_hours": (hours, "unknown"),
    "total_production_count": (int, "units"),
    "average_production_rate": (per_hour, "units", "active"),
    "average_utilization_percentage": (lambda rounded_mean: rounded_mean, "average_utilization"),
    "pooled_utilization_percentage": (percentage, "active", "present"),
    "pooled_utilization_lower_percentage": (percentage, "active", "not_absent"),
    "pooled_utilization_upper_percentage": (percentage, "not_idle", "not_absent"),
    "coverage_percentage": (percentage, "known", "expected"),
    "total_events": (int, "events"),
}

SERIES_METRICS = {"factory": FACTORY_METRICS, "worker": WORKER_METRICS, "workstation": WORKSTATION_METRICS}
"""The metrics of each entity that have a series."""


def values(totals: WorkerTotals | StationTotals | FactoryTotals, metrics: Metrics, name: str) -> list[Any]:
    """A metric, rendered, by the rows of the totals."""
    metric, *columns = metrics[name]
    return list(map(metric, *(getattr(totals, column).tolist() for column in columns)))


def all_values(totals: WorkerTotals | StationTotals | FactoryTotals, metrics: Metrics) -> list[dict[str, Any]]:
    """All metrics by the rows of the totals."""
    columns = [values(totals, metrics, name) for name in metrics]
    return [dict(zip(metrics, row, strict=True)) for row in zip(*columns, strict=True)]
