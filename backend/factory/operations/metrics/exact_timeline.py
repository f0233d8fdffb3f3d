"""The intervals of a short window as lists of small integers, a row an entity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from factory.domain.event import IDLE, STATE_NAMES, UNKNOWN, WORKING
from factory.domain.metrics.window import Window
from factory.domain.states.stretches import STATION_STATES, station_stretches
from factory.domain.states.time_ranges import TimeRanges
from factory.domain.timestamp import MILLISECOND
from factory.operations.metrics.window_totals import Gatherer
from factory.operations.visible_workers import Persons
from factory.store.derived import window_reads
from factory.store.events import id_registry

Ints = npt.NDArray[np.int64]
Rows = list[dict[str, Any]]


def exact_workers(gatherer: Gatherer, keys: Ints, window: Window, persons: Persons) -> tuple[Rows, dict[str, Any]]:
    """A row a worker, in the order of the keys, and the `states` and `workstations` that the rows count."""
    spans = gatherer.spans_in((window.start, window.end))
    known = spans.state != UNKNOWN
    names = id_registry.names_of(gatherer.tx, gatherer.site.factory_key, "workstation")
    stations, place = _numbered(spans.station[known], names)
    station = np.full(len(known), None, dtype=object)
    station[known] = place
    start, state = (spans.start // MILLISECOND).tolist(), spans.state.tolist()
    at_station = station.tolist()
    rows = []
    for low, high in _bounds(spans.group, keys):
        first = int(spans.start[low]) if low < high else window.end
        unseen = window.start < first  # before the first state event
        rows.append(
            {
                "start": [window.start // MILLISECOND] * unseen + start[low:high],
                "state": [UNKNOWN] * unseen + state[low:high],
                "workstation": [None] * unseen + at_station[low:high],
            }
        )
    states = [STATE_NAMES[code] for code in sorted(STATE_NAMES)]
    return _with_units(gatherer, "worker", keys, window, rows), {"states": states, "workstations": stations}


def exact_stations(gatherer: Gatherer, keys: Ints, window: Window, persons: Persons) -> tuple[Rows, dict[str, Any]]:
    """A row a workstation, in the order of the keys, and the `states` and `workers` that the rows count."""
    spans = gatherer.spans_in(*([(window.start, window.end)] if len(keys) else []))
    order = np.argsort(keys)
    place = np.minimum(np.searchsorted(keys, spans.station, sorter=order), len(keys) - 1)
    here = ((spans.state == WORKING) | (spans.state == IDLE)) & (keys[order][place] == spans.station)
    spans, place = spans.take(here), order[place[here]]
    workers, who = _numbered(spans.group, persons.names)
    rows: Rows = [{"start": [], "state": [], "workers": []} for _ in keys]
    if window.start < window.end:
        stretches = station_stretches(spans._replace(group=who), place, len(keys), window.start, window.end)
        start, state, present = (stretches.start // MILLISECOND).tolist(), stretches.state.tolist(), stretches.present()
        if persons.figures_only:
            workers, present = [], [[] for _ in present]
        rows = [
            {"start": start[low:high], "state": state[low:high], "workers": present[low:high]}
            for low, high in _bounds(stretches.place, np.arange(len(keys)))
        ]
    return _with_units(gatherer, "station", keys, window, rows), {"states": list(STATION_STATES), "workers": workers}


def _with_units(gatherer: Gatherer, by: str, keys: Ints, window: Window, rows: Rows) -> Rows:
    """The rows with `units_at` and `units`; `by` is worker or station."""
    cut = TimeRanges.of_each(gatherer.workers, window.start, window.end)
    key, at, units = window_reads.units_by_instant(gatherer.store, gatherer.tx, gatherer.site, cut, by)
    wanted = np.searchsorted(cut.worker, keys) if by == "worker" else keys
    for row, (low, high) in zip(rows, _bounds(key, wanted), strict=True):
        row["units_at"], row["units"] = at[low:high].tolist(), units[low:high].tolist()
    return rows


def _bounds(column: Ints, keys: Ints) -> list[tuple[int, int]]:
    """Where the rows of each key begin and end in a column that ascends."""
    low, high = (np.searchsorted(column, keys, side=side).tolist() for side in ("left", "right"))
    return list(zip(low, high, strict=True))


def _numbered(keys: Ints, names: Mapping[int, str]) -> tuple[list[str], Ints]:
    """The names of the distinct keys in code-point order, and the place of each key's name among them."""
    distinct, place = np.unique(keys, return_inverse=True)
    found = [names[key] for key in distinct.tolist()]
    order = sorted(range(len(found)), key=found.__getitem__)
    rank = np.empty(len(found), dtype=np.int64)
    rank[order] = np.arange(len(found))
    return [found[n] for n in order], rank[place]
