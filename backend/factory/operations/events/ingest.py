"""Store a delivery of events: the good ones in one transaction, the others reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.event import Failure, ParsedEvents
from factory.domain.states.ranges import begins
from factory.operations.events.resolve_ids import keyed_columns
from factory.store import factories
from factory.store.derived import pending
from factory.store.engine.database import Store, TryAgain
from factory.store.events.event_log import EventColumns
from factory.store.events.id_registry import Keys
from factory.store.factories import Factory

Ints = npt.NDArray[np.int64]


@dataclass
class IngestOutcome:
    """What became of a delivery; `failures` may name an event several times, a fault each."""

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


Also = Callable[[Connection, Factory, Keys, IngestOutcome], None]
"""More to do in the transaction of a delivery, once its events are in it."""


class _NothingStored(Exception):
    """Rolls a transaction back."""


def ingest_events(
    *,
    store: Store,
    factory: str,
    events: ParsedEvents,
    now: int,
    atomic: bool = False,
    register_unknown: bool = True,
    also: Also | None = None,
) -> IngestOutcome:
    """Commit the valid events of a delivery, and say which were new, stored before, or refused.

    `now` is the time of receipt in microseconds. With `atomic`, nothing is stored when one is refused.
    What `also` does belongs to the same transaction. Raises NotFound for an unknown factory, Unavailable when the
    database is away: then nothing is stored.
    """
    with store.span("ingest events"):
        return store.retry(lambda: _ingest_once(store, factory, events, now, atomic, register_unknown, also))


def _ingest_once(
    store: Store,
    factory: str,
    events: ParsedEvents,
    now: int,
    atomic: bool,
    register_unknown: bool,
    also: Also | None,
) -> IngestOutcome:
    outcome = IngestOutcome(events.total, failures=list(events.failures))
    started = time.perf_counter()
    try:
        with store.writing() as tx:
            site = _shared(store, tx, factory)
            keys = Keys(store, site)
            store_events(store, tx, site, keys, events, now, register_unknown, outcome)
            if atomic and outcome.failures:
                raise _NothingStored
            if also is not None:
                also(tx, site, keys, outcome)
            started = time.perf_counter()
        keys.remember()
    except _NothingStored:
        outcome.created = outcome.duplicates = 0
        outcome.new = []
    outcome.commit_seconds = time.perf_counter() - started
    outcome.failures.sort(key=lambda failure: failure.index)
    return outcome


def _shared(store: Store, tx: Connection, factory_id: str) -> Factory:
    """The factory, whose registries nobody replaces until the end of the transaction."""
    # A factory's key is remembered as those of its registries are, so that it is read once, behind the lock.
    known = store.known_keys.setdefault((0, store.organisation or 0, "factory"), {})
    key = known.get(factory_id) or factories.find(tx, factory_id).factory_key
    store.dialect.share_factory(tx, key)
    # While we waited, its registries may have been replaced: then the keys we know are gone.
    site = factories.find(tx, factory_id)
    if site.factory_key != key:
        known.pop(factory_id, None)
        raise TryAgain
    known[factory_id] = key
    return site


def store_events(
    store: Store,
    tx: Connection,
    site: Factory,
    keys: Keys,
    events: ParsedEvents,
    now: int,
    register_unknown: bool,
    outcome: IngestOutcome,
) -> None:
    """Insert the valid events in the caller's transaction, note what they touched, and fill the outcome."""
    known, columns, refused = keyed_columns(
        tx, keys, events, register_unknown=register_unknown, retained_from=site.retained_from
    )
    outcome.failures += refused
    if len(known) == 0:
        return
    first, copies = _distinct(columns)
    distinct = columns.take(first) if copies else columns
    stored = store.dialect.insert_events(tx, site.factory_key, distinct, now)
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
            outcome.failures.append(Failure(int(events.index[known[row]]), None, "conflict", message))
    new = first[is_new]
    outcome.created = len(new)
    outcome.new = known[new].tolist()
    if len(new):
        pending.note(tx, site.factory_key, pending.cells_of(columns.worker[new], columns.time[new]))


def _distinct(columns: EventColumns) -> tuple[Ints, dict[int, int]]:
    """The rows that bring an identity first, and of each other row the one whose identity it repeats."""
    alike = np.flatnonzero(~begins(*columns[:5]))
    seen: dict[tuple[object, ...], int] = {}
    copies: dict[int, int] = {}
    for row in np.union1d(alike - 1, alike).tolist():
        identity = tuple(column[row] for column in columns[:6])
        first = seen.setdefault(identity, row)
        if first != row:
            copies[row] = first
    return np.delete(np.arange(len(columns.worker)), list(copies)), copies
