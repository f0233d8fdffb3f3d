"""Prometheus series of events and of the store."""

from __future__ import annotations

import numpy as np
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from factory.adapters.observe.prometheus_metrics import Observation, StoreGauges, observe_many


def test_many_observations_at_once_are_as_many_single_ones() -> None:
    values = [0.0, 0.5, 1.0, 1.5, 5.0, 1e9]
    texts = []
    for many in (True, False):
        registry = CollectorRegistry()
        histogram = Histogram("x", "x", buckets=(1, 5, 15), registry=registry)
        if many:
            observe_many(histogram, np.array(values))
            observe_many(histogram, np.array([]))
        else:
            for value in values:
                histogram.observe(value)
        texts.append([line for line in generate_latest(registry).decode().splitlines() if "created" not in line])
    assert texts[0] == texts[1]


def sample(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def test_the_age_backlog_and_shift_of_each_factory_are_read_at_the_scrape() -> None:
    registry = CollectorRegistry()
    registry.register(
        StoreGauges(
            lambda: [
                Observation(1, "acme", "north", waiting=3, newest_age=60.0, shift_runs=True),
                Observation(1, "acme", "empty", waiting=0, newest_age=None, shift_runs=False),
            ]
        )
    )
    north = {"organisation": "acme", "factory": "north"}
    assert sample(registry, "factory_newest_event_age_seconds", **north) == 60
    assert sample(registry, "factory_newest_event_age_seconds", organisation="acme", factory="empty") is None
    assert sample(registry, "factory_dirty_stretches", **north) == 3
    assert sample(registry, "factory_shift_running", organisation_key="1", **north) == 1
    assert sample(registry, "factory_store_up") == 1


def test_a_store_that_is_away_is_told_and_breaks_no_scrape() -> None:
    def away() -> list[Observation]:
        raise OSError

    registry = CollectorRegistry()
    registry.register(StoreGauges(away))
    assert sample(registry, "factory_store_up") == 0
