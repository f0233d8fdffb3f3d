"""The states now are the last of the intervals, whatever was said of the minutes to come."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given
from tests.conftest import Clock
from tests.law.served import Served
from tests.reference import Reference, rfc3339
from tests.reference_states import FOREVER, cut
from tests.strategies import MINUTE, SEEDS, History, deliveries, examples, histories


def now_of(reference: Reference) -> dict[str, Any]:
    """Return the reference's answer about the moment: the intervals and stretches of its next microsecond."""
    now = reference.now
    workers: list[dict[str, Any]] = []
    for worker in sorted(reference.workers):
        (at_once,) = cut(reference.intervals_of(worker), now, now + 1)
        (whole,) = (i for i in reference.intervals_of(worker) if i.start <= now < i.end)
        workers.append(
            {
                "worker_id": worker,
                "name": reference.workers[worker],
                "state": at_once.state,
                "workstation_id": at_once.workstation_id,
                "since": rfc3339(whole.start) if whole.start > -FOREVER else None,
            }
        )
    stations: list[dict[str, Any]] = []
    for station in sorted(reference.workstations):
        (stretch,) = reference.stretches(station, now, now + 1)
        name, kind = reference.workstations[station]
        stations.append(
            {
                "workstation_id": station,
                "name": name,
                "type": kind,
                "state": stretch.state,
                "worker_ids": sorted(stretch.worker_ids),
            }
        )
    past = [event.timestamp for event in reference.events if event.timestamp <= now]
    return {
        "workers": workers,
        "workstations": stations,
        "active_worker_count": sum(worker["state"] in ("working", "idle") for worker in workers),
        "active_station_count": sum(station["state"] != "free" for station in stations),
        "last_event_at": rfc3339(max(past) // MINUTE * MINUTE) if past else None,
    }


@examples(10)
@given(history=histories(), seed=SEEDS)
def test_the_states_now_are_those_of_the_intervals_that_hold_now(
    served: Served, law_clock: Clock, history: History, seed: int
) -> None:
    random = Random(seed)
    law_clock.now = history.now
    factory = served.new_factory(history.time_zone, history.state_timeout_seconds)
    for delivery in deliveries(history.events, random):
        served.send(factory, delivery)
    for _ in range(3):
        answer = served.client.get("/api/v1/metrics/now", headers={"X-Factory-ID": factory})
        assert answer.status_code == 200, answer.text
        assert answer.get_json()["data"] == now_of(history.reference(now=law_clock.now))
        law_clock.now += random.choice((0, 1, 150_000_000, 300_000_000, 3_600_000_000))
