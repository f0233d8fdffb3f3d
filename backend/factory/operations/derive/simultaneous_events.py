"""Several state events of one worker at one instant: which one counts (SPEC section 3)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.event import PRODUCT_COUNT
from factory.domain.states.ranges import begins
from factory.domain.states.time_ranges import TimeRanges
from factory.store.engine.database import Store
from factory.store.events import event_log, id_registry
from factory.store.events.event_log import FoundEvents, Row

Ints = npt.NDArray[np.int64]


def counting_state_events(
    store: Store, tx: Connection, factory_key: int, ranges: TimeRanges, found: FoundEvents
) -> npt.NDArray[np.bool_]:
    """Which of the found events are state events that count.

    The highest confidence wins (a missing one is lowest), then working before idle before absent, then
    the smaller workstation_id, source_id and event_id in code-point order, a missing one first.
    """
    counting = found.kind != PRODUCT_COUNT
    states = np.flatnonzero(counting)
    order = states[np.lexsort((found.time[states], found.place[states]))]
    opens = begins(found.place[order], found.time[order])
    if opens.all():
        return counting
    # The rows of the instants at which there are several, best first.
    instant = np.cumsum(opens) - 1
    several = np.flatnonzero(np.bincount(instant)[instant] > 1)
    order, instant = order[several], instant[several]
    best = np.lexsort((found.kind[order], -found.confidence[order], instant))
    order, instant = order[best], instant[best]
    opens = begins(instant)
    counting[order[~opens]] = False
    # Confidence and type alone leave several here and there; then the texts decide.
    rivals = ~opens & ~begins(found.kind[order], found.confidence[order])
    contested = np.isin(instant, instant[rivals])
    if contested.any():
        rows, of = order[contested], np.unique(instant[contested], return_inverse=True)[1]
        first = rows[begins(of)]
        winners = counting_events(store, tx, factory_key, ranges.worker[found.place[first]], found.time[first])
        kind, station = np.array([winner[1:3] for winner in winners if winner], dtype=np.int64).T
        # Events of one type and station at one instant say the same: any of them may stand for the winner.
        alike = np.flatnonzero((found.kind[rows] == kind[of]) & (found.station[rows] == station[of]))
        counting[rows] = False
        counting[rows[alike[begins(of[alike])]]] = True
    return counting


def counting_events(store: Store, tx: Connection, factory_key: int, worker: Ints, time: Ints) -> list[Row | None]:
    """The state event that counts of each of the workers at its instant, as event_log.said_at gives it."""
    stations = id_registry.names_of(tx, factory_key, "workstation")
    sources = id_registry.names_of(tx, factory_key, "source")

    def rank(row: Row) -> Row:
        _, kind, station, confidence, source, event_id, *_ = row
        return (-confidence, kind, stations[station], sources[source], event_id)

    best: dict[int, Row] = {}
    for row in event_log.said_at(store, tx, factory_key, worker, time):
        if row[1] != PRODUCT_COUNT:
            best[row[0]] = min(row, best.get(row[0], row), key=rank)
    return [best.get(place) for place in range(len(worker))]
