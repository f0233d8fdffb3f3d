"""The time before the cut of retention in a new generation.

Its raw events are gone: the changes of state stay as they are, under whatever settings they were derived,
and the roll-ups are added up anew from these and from what is kept of the events, in the new calendar.
"""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection

from factory.domain.event import IDLE, UNKNOWN, WORKING
from factory.domain.states.intervals import Changes, clip
from factory.domain.states.ranges import take
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.states.worker_hours import cells_of
from factory.operations.derive.rollups import refresh_rollups
from factory.operations.derive.rows import Generation
from factory.operations.derive.states import evidence_before_cut
from factory.store.derived import intervals, retention
from factory.store.engine.database import Store
from factory.store.events.event_log import FoundEvents


def copy_retained_states(store: Store, tx: Connection, generation: Generation, source: int, workers: list[int]) -> None:
    """Repeat the workers' changes of the generation `source` before the cut.

    A state in which a worker is at the cut ends where the evidence before it does, until later events say more.
    """
    cut = generation.retained_from
    assert cut is not None
    intervals.copy_before(tx, generation.factory_key, source, generation.number, workers, cut)
    rows = generation.rows(store, tx)
    at_cut = rows.changes_covering(TimeRanges.of_each(workers, cut, cut))
    lasting = take(at_cut, (at_cut.state == WORKING) | (at_cut.state == IDLE))
    if generation.timeout and len(lasting.group):
        worker = np.asarray(workers, dtype=np.int64)[lasting.group]
        nothing = np.zeros_like(worker)
        silent = evidence_before_cut(rows, cut, worker) + generation.timeout
        none = Changes(nothing[:0], nothing[:0], nothing[:0], nothing[:0])
        rows.replace_changes(none, Changes(worker, silent, nothing + UNKNOWN, nothing))


def roll_up_retained(
    store: Store, tx: Connection, generation: Generation, workers: list[int], start: int, end: int
) -> None:
    """Make the roll-ups of [start, end) from the states that were copied and the kept events."""
    rows = generation.rows(store, tx)
    known = clip(rows.spans_over(TimeRanges.of_each(workers, start, end)), start, end)
    known = take(known, known.state != UNKNOWN)
    kept = retention.between(store, tx, generation.factory_key, start, end)
    if len(known.group) == 0 and len(kept.worker) == 0:
        return
    cells = cells_of(kept.worker, kept.time)
    worker, first, last = (cells[name].astype(np.int64) for name in ("worker", "first", "last"))
    found = FoundEvents(
        kept.worker, kept.time, np.zeros_like(kept.time), kept.station, kept.units, np.zeros(len(kept.time))
    )
    refresh_rollups(
        rows, TimeRanges(known.group, known.start, known.end), TimeRanges.through(worker, first, last), found
    )
