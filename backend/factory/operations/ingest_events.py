"""Store a delivery of events: the good ones in one transaction, the others reported."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection

from factory.domain.event import Failure, ParsedEvents
from factory.store import event_log, factories, pending
from factory.store.database import Store
from factory.store.event_log import IDENTITY, Row
from factory.store.factories import Factory
from factory.store.registries import Keys

_IDENTITY_WIDTH = len(IDENTITY)
_CONTENT = slice(_IDENTITY_WIDTH, _IDENTITY_WIDTH + 3)


@dataclass
class IngestOutcome:
    """What became of a delivery; `failures` may name an event several times, a fault each."""

    total: int
    created: int = 0
    duplicates: int = 0
    failures: list[Failure] = field(default_factory=list)
    new: list[int] = field(default_factory=list)
    """The places of the created events among the valid ones."""
    commit_seconds: float = 0.0

    @property
    def failed_indices(self) -> list[int]:
        """The places of the refused events in the delivery, ascending."""
        return sorted({failure.index for failure in self.failures})


class _NothingStored(Exception):
    """Rolls a transaction back."""


def ingest_events(
    *,
    store: Store,
    factory: str,
    events: ParsedEvents,
    now: int,
    atomic: bool = False,
    register_unknown: bool = True,
) -> IngestOutcome:
    """Commit the valid events of a delivery, and say which were new, stored before, or refused.

    `now` is the time of receipt in microseconds. With `atomic`, nothing is stored when one is refused.
    Raises NotFound for an unknown factory, Unavailable when the database is away: then nothing is stored.
    """
    return store.retry(lambda: _ingest_once(store, factory, events, now, atomic, register_unknown))


def _ingest_once(
    store: Store, factory: str, events: ParsedEvents, now: int, atomic: bool, register_unknown: bool
) -> IngestOutcome:
    outcome = IngestOutcome(events.total, failures=list(events.failures))
    started = time.perf_counter()
    try:
        with store.writing() as tx:
            site = factories.find(tx, factory)
            store.dialect.share_factory(tx, site.factory_key)
            # While we waited, its registries may have been replaced: then the keys we know are gone.
            site = factories.find(tx, factory)
            keys = Keys(store, site)
            store_events(store, tx, site, keys, events, now, register_unknown, outcome)
            if atomic and outcome.failures:
                raise _NothingStored
            started = time.perf_counter()
        keys.remember()
    except _NothingStored:
        outcome.created = outcome.duplicates = 0
        outcome.new = []
    outcome.commit_seconds = time.perf_counter() - started
    outcome.failures.sort(key=lambda failure: failure.index)
    return outcome


def store_events(
    store: Store,
    tx: Connection,
    site: Factory,
    keys: Keys,
    events: ParsedEvents,
    now: int,
    register_unknown: bool,
    outcome: IngestOutcome,
) -> None:
    known = _known(tx, keys, events, outcome) if not register_unknown else range(len(events))
    if not len(known):
        return
    rows = _rows(tx, site, keys, events, known, now)
    places: dict[Row, list[int]] = {}
    for n in known:
        places.setdefault(rows[n][:_IDENTITY_WIDTH], []).append(n)
    first = [same[0] for same in places.values()]
    stored = event_log.insert_new(store, tx, site.factory_key, [rows[n] for n in first])
    new = []
    for place, same in enumerate(places.values()):
        content = stored.get(place)
        if content is None:
            content = rows[same[0]][_CONTENT]
            new.append(same[0])
            same = same[1:]
        for n in same:
            if rows[n][_CONTENT] == content:
                outcome.duplicates += 1
            else:
                message = "An event of this identity with other content is stored"
                outcome.failures.append(Failure(int(events.index[n]), None, "conflict", message))
    outcome.created = len(new)
    outcome.new = new
    if new:
        workers = np.array([rows[n][1] for n in new], dtype=np.int64)
        pending.note(tx, site.factory_key, pending.cells_of(workers, events.timestamp[new]))


def _known(tx: Connection, keys: Keys, events: ParsedEvents, outcome: IngestOutcome) -> list[int]:
    """The events that speak of registered workers and workstations; the others fail."""
    workers = keys.of(tx, "worker", set(events.worker_id))
    stations = keys.of(tx, "workstation", set(events.workstation_id))
    known = []
    for n, (worker, station) in enumerate(zip(events.worker_id, events.workstation_id, strict=True)):
        index = int(events.index[n])
        if worker not in workers:
            outcome.failures.append(Failure(index, "worker_id", "unknown_worker", "is not registered"))
        if station not in stations:
            outcome.failures.append(Failure(index, "workstation_id", "unknown_workstation", "is not registered"))
        if worker in workers and station in stations:
            known.append(n)
    return known


def _rows(tx: Connection, site: Factory, keys: Keys, events: ParsedEvents, known: Sequence[int], now: int) -> list[Row]:
    """The events as rows in the order of event_log.COLUMNS; only those at `known` register whom they name."""

    def registered(kind: str, names: list[str]) -> dict[str, int]:
        return {"": 0, **keys.of_registered(tx, kind, {names[n] for n in known} - {""})}

    worker, station = registered("worker", events.worker_id), registered("workstation", events.workstation_id)
    source, model = registered("source", events.source_id), registered("model", events.model_version)
    count = len(events)
    return list(
        zip(
            [site.factory_key] * count,
            map(worker.get, events.worker_id),
            events.timestamp.tolist(),
            events.event_type.tolist(),
            map(station.get, events.workstation_id),
            map(source.get, events.source_id),
            events.event_id,
            events.count.tolist(),
            events.confidence.tolist(),
            map(model.get, events.model_version),
            [now] * count,
            strict=True,
        )
    )
