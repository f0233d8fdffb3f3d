"""Several state events of one worker at one instant: the one that counts, from the store."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.event import PRODUCT_COUNT
from factory.domain.states import simultaneous_events
from factory.domain.states.time_ranges import TimeRanges
from factory.store.engine.database import Store
from factory.store.events import event_log, id_registry
from factory.store.events.event_log import FoundEvents, StoredEvent

Ints = npt.NDArray[np.int64]


def winning_state_events(
    store: Store, tx: Connection, factory_key: int, ranges: TimeRanges, found: FoundEvents
) -> npt.NDArray[np.bool_]:
    """Return a mask of the state events that count, of the events found in the ranges."""

    def by_texts(rows: Ints) -> tuple[Ints, Ints]:
        winners = winners_at(store, tx, factory_key, ranges.worker[found.place[rows]], found.time[rows])
        kind, station = np.array([(one.kind, one.station) for one in winners if one], dtype=np.int64).T
        return kind, station

    return simultaneous_events.winning_state_events(
        found.place, found.time, found.kind, found.station, found.confidence, by_texts
    )


def winners_at(store: Store, tx: Connection, factory_key: int, worker: Ints, time: Ints) -> list[StoredEvent | None]:
    """Return the state event that counts of each of the workers at its instant, as it was sent."""
    stations = id_registry.names_of(tx, factory_key, "workstation")
    sources = id_registry.names_of(tx, factory_key, "source")

    def rank(said: StoredEvent) -> tuple[object, ...]:
        station, source = stations[said.station], sources[said.source]
        return simultaneous_events.rank(said.kind, said.confidence, station, source, said.event_id)

    best: dict[int, StoredEvent] = {}
    for said in event_log.events_at(store, tx, factory_key, worker, time):
        if said.kind != PRODUCT_COUNT:
            best[said.place] = min(said, best.get(said.place, said), key=rank)
    return [best.get(place) for place in range(len(worker))]
