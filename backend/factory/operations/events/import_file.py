"""Store the events of a file in deliveries, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from factory.domain.event import Failure, ParsedEvents
from factory.operations.derive.refresh import refresh_all
from factory.operations.events.ingest import ingest_events
from factory.store.engine.database import Store

_DELIVERIES_A_REFRESH = 40
_AHEAD = 3


class Delivery(NamedTuple):
    """One part of a file: its events, the line of each, the lines that hold none, and how much of the file is read."""

    events: ParsedEvents
    lines: list[int]
    refused: list[Failure]
    bytes_read: int


class ImportProgress(NamedTuple):
    """The totals of the file so far, and the failures of the last delivery; their index is the line, from 1."""

    bytes_read: int
    created: int
    duplicates: int
    failed: int
    failures: list[Failure]


def import_events(
    *, store: Store, factory_id: str, deliveries: Iterator[Delivery], clock: Callable[[], int], register_unknown: bool
) -> Iterator[ImportProgress]:
    """Store deliveries one by one; each is durable when its progress is yielded.

    `deliveries` reads and parses as it is iterated, in a thread of its own. A file that was imported in part can be
    imported again: stored events are recognised. Raises NotFound, Unavailable, and what reading raises.
    """
    created = duplicates = failed = 0
    # Reading, storing and deriving wait for different things, so each has a thread of its own.
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as deriver:
        derived: Future[int] | None = None
        for number, delivery in enumerate(_read_ahead(deliveries, reader), start=1):
            outcome = ingest_events(
                store=store,
                factory_id=factory_id,
                events=delivery.events,
                now=clock(),
                register_unknown=register_unknown,
            )
            created += outcome.created
            duplicates += outcome.duplicates
            failed += len(outcome.failed_indices) + len(delivery.refused)
            failures = [failure._replace(index=delivery.lines[failure.index]) for failure in outcome.failures]
            failures = sorted((*failures, *delivery.refused), key=lambda failure: failure.index)
            if number % _DELIVERIES_A_REFRESH == 0:
                if derived is not None:
                    derived.result()
                derived = deriver.submit(refresh_all, store=store)
                if store.dialect.ONE_WRITER:
                    derived.result()
            yield ImportProgress(delivery.bytes_read, created, duplicates, failed, failures)
    refresh_all(store=store)


def _read_ahead(deliveries: Iterator[Delivery], reader: ThreadPoolExecutor) -> Iterator[Delivery]:
    """Return the deliveries in their order; the next ones are read and parsed while the caller stores one."""
    waiting = deque(reader.submit(next, deliveries, None) for _ in range(_AHEAD))
    while (delivery := waiting.popleft().result()) is not None:
        waiting.append(reader.submit(next, deliveries, None))
        yield delivery
