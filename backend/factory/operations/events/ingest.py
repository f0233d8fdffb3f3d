"""Store a delivery of events: the good ones in one transaction, the others reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.event import Failure, ParsedEvents
from factory.domain.states.ranges import run_starts, take
from factory.domain.states.worker_hours import cells_of
from factory.operations.events.resolve_ids import resolve_ids
from factory.store import factories
from factory.store.derived import pending
from factory.store.engine.database import Store
from factory.store.engine.errors import TryAgain
from factory.store.engine.event_columns import EventColumns
from factory.store.events.id_registry import IdResolver
from factory.store.events.registrations import Quota
from factory.store.factories import Factory

Ints = npt.NDArray[np.int64]


@dataclass
class IngestOutcome:
    """The result of a delivery; `failures` may name an event several times, once per fault."""

    total: int
    created: int = 0
    duplicates: int = 0
    failures: list[Failure] = field(default_factory=list)
    new: list[int] = field(default_factory=list)
    """The places of the created events among the valid ones."""
    commit_seconds: float = 0.0

    @property
    def failed_indices(self) -> list[int]:
        """The places of the refused events in the delivery, ascending."""
        return sorted({failure.index for failure in self.failures})


InSameTransaction = Callable[[Connection, Factory, IdResolver, IngestOutcome], None]
"""Work that is committed with a delivery; called once its events are inserted."""


class _NothingStored(Exception):
    """Rolls a transaction back."""


def ingest_events(
    *,
    store: Store,
    factory_id: str,
    events: ParsedEvents,
    now: int,
    atomic: bool = False,
    register_unknown: bool = True,
    quota: Quota | None = None,
    in_same_transaction: InSameTransaction | None = None,
) -> IngestOutcome:
    """Commit the valid events of a delivery; the outcome tells which were new, stored before, or refused.

    `now` is the time of receipt in microseconds. Without `quota` any number of new names is registered. With
    `atomic`, nothing is stored when one event is refused.
    Raises NotFound for an unknown factory, Unavailable when the database is away: then nothing is stored.
    """

    def attempt() -> IngestOutcome:
        started = time.perf_counter()
        try:
            with store.writing() as tx:
                factory = _find_and_lock(store, tx, factory_id)
                ids = IdResolver(store, factory, quota)
                outcome = store_events(
                    store=store,
                    tx=tx,
                    factory=factory,
                    ids=ids,
                    events=events,
                    now=now,
                    register_unknown=register_unknown,
                )
                if atomic and outcome.failures:
                    raise _NothingStored
                if in_same_transaction is not None:
                    in_same_transaction(tx, factory, ids, outcome)
                started = time.perf_counter()
            ids.publish()
        except _NothingStored:
            outcome.created = outcome.duplicates = 0
            outcome.new = []
        outcome.commit_seconds = time.perf_counter() - started
        outcome.failures.sort(key=lambda failure: failure.index)
        return outcome

    with store.span("ingest events"):
        return store.retry(attempt)


def _find_and_lock(store: Store, tx: Connection, factory_id: str) -> Factory:
    """Return the factory's row, read behind a shared lock: its registries cannot be replaced until the commit.

    The lock needs the factory's key, which is cached. Raises TryAgain where the factory has another key by then.
    """
    cached = (store.organisation, factory_id)
    key = store.factory_keys.get(cached) or factories.find(tx, factory_id).factory_key
    store.dialect.lock_factory_shared(tx, key)
    factory = factories.find(tx, factory_id)
    if factory.factory_key != key:
        store.factory_keys.pop(cached, None)
        raise TryAgain
    store.factory_keys[cached] = key
    return factory


def store_events(
    *,
    store: Store,
    tx: Connection,
    factory: Factory,
    ids: IdResolver,
    events: ParsedEvents,
    now: int,
    register_unknown: bool,
) -> IngestOutcome:
    """Insert the valid events in the caller's transaction, and note the worker-hours that they touch."""
    resolved, columns, refused = resolve_ids(
        tx, ids, events, register_unknown=register_unknown, retained_from=factory.retained_from
    )
    outcome = IngestOutcome(events.total, failures=[*events.failures, *refused])
    if len(resolved) == 0:
        return outcome
    first, copies = _distinct(columns)
    distinct = take(columns, first) if copies else columns
    stored = store.dialect.insert_events(tx, factory.factory_key, distinct, now)
    is_new = np.ones(len(first), dtype=bool)
    is_new[list(stored)] = False
    again = [(int(first[place]), content) for place, content in stored.items()]
    content_of = dict(again)
    again += [(row, content_of.get(of, columns.content(of))) for row, of in copies.items()]
    for row, content in again:
        if columns.content(row) == content:
            outcome.duplicates += 1
        else:
            message = "An event of this identity with other content is stored"
            outcome.failures.append(Failure(int(events.index[resolved[row]]), None, "conflict", message))
    new = first[is_new]
    outcome.created = len(new)
    outcome.new = resolved[new].tolist()
    if len(new):
        pending.note(tx, factory.factory_key, cells_of(columns.worker[new], columns.time[new]))
    return outcome


def _distinct(columns: EventColumns) -> tuple[Ints, dict[int, int]]:
    """Return the first row of each identity; and for each other row, the row whose identity it repeats."""
    alike = np.flatnonzero(~run_starts(*columns[:5]))
    seen: dict[tuple[object, ...], int] = {}
    copies: dict[int, int] = {}
    for row in np.union1d(alike - 1, alike).tolist():
        identity = tuple(column[row] for column in columns[:6])
        first = seen.setdefault(identity, row)
        if first != row:
            copies[row] = first
    return np.delete(np.arange(len(columns.worker)), list(copies)), copies
