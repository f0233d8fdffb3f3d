"""The states of workers and workstations at the moment of the request."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from sqlalchemy import Connection

from factory.domain.event import IDLE, STATE_NAMES, UNKNOWN, WORKING
from factory.domain.privacy import Audience
from factory.domain.states.calendar import DAYS
from factory.domain.states.stretches import state_of_station
from factory.domain.timestamp import MINUTE, format_timestamp
from factory.operations.bounded_rows import bounded
from factory.operations.derive.refresh import read_up_to_date
from factory.operations.metrics.window_totals import WindowReader
from factory.operations.metrics.withheld import first_seen
from factory.operations.visible_workers import Persons
from factory.store.derived import window_reads
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.factories import Factory


def query_now(*, store: Store, factory_id: str, now: int, audience: Audience) -> dict[str, Any]:
    """Return the state of each worker and workstation at `now` (microseconds), ordered by id; JSON-ready.

    `last_event_at` is cut to the minute, so that the answer changes rarely. An audience that sees figures only is
    told of no worker. One that sees no persons is told of no worker's state, and of a workstation's only where enough
    persons are, or where the factory's `live_states` allows it. Raises NotFound for an unknown factory.
    """

    def read(tx: Connection, factory: Factory) -> dict[str, Any]:
        reader = WindowReader(store, tx, factory)
        stations = id_registry.rows_of(tx, factory.factory_key, "workstation")
        persons = Persons(tx, factory, audience)
        names = {row.station_key: row.workstation_id for row in stations}
        states = {worker: rest for worker, *rest in zip(*(c.tolist() for c in reader.changes_at(now)), strict=True)}
        there: dict[int, dict[str, int]] = {row.station_key: {} for row in stations}
        rows = []
        for worker in persons.rows():
            since, state, station = states.get(worker.worker_key, (None, UNKNOWN, 0))
            if state in (WORKING, IDLE):
                there[station][worker.worker_id] = state
            rows.append(
                {
                    "worker_id": worker.worker_id,
                    "name": worker.name,
                    "state": STATE_NAMES[state],
                    "workstation_id": None if state == UNKNOWN else names[station],
                    "since": None if since is None else format_timestamp(since),
                }
            )
        last = window_reads.last_event_until(store, tx, factory, reader.workers, now)
        states_of = [
            {
                "workstation_id": row.workstation_id,
                "name": row.name,
                "type": row.type,
                "state": state_of_station(there[row.station_key].values()),
                "worker_ids": list(there[row.station_key]) if persons.traces_are_shown else [],
            }
            for row in stations
        ]
        answer = {
            "workers": [] if persons.figures_only else rows,
            "workstations": states_of,
            "active_worker_count": sum(map(len, there.values())),
            "active_station_count": sum(map(bool, there.values())),
            "last_event_at": None if last is None else format_timestamp(last // MINUTE * MINUTE),
        }
        if persons.k_min == 1:
            return _bounded(answer)
        # As in the figures of a day, who was first seen today does not count.
        known = set(reader.workers[first_seen(reader) < reader.calendar.starts_of(DAYS, np.array([now]))[0]].tolist())
        at = (station for worker, (_, state, station) in states.items() if state in (WORKING, IDLE) and worker in known)
        present = Counter(at)
        return _bounded(_told(answer, [present[row.station_key] for row in stations], persons))

    return read_up_to_date(store=store, factory_id=factory_id, read=read)


def _bounded(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer with a bounded number of rows, those of a present state first; the counts stay."""
    workers, workers_left = bounded(answer["workers"], lambda row: row["state"] in (None, STATE_NAMES[UNKNOWN]))
    stations, stations_left = bounded(answer["workstations"], lambda row: row["state"] in (None, "free"))
    if workers_left:
        shown = {row["worker_id"] for row in workers}
        stations = [row | {"worker_ids": [one for one in row["worker_ids"] if one in shown]} for row in stations]
    beside = {"workers_left_out": workers_left, "workstations_left_out": stations_left}
    return answer | {"workers": workers, "workstations": stations} | {name: n for name, n in beside.items() if n}


def _told(answer: dict[str, Any], present: list[int], persons: Persons) -> dict[str, Any]:
    """Return what an audience that sees no persons is told of the answer; `present` are the persons at each station.

    Asked again and again, the present is a trace. So nothing is told that changes with a single person.
    """
    hidden: dict[str, Any] = {"state": None, "withheld": True}
    workers = [row | hidden | {"workstation_id": None, "since": None} for row in answer["workers"]]
    told = answer | {"workers": workers}
    if persons.live_states:
        return told
    few = [number < persons.k_min for number in present]
    told["workstations"] = [
        row | hidden if is_few else row for row, is_few in zip(answer["workstations"], few, strict=True)
    ]
    if any(few):
        told |= {"active_station_count": None}
    if sum(present) < persons.k_min:
        told |= {"active_worker_count": None, "last_event_at": None}
    return told | ({"withheld": True} if any(few) or sum(present) < persons.k_min else {})
