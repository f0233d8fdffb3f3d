"""The state of the store for monitoring."""

from __future__ import annotations

import json
from datetime import datetime, timezone

from factory.adapters.observe.prometheus_metrics import Observation
from factory.domain.shifts import is_running
from factory.domain.states.zone_rules import rules_of
from factory.domain.timestamp import SECOND
from factory.store import Store
from factory.store.derived.observations import ObservedFactory, observed_factories


def observe_store(*, store: Store, now: int) -> list[Observation]:
    """Observe every factory of the installation at `now`, in microseconds. Raises Unavailable."""
    with store.system().snapshot() as tx:
        return [_observed(one, now) for one in observed_factories(tx)]


def _observed(one: ObservedFactory, now: int) -> Observation:
    local = datetime.fromtimestamp(now // SECOND, timezone.utc).astimezone(rules_of(one.time_zone).tz)
    return Observation(
        organisation_key=one.organisation_key,
        organisation=one.organisation,
        factory_id=one.factory_id,
        waiting=one.waiting,
        newest_age=None if one.newest is None else (now - one.newest) / SECOND,
        shift_runs=is_running(json.loads(one.shifts), 60 * local.hour + local.minute),
    )
