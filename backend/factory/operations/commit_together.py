"""One transaction for the small deliveries that arrive while another one is being committed.

A commit waits for the disk, and costs the same for one event as for hundreds. Whoever finds nobody at it
leads: stores all that waits, wakes the others with their outcomes, and hands over to the first who came
meanwhile. An answer never runs ahead of its commit.
"""

from __future__ import annotations

from itertools import chain
from threading import Event, Lock

import numpy as np

from factory.domain.event import ParsedEvents
from factory.operations.ingest_events import IngestOutcome, ingest_events
from factory.store.database import Store

MOST = 500
"""Deliveries in one transaction."""

_Key = tuple[str, bool]


class _Request:
    def __init__(self, events: ParsedEvents, now: int) -> None:
        self.events = events
        self.now = now
        self.woken = Event()
        self.leads = False
        self.outcome: IngestOutcome | None = None
        self.error: Exception | None = None


class CommitTogether:
    """Stores deliveries of one process; safe to share between its threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._waiting: dict[_Key, list[_Request]] = {}
        """Those who wait for each leader; a key is here while somebody leads."""

    def ingest(self, *, factory: str, events: ParsedEvents, now: int, register_unknown: bool) -> IngestOutcome:
        """As ingest_events does for one delivery, not atomic."""
        key = (factory, register_unknown)
        request = _Request(events, now)
        with self._lock:
            request.leads = key not in self._waiting
            self._waiting.setdefault(key, []).append(request)
        if not request.leads:
            request.woken.wait()
        if request.leads:
            self._lead(key)
        if request.error is not None:
            raise request.error
        assert request.outcome is not None
        return request.outcome

    def _lead(self, key: _Key) -> None:
        with self._lock:
            group, self._waiting[key] = self._waiting[key][:MOST], self._waiting[key][MOST:]
        try:
            self._store_all(key, group)
        except Exception as error:  # whatever it is, it is the outcome of each request of the group
            for request in group:
                request.error = error
        finally:
            with self._lock:
                following = self._waiting[key]
                if not following:
                    del self._waiting[key]
            for request in group:
                request.woken.set()
            if following:
                following[0].leads = True
                following[0].woken.set()

    def _store_all(self, key: _Key, group: list[_Request]) -> None:
        factory, register_unknown = key
        outcome = ingest_events(
            store=self._store,
            factory=factory,
            events=_join([request.events for request in group]),
            now=max(request.now for request in group),
            register_unknown=register_unknown,
        )
        new = set(outcome.new)
        first = 0
        for request in group:
            mine = range(first, first + len(request.events))
            first += len(request.events)
            created = [place - mine.start for place in mine if place in new]
            index = request.events.index
            failures = [f._replace(index=int(index[f.index - mine.start])) for f in outcome.failures if f.index in mine]
            refused = len({failure.index for failure in failures})
            request.outcome = IngestOutcome(
                total=request.events.total,
                created=len(created),
                duplicates=len(mine) - len(created) - refused,
                failures=[*request.events.failures, *failures],
                new=created,
                commit_seconds=outcome.commit_seconds,
            )


def _join(deliveries: list[ParsedEvents]) -> ParsedEvents:
    """The valid events of deliveries one behind the other; an index is the place in the whole."""
    total = sum(len(events) for events in deliveries)
    return ParsedEvents(
        total=total,
        index=np.arange(total),
        timestamp=np.concatenate([events.timestamp for events in deliveries]),
        event_type=np.concatenate([events.event_type for events in deliveries]),
        count=np.concatenate([events.count for events in deliveries]),
        confidence=np.concatenate([events.confidence for events in deliveries]),
        worker_id=list(chain.from_iterable(events.worker_id for events in deliveries)),
        workstation_id=list(chain.from_iterable(events.workstation_id for events in deliveries)),
        source_id=list(chain.from_iterable(events.source_id for events in deliveries)),
        model_version=list(chain.from_iterable(events.model_version for events in deliveries)),
        event_id=list(chain.from_iterable(events.event_id for events in deliveries)),
        failures=[],
    )
