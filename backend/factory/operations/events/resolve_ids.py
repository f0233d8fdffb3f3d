"""Resolve ids to keys: the events of a delivery become columns of small integers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.event import Failure, ParsedEvents
from factory.domain.states.intervals import FOREVER
from factory.domain.states.ranges import run_starts
from factory.domain.timestamp import format_timestamp
from factory.store.engine.event_columns import EventColumns
from factory.store.events.id_registry import ErasedWorkers, IdResolver, RegistryFull

Ints = npt.NDArray[np.int64]

_FIELDS = {
    "worker": "worker_id",
    "workstation": "workstation_id",
    "source": "source_id",
    "model": "model_version",
}


def resolve_ids(
    tx: Connection, ids: IdResolver, events: ParsedEvents, *, register_unknown: bool, retained_from: int | None = None
) -> tuple[Ints, EventColumns, list[Failure]]:
    """Return the places of the events that could be resolved, their columns, and the failures of the others.

    The columns are in the order of identity, so that writers of the same events wait and do not deadlock; events that
    differ in `event_id` alone are in the order of the delivery.

    Unknown workers and workstations are registered, or refused without `register_unknown`; unknown sources and model
    versions are registered. Events with new ids are refused where a registry is full. So are events of erased workers,
    also of ids that were registered anew, if the erasure was after the event; and events before `retained_from`.
    """
    known: Ints = np.arange(len(events))
    failures: list[Failure] = []
    if retained_from is not None and len(events) and int(events.timestamp.min()) < retained_from:
        known = np.flatnonzero(events.timestamp >= retained_from)
        message = f"must not be before {format_timestamp(retained_from)}"
        old = events.index[events.timestamp < retained_from].tolist()
        failures = [Failure(index, "timestamp", "timestamp_too_old", message) for index in old]
    if not register_unknown:
        known = _registered(tx, ids, events, known, ("worker", "workstation"), failures)
    while True:
        try:
            columns = _columns(tx, ids, events, known)
        except RegistryFull as full:
            known = _registered(tx, ids, events, known, (full.kind,), failures, full)
        except ErasedWorkers as erased:
            known = _without(events, known, {"worker": _reasons(erased.names)}, failures)
        else:
            if not ids.erased_before or not (gone := _of_erased(ids.erased_before, events, known)):
                return *columns, failures
            failures += [Failure(int(events.index[n]), "worker_id", *_ERASED) for n in gone]
            known = np.setdiff1d(known, gone)


def _of_erased(before: Mapping[str, int], events: ParsedEvents, known: Ints) -> list[int]:
    """Those of the events whose worker was erased after them."""
    return [n for n in known.tolist() if events.timestamp[n] < before.get(events.worker_id[n], -FOREVER)]


_Reasons = dict[str, tuple[str, str]]
"""Code and message by the name that is refused."""


_ERASED = (ErasedWorkers.code, ErasedWorkers(set()).message)


def _reasons(erased: Iterable[str]) -> _Reasons:
    return dict.fromkeys(erased, _ERASED)


def _registered(
    tx: Connection,
    ids: IdResolver,
    events: ParsedEvents,
    known: Ints,
    kinds: Iterable[str],
    failures: list[Failure],
    full: RegistryFull | None = None,
) -> Ints:
    """Those of the events whose names are registered; the others fail."""
    refused: dict[str, _Reasons] = {}
    for kind in kinds:
        names: list[str] = getattr(events, _FIELDS[kind])
        wanted = {names[n] for n in known.tolist()} - {""}
        missing = wanted - ids.keys_of(tx, kind, wanted).keys()
        why = (full.code, full.message) if full else (f"unknown_{kind}", "is not registered")
        refused[kind] = dict.fromkeys(missing, why)
        if missing and kind == "worker":
            refused[kind] |= _reasons(ids.erased_among(tx, missing))
    return _without(events, known, refused, failures)


def _without(events: ParsedEvents, known: Ints, refused: Mapping[str, _Reasons], failures: list[Failure]) -> Ints:
    """Those of the events that have no refused name, by registry; the others fail for each one that they have."""
    keep = np.ones(len(known), dtype=bool)
    for kind, reasons in refused.items():
        names: list[str] = getattr(events, _FIELDS[kind])
        for place, n in enumerate(known.tolist()):
            if names[n] in reasons:
                keep[place] = False
                failures.append(Failure(int(events.index[n]), _FIELDS[kind], *reasons[names[n]]))
    return known[keep]


def _columns(tx: Connection, ids: IdResolver, events: ParsedEvents, known: Ints) -> tuple[Ints, EventColumns]:
    """Return the events at `known`, put in order, with keys in the place of names."""

    def names(field: str) -> list[str]:
        given: list[str] = getattr(events, field)
        return given if len(known) == len(events) else [given[n] for n in known.tolist()]

    key = {kind: ids.column(tx, kind, names(field), known) for kind, field in _FIELDS.items()}
    order = _order(key["worker"], events.timestamp[known], events.event_type[known], key["workstation"], key["source"])
    event_id = names("event_id")
    places = known[order]
    return places, EventColumns(
        worker=key["worker"][order],
        time=events.timestamp[places],
        kind=events.event_type[places],
        station=key["workstation"][order],
        source=key["source"][order],
        event_id=[event_id[n] for n in order.tolist()] if any(event_id) else event_id,
        units=events.count[places],
        confidence=events.confidence[places],
        model=key["model"][order],
    )


def _order(worker: Ints, time: Ints, kind: Ints, station: Ints, source: Ints) -> Ints:
    # Small integers are sorted without comparing them.
    narrow = worker.astype(np.int16) if worker.max(initial=0) < 2**15 else worker
    order = np.lexsort((time, narrow))
    if not run_starts(worker[order], time[order]).all():
        return np.lexsort((source, station, kind, time, narrow))
    return order
