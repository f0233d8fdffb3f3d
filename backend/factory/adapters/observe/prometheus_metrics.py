"""The Prometheus metrics of ingestion and of the store."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from factory.domain.event import TYPE_NAMES, Failure, ParsedEvents

SECOND = 1_000_000
_FEW = 8
"""Up to here single calls of `observe` are faster than an array."""
_LATENESS = (1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400)

_MOST_SOURCES = 1000
"""Sources of an organisation for which a process reports the last arrival; further ones have no metric."""


class Outcome(Protocol):
    """The outcome of a delivery."""

    total: int
    duplicates: int
    new: list[int]
    failures: list[Failure]
    commit_seconds: float


class IngestMetrics:
    """Counters and histograms that a process adds to; one object per process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._events = Counter(
            "factory_events", "Events received, by type and outcome", ["type", "outcome"], registry=registry
        )
        self._batch = Histogram(
            "factory_batch_events",
            "Events in one delivery",
            buckets=(1, 10, 100, 500, 1000, 2000, 5000, 10_000, 100_000),
            registry=registry,
        )
        self._commit = Histogram(
            "factory_commit_seconds",
            "Seconds that the commit of a delivery took",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=registry,
        )
        self._unavailable = Counter(
            "factory_unavailable_answers", "Requests answered 503, by code", ["code"], registry=registry
        )
        self._refused = Counter(
            "factory_refused_answers",
            "Requests answered 401, 403 or 429, by status and code",
            ["status", "code"],
            registry=registry,
        )
        self._limited_in_memory = Counter(
            "factory_rate_limits_in_memory",
            "Requests whose rate limit was counted in the process, because Redis did not answer",
            registry=registry,
        )
        self._reads = Counter(
            "factory_reads",
            "Reads that may go to the replica, by where they went and why not to the replica",
            ["from", "because"],
            registry=registry,
        )
        self._connections = Gauge(
            "factory_database_connections",
            "Connections to the database that are taken, by pool",
            ["pool"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._lateness = Histogram(
            "factory_event_lateness_seconds",
            "Seconds between an event and its arrival; an event of the future counts as 0",
            buckets=_LATENESS,
            registry=registry,
        )

        self._arrival = Gauge(
            "factory_source_last_arrival_timestamp_seconds",
            "When the newest delivery with events of a source came in, in seconds since the epoch",
            ["organisation_key", "factory", "source"],
            registry=registry,
            multiprocess_mode="max",
        )
        self._known_sources = defaultdict[int, set[tuple[str, str]]](set)
        """Factory and source, by organisation."""

    def delivery(
        self,
        events: ParsedEvents,
        outcome: Outcome,
        *,
        organisation_key: int,
        factory_id: str,
        now: int,
        deliveries: int = 1,
    ) -> None:
        """Count a delivery and its outcome; `now` is when it arrived, in microseconds.

        A group of `deliveries` of one event each, committed together, is counted at once.
        """
        for source in set(events.source_id):
            self._saw(organisation_key, factory_id, source, now)
        _observe_equal(self._batch, outcome.total / deliveries, deliveries)
        _observe_equal(self._commit, outcome.commit_seconds, deliveries)
        observe_many(self._lateness, np.maximum(now - events.timestamp, 0) / SECOND)
        self._count(events.event_type[outcome.new], "created")
        if len(outcome.new) < len(events):
            self._count_others(events, outcome)
        if unreadable := outcome.total - len(events):
            self._events.labels("unknown", "invalid").inc(unreadable)

    def _saw(self, organisation_key: int, factory_id: str, source: str, now: int) -> None:
        one, known = (factory_id, source), self._known_sources[organisation_key]
        if one not in known:
            if len(known) >= _MOST_SOURCES:
                return  # each is a series for ever: a sender that invents names must not fill the memory
            known.add(one)
        self._arrival.labels(organisation_key, *one).set(now / SECOND)

    def unavailable(self, reason: str) -> None:
        """Count a request that was answered 503."""
        self._unavailable.labels(reason).inc()

    def refused(self, status: int, code: str) -> None:
        """Count a request whose caller was not let in."""
        self._refused.labels(str(status), code).inc()

    def limited_in_memory(self) -> None:
        """Count a request that was counted in this process, because Redis did not answer."""
        self._limited_in_memory.inc()

    def read(self, source: str, because: str) -> None:
        """Count a read that may go to the replica: where it went, and why it went to the primary."""
        self._reads.labels(source, because).inc()

    def connections(self, pool: str, taken: int) -> None:
        """Set how many connections of a pool of this process are taken."""
        self._connections.labels(pool).set(taken)

    def unreadable(self) -> None:
        """Count an event that was refused before its type was known."""
        self._events.labels("unknown", "invalid").inc()

    def _count_others(self, events: ParsedEvents, outcome: Outcome) -> None:
        created = np.zeros(len(events), dtype=bool)
        created[outcome.new] = True
        conflict = np.isin(events.index, [one.index for one in outcome.failures if one.code == "conflict"])
        invalid = np.isin(events.index, [one.index for one in outcome.failures]) & ~conflict
        rest = ~(created | conflict | invalid)
        self._count(events.event_type[conflict], "conflict")
        self._count(events.event_type[invalid], "invalid")
        self._count(events.event_type[rest], "duplicate" if outcome.duplicates else "rolled_back")

    def _count(self, types: npt.NDArray[np.int64], outcome: str) -> None:
        for code, number in enumerate(np.bincount(types).tolist()):
            if number:
                self._events.labels(TYPE_NAMES[code], outcome).inc(number)


def observe_many(histogram: Histogram, values: npt.NDArray[np.float64]) -> None:
    """`observe` for each value, one addition per bucket: ten thousand calls would cost as much as storing the events.

    prometheus_client has no such call, so this uses its two private parts; a test compares with `observe`.
    """
    if len(values) < _FEW:
        for value in values.tolist():
            histogram.observe(value)
        return
    bounds = np.asarray(histogram._upper_bounds)
    places, numbers = np.unique(np.searchsorted(bounds, values, side="left"), return_counts=True)
    histogram._sum.inc(float(values.sum()))
    for place, number in zip(places.tolist(), numbers.tolist(), strict=True):
        histogram._buckets[place].inc(number)


def _observe_equal(histogram: Histogram, value: float, times: int) -> None:
    """`observe` the same value several times."""
    histogram._sum.inc(value * times)
    histogram._buckets[bisect_left(histogram._upper_bounds, value)].inc(times)


_FACTORY = ["organisation", "factory"]


class Observation(NamedTuple):
    """A factory as it is at a scrape; `newest_age` is in seconds, None without events."""

    organisation_key: int
    organisation: str
    factory_id: str
    waiting: int
    newest_age: float | None
    shift_runs: bool


class StoreGauges(Collector):
    """Gauges read from the store at each scrape: the same from whichever process answers."""

    def __init__(self, read: Callable[[], Sequence[Observation]]) -> None:
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("factory_store_up", "1 when the database answers the scrape")
        dirty = GaugeMetricFamily(
            "factory_dirty_stretches", "Stretches of time whose derived state waits for a refresh", labels=_FACTORY
        )
        age = GaugeMetricFamily("factory_newest_event_age_seconds", "Seconds since the newest event", labels=_FACTORY)
        shift = GaugeMetricFamily(
            "factory_shift_running",
            "1 while a shift of the factory runs, by its own clock; always where it has no shifts",
            labels=[*_FACTORY, "organisation_key"],
        )
        try:
            observed = self._read()
            up.add_metric([], 1)
        except Exception:  # fails open: the scrape reports that the store is away, and the rest
            observed = []
            up.add_metric([], 0)
        for one in observed:
            labels = [one.organisation, one.factory_id]
            dirty.add_metric(labels, one.waiting)
            shift.add_metric([*labels, str(one.organisation_key)], one.shift_runs)
            if one.newest_age is not None:
                age.add_metric(labels, one.newest_age)
        yield from (up, dirty, age, shift)
