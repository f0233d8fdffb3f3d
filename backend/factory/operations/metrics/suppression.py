"""Suppression of figures that are over fewer persons than K_MIN (domain/privacy.py)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from factory.domain.metrics.window import Window
from factory.domain.privacy import Contributions, Flags
from factory.domain.states.totals import PresenceRows
from factory.operations.metrics.entities import entities, keys_of
from factory.operations.metrics.window_totals import BucketedWindow, WindowReader
from factory.operations.visible_workers import Persons

Ints = npt.NDArray[np.int64]


def count_buckets(persons: Contributions, presence: PresenceRows, first: int = 0) -> None:
    """Count who was in the buckets of a series, which stand in a longer one from `first` on."""
    there = np.flatnonzero(_is_there(presence))
    persons.add(presence.bucket[there] + first, presence.worker[there])


def withheld_stations(presence: PresenceRows, keys: Ints, k_min: int) -> Flags:
    """Return a mask of all workstations of a factory: those whose figures of a window are withheld."""
    persons = Contributions(len(keys), k_min)
    order = np.argsort(keys)
    there = np.flatnonzero(_is_there(presence))
    row = order[np.searchsorted(keys, presence.station[there], sorter=order)]
    persons.add(row, presence.worker[there])
    return persons.withheld()


def hidden_stations(reader: WindowReader, persons: Persons, window: Window) -> set[int]:
    """Return the keys of the workstations of which nothing is told in a window."""
    if persons.k_min == 1:
        return set()
    keys = keys_of(entities(reader.tx, reader.factory, "workstation", persons))
    presence = BucketedWindow(reader, [(window.start, window.end)]).presence()
    return set(keys[withheld_stations(presence, keys, persons.k_min)].tolist())


def blank(figures: Iterable[str]) -> dict[str, Any]:
    """Return a row without its figures."""
    return dict.fromkeys(figures) | {"withheld": True}


def _is_there(presence: PresenceRows) -> Flags:
    """Rows of somebody who works, is idle or has events there.

    Not of who is absent: absence lasts, so that all who went home would hide nobody who stays.
    """
    return (presence.active + presence.idle + presence.events) > 0
