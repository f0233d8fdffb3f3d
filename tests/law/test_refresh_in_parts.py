"""Refreshes of events that wait, more than fit into memory at once."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.conftest import Clock
from tests.law.served import Served
from tests.reference import rfc3339
from tests.strategies import HOUR, MINUTE, WHOLE

from factory.operations.derive import states
from factory.operations.derive.verify import verify_derived


def said(random: Random, now: int) -> dict[str, Any]:
    return {
        "timestamp": rfc3339(now - random.randrange(8 * HOUR // MINUTE) * MINUTE),
        "worker_id": random.choice(("W1", "W2", "W3")),
        "workstation_id": random.choice(("S1", "S2")),
        "event_type": random.choice(("working", "idle", "absent", "product_count")),
        "event_id": str(random.random()),
    }


@pytest.mark.parametrize("seed", range(24 if WHOLE else 4))
def test_every_number_follows_from_the_events(
    served: Served, law_clock: Clock, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(states, "_MOST_EVENTS", 2)
    random = Random(seed)
    factory = {"X-Factory-ID": served.new_factory()}
    for _ in range(25):
        delivery = [said(random, law_clock.now) for _ in range(2)]
        assert served.client.post("/api/v1/events/batch", json=delivery, headers=factory).status_code == 201
        if random.random() < 0.2:
            assert served.client.get("/api/v1/metrics/factory", headers=factory).status_code == 200

    assert served.client.get("/api/v1/metrics/factory", headers=factory).status_code == 200

    store = served.client.application.extensions["factory_store"]
    assert verify_derived(store=store, factory_id=factory["X-Factory-ID"], now=law_clock.now) == []
