"""A workstation's time as stretches: productive, occupied or free, with those who were there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from factory.domain.event import WORKING
from factory.domain.intervals import Spans

StationStretch = tuple[int, int, str, frozenset[int]]
STATION_STATES = ("free", "occupied", "productive")


def state_of_station(present: Collection[int]) -> str:
    """The state of a station by those, working or idle, of the workers who are there."""
    return "productive" if WORKING in present else "occupied" if present else "free"


def station_stretches(spans: Spans, start: int, end: int) -> Iterator[StationStretch]:
    """(start, end, state, workers) of a station over [start, end), gapless, in order.

    `spans` are the working and idle intervals at the station, cut to the window, the group the worker;
    `workers` are all who were there in a stretch. A stretch ends where its state changes, not where
    somebody comes or goes.
    """
    bounds = sorted({start, end, *spans.start.tolist(), *spans.end.tolist()})
    arriving: dict[int, list[tuple[int, bool]]] = {}
    leaving: dict[int, list[tuple[int, bool]]] = {}
    for worker, low, high, state in zip(*(c.tolist() for c in spans[:4]), strict=True):
        arriving.setdefault(low, []).append((worker, state == WORKING))
        leaving.setdefault(high, []).append((worker, state == WORKING))
    there: Counter[int] = Counter()
    at_work = 0
    open_stretch: StationStretch | None = None
    for low, high in zip(bounds, bounds[1:], strict=False):
        for worker, works in leaving.get(low, []):
            there[worker] -= 1
            at_work -= works
        for worker, works in arriving.get(low, []):
            there[worker] += 1
            at_work += works
        workers = frozenset(worker for worker, times in there.items() if times)
        state = "productive" if at_work else "occupied" if workers else "free"
        if open_stretch is not None and open_stretch[2] == state:
            open_stretch = (open_stretch[0], high, state, open_stretch[3] | workers)
            continue
        if open_stretch is not None:
            yield open_stretch
        open_stretch = (low, high, state, workers)
    if open_stretch is not None:
        yield open_stretch
