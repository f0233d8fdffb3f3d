"""Names to keys: the events of a delivery as columns of small integers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.event import Failure, ParsedEvents
from factory.store.event_log import EventColumns
from factory.store.registries import Keys, RegistryFull

Ints = npt.NDArray[np.int64]

_FIELDS = {
    "worker": "worker_id",
    "workstation": "workstation_id",
    "source": "source_id",
    "model": "model_version",
}


def keyed_columns(
    tx: Connection, keys: Keys, events: ParsedEvents, *, register_unknown: bool
) -> tuple[Ints, EventColumns, list[Failure]]:
    """The events whose names have keys: their places among the valid ones, their columns; and the others' failures.

    Unknown workers and workstations are registered, or refused without `register_unknown`; unknown sources
    and model versions are registered. Where a registry is full, events with new names are refused.
    """
    known: Ints = np.arange(len(events))
    failures: list[Failure] = []
    if not register_unknown:
        known = _registered(tx, keys, events, known, ("worker", "workstation"), failures)
    while True:
        try:
            return known, _columns(tx, keys, events, known), failures
        except RegistryFull as full:
            known = _registered(tx, keys, events, known, (full.kind,), failures, full)


def _registered(
    tx: Connection,
    keys: Keys,
    events: ParsedEvents,
    known: Ints,
    kinds: Iterable[str],
    failures: list[Failure],
    full: RegistryFull | None = None,
) -> Ints:
    """Those of the events whose names are registered; the others fail."""
    keep = np.ones(len(known), dtype=bool)
    for kind in kinds:
        names: list[str] = getattr(events, _FIELDS[kind])
        found = keys.of(tx, kind, {names[n] for n in known.tolist()} - {""})
        code, message = (full.code, full.message) if full else (f"unknown_{kind}", "is not registered")
        for place, n in enumerate(known.tolist()):
            if names[n] and names[n] not in found:
                keep[place] = False
                failures.append(Failure(int(events.index[n]), _FIELDS[kind], code, message))
    return known[keep]


def _columns(tx: Connection, keys: Keys, events: ParsedEvents, known: Ints) -> EventColumns:
    """The events at `known` with keys in the place of names."""
    all_known = len(known) == len(events)

    def chosen(names: list[str]) -> list[str]:
        return names if all_known else [names[n] for n in known.tolist()]

    def keys_of(kind: str) -> Ints:
        names = chosen(getattr(events, _FIELDS[kind]))
        distinct = set(names) - {""}
        key = {"": 0, **keys.of_registered(tx, kind, distinct)} if distinct else {"": 0}
        return np.fromiter(map(key.__getitem__, names), np.int64, len(names))

    return EventColumns(
        worker=keys_of("worker"),
        time=events.timestamp[known],
        kind=events.event_type[known],
        station=keys_of("workstation"),
        source=keys_of("source"),
        event_id=chosen(events.event_id),
        units=events.count[known],
        confidence=events.confidence[known],
        model=keys_of("model"),
    )
