"""Replacement of a factory's data by the sample data."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection

from factory.domain.access.permissions import Actor
from factory.domain.event import EVENT_TYPES, NO_CONFIDENCE, PRODUCT_COUNT, ParsedEvents
from factory.domain.sample.sample_data import sample_events, sample_registry
from factory.domain.sample.sample_roster import SMALL, Plant
from factory.domain.timestamp import parse_timestamp
from factory.operations.audit_trail import record
from factory.operations.derive.rows import Generation
from factory.operations.derive.states import derive
from factory.operations.derive.zone_rules import calendar_in_use, follow_rules
from factory.operations.events.ingest import store_events
from factory.store import clear_factory, factories
from factory.store.access import erasure
from factory.store.derived import pending
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.events.id_registry import IdResolver
from factory.store.factories import Factory

SAMPLE_SEED = 2026


def seed_demo(
    *,
    store: Store,
    factory_id: str,
    now: int,
    by: Actor,
    plant: Plant = SMALL,
    seed: int = SAMPLE_SEED,
    if_empty: bool = False,
) -> dict[str, int | bool]:
    """Remove the factory's registry and events and load the sample data of a plant up to `now` (microseconds).

    It is one transaction: readers see all of the old data or all of the new. With `if_empty` a factory that has
    workers, workstations or events stays as it is. Return `replaced` and the numbers of workers, workstations and
    events of the sample. Raises NotFound, Unavailable.
    """
    return store.retry(lambda: _seed(store, factory_id, now, by, plant, seed, if_empty))


def _seed(
    store: Store, factory_id: str, now: int, by: Actor, plant: Plant, seed: int, if_empty: bool
) -> dict[str, int | bool]:
    with store.writing() as tx:
        factory = factories.find(tx, factory_id)
        store.dialect.lock_factory(tx, factory.factory_key)
        store.dialect.lock_derivation(tx)
        factory = factories.find(tx, factory_id)
        if if_empty and _has_data(tx, factory):
            return {"replaced": False, "workers": 0, "workstations": 0, "events": 0}
        factory = clear_factory.clear(tx, factory)
        workers, stations = sample_registry(plant)
        for worker in workers:
            id_registry.add(tx, factory.factory_key, "worker", worker["worker_id"], {"name": worker["name"]})
            erasure.forget_erased(tx, factory, worker["worker_id"])
        for station in stations:
            texts = {"name": station["name"], "type": station["type"]}
            id_registry.add(tx, factory.factory_key, "workstation", station["workstation_id"], texts)
        events = _load(store, tx, factory, now, plant, seed)
        record(tx, by, "factory.reseeded", factory_key=factory.factory_key, detail={"events": events})
    return {"replaced": True, "workers": len(workers), "workstations": len(stations), "events": events}


def _has_data(tx: Connection, factory: Factory) -> bool:
    registered = any(id_registry.rows_of(tx, factory.factory_key, kind) for kind in ("worker", "workstation"))
    return registered or factory.first_event_at is not None or pending.one_of(tx, factory.factory_key) is not None


def _load(store: Store, tx: Connection, factory: Factory, now: int, plant: Plant, seed: int) -> int:
    sample = _columns(list(sample_events(seed=seed, until_us=now, time_zone=factory.time_zone, plant=plant)))
    # The keys are not published: the next request reads them once the transaction is committed.
    ids = IdResolver(store, factory)
    outcome = store_events(store=store, tx=tx, factory=factory, ids=ids, events=sample, now=now, register_unknown=True)
    factory = follow_rules(store, tx, factory)
    calendar = calendar_in_use(tx, factory)
    generation = Generation(factory.factory_key, factory.generation, factory.timeout, calendar)
    cells = pending.take(store, tx, factory.factory_key)
    factories.widen(tx, factory.factory_key, int(cells["first"].min()), int(cells["last"].max()))
    derive(store, tx, generation, cells)
    return outcome.created


def _columns(events: list[dict[str, object]]) -> ParsedEvents:
    kinds = np.array([EVENT_TYPES[str(e["event_type"])] for e in events], dtype=np.int64)
    counts = np.array([e.get("count", 1) for e in events], dtype=np.int64)
    return ParsedEvents(
        total=len(events),
        index=np.arange(len(events)),
        timestamp=np.array([parse_timestamp(str(e["timestamp"])) for e in events], dtype=np.int64),
        event_type=kinds,
        count=np.where(kinds == PRODUCT_COUNT, counts, 0),
        confidence=np.array([e.get("confidence", NO_CONFIDENCE) for e in events], dtype=np.float64),
        worker_id=[str(e["worker_id"]) for e in events],
        workstation_id=[str(e["workstation_id"]) for e in events],
        source_id=[str(e.get("source_id") or "") for e in events],
        model_version=[str(e.get("model_version") or "") for e in events],
        event_id=[str(e.get("event_id") or "") for e in events],
        failures=[],
    )
