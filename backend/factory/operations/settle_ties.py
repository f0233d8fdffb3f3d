"""Several state events of one worker at one instant: which one counts (SPEC section 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.event import PRODUCT_COUNT
from factory.store import event_log, registries
from factory.store.event_log import FoundEvents, Stretches


def counting_state_events(
    tx: Connection, factory_key: int, stretches: Stretches, found: FoundEvents
) -> npt.NDArray[np.bool_]:
    """Which of the found events are state events that count.

    The highest confidence wins (a missing one is lowest), then working before idle before absent, then
    the smaller workstation_id, source_id and event_id in code-point order, a missing one first.
    """
    counting = found.kind != PRODUCT_COUNT
    states = np.flatnonzero(counting)
    order = states[np.lexsort((found.kind[states], -found.confidence[states], found.time[states], found.place[states]))]
    same = (found.place[order][1:] == found.place[order][:-1]) & (found.time[order][1:] == found.time[order][:-1])
    counting[order[1:][same]] = False
    # Winners by confidence and type alone; texts are looked up only where these leave several.
    rivals = same.copy()
    for column in (found.kind[order], found.confidence[order]):
        rivals &= column[1:] == column[:-1]
    instants = {(int(found.place[n]), int(found.time[n])) for n in order[1:][rivals]}
    for place, time in sorted(instants):
        winner = counting_event(tx, factory_key, int(stretches.worker[place]), time)
        assert winner is not None
        here = np.flatnonzero((found.place == place) & (found.time == time) & (found.kind != PRODUCT_COUNT))
        counting[here] = False
        is_winner = (
            (found.kind[here] == winner[0]) & (found.station[here] == winner[1]) & (found.source[here] == winner[3])
        )
        counting[here[np.flatnonzero(is_winner)[0]]] = True
    return counting


def counting_event(tx: Connection, factory_key: int, worker_key: int, time: int) -> Any | None:
    """The state event of a worker at an instant that counts, as event_log.texts_at gives it."""
    said = [row for row in event_log.texts_at(tx, factory_key, worker_key, time) if row[0] != PRODUCT_COUNT]
    if len(said) < 2:
        return said[0] if said else None
    stations = registries.names_of(tx, factory_key, "workstation")
    sources = registries.names_of(tx, factory_key, "source")
    return min(said, key=lambda row: (-row[2], row[0], stations[row[1]], sources[row[3]], row[4]))
