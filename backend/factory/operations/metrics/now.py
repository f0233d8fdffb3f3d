"""The states of workers and workstations at the moment of the request."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from factory.domain.event import IDLE, STATE_NAMES, UNKNOWN, WORKING
from factory.domain.privacy import Audience
from factory.domain.states.stretches import state_of_station
from factory.domain.timestamp import MINUTE, format_timestamp
from factory.operations.derive.refresh import read_up_to_date
from factory.operations.metrics.window_totals import WindowReader
from factory.operations.visible_workers import Persons
from factory.store.derived import window_reads
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.factories import Factory


def query_now(*, store: Store, factory_id: str, now: int, audience: Audience) -> dict[str, Any]:
    """Return the state of each worker and workstation at `now` (microseconds), ordered by id; JSON-ready.

    `last_event_at` is cut to the minute, so that the answer changes rarely. An audience that sees figures only is
    told of no worker. Raises NotFound for an unknown factory.
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
        return {
            "workers": [] if persons.figures_only else rows,
            "workstations": [
                {
                    "workstation_id": row.workstation_id,
                    "name": row.name,
                    "type": row.type,
                    "state": state_of_station(there[row.station_key].values()),
                    "worker_ids": [] if persons.figures_only else list(there[row.station_key]),
                }
                for row in stations
            ],
            "active_worker_count": sum(map(len, there.values())),
            "active_station_count": sum(map(bool, there.values())),
            "last_event_at": None if last is None else format_timestamp(last // MINUTE * MINUTE),
        }

    return read_up_to_date(store=store, factory_id=factory_id, read=read)
