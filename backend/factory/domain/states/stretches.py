"""Workstations' time as stretches: productive, occupied or free, with those who were there."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from factory.domain.event import WORKING
from factory.domain.states.intervals import Spans
from factory.domain.states.ranges import expand_ranges, pack, run_starts, unpack

Ints = npt.NDArray[np.int64]

STATION_STATES = ("free", "occupied", "productive")


def state_of_station(present: Collection[int]) -> str:
    """Return the state of a station by those, working or idle, of the workers who are there."""
    return "productive" if WORKING in present else "occupied" if present else "free"


class StationStretches(NamedTuple):
    """Stretches of stations as columns, ordered by place and start, gapless in each place.

    `state` is a place in STATION_STATES. Of `workers`, ascending in each stretch, those from `first` of the
    stretch up to that of the next were there; `first` has one number more than there are stretches.
    """

    place: Ints
    start: Ints
    end: Ints
    state: Ints
    workers: Ints
    first: Ints

    def present(self) -> list[list[int]]:
        """List the workers who were there, by stretch."""
        workers, bounds = self.workers.tolist(), self.first.tolist()
        return [workers[low:high] for low, high in zip(bounds[:-1], bounds[1:], strict=True)]


def station_stretches(spans: Spans, place: Ints, places: int, start: int, end: int) -> StationStretches:
    """Return the stretches of the stations in the places 0 to places - 1 over [start, end), which is not empty.

    `spans` are the working and idle intervals at the stations, cut to the window, the group the worker, and `place`
    that of each span's station. A stretch ends where its state changes, not where somebody comes or goes.
    """
    one, nothing = np.ones(len(place), dtype=np.int64), np.zeros(places, dtype=np.int64)
    works = (spans.state == WORKING).astype(np.int64)
    where = np.concatenate([place, place, np.arange(places)])
    at = np.concatenate([spans.start, spans.end, np.full(places, start)])
    order = np.lexsort((at, where))
    where, at = where[order], at[order]
    # Whoever comes to a place leaves it by the end: one running sum serves all places.
    there, at_work = (np.cumsum(np.concatenate([c, -c, nothing])[order]) for c in (one, works))
    settled = np.append(run_starts(where, at)[1:], True) & (at < end)
    where, at = where[settled], at[settled]
    state = (there[settled] > 0).astype(np.int64) + (at_work[settled] > 0)
    changed = run_starts(where, state)
    where, at, state = where[changed], at[changed], state[changed]
    until = np.full(len(at), end)
    until[:-1] = np.where(where[1:] == where[:-1], at[1:], end)

    # Places one behind the other on one axis, on which a span meets a run of stretches.
    width = end - start
    axis = where * width + at - start
    meets = np.searchsorted(axis, place * width + spans.start - start, side="right") - 1
    span, stretch = expand_ranges(meets, np.searchsorted(axis, place * width + spans.end - start, side="left"))
    stretch, worker = unpack(np.unique(pack(stretch, spans.group[span])))
    return StationStretches(where, at, until, state, worker, np.searchsorted(stretch, np.arange(len(at) + 1)))
