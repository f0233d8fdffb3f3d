"""One transaction for the single events that arrive while another one is being committed.

A commit waits for the disk, and costs the same for one event as for hundreds; so does much of what is computed
before it. Whoever finds nobody at it leads: reads and stores all that waits, wakes the others with their
outcomes, and hands over to the first who came meanwhile. An answer never runs ahead of its commit.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from threading import Event, Lock

import msgspec
import numpy as np

from factory.adapters.events.event_json import parse_array, parse_event
from factory.domain.errors import FactoryError, Unavailable
from factory.domain.event import EventRules, ParsedEvents
from factory.operations.events.ingest import IngestOutcome, ingest_events
from factory.store.engine.database import Store

MOST = 500
"""Events in one transaction."""

_Key = tuple[int, str, bool]
"""Organisation, factory, and whether unknown workers and workstations are registered."""
_json = msgspec.json.Decoder(msgspec.Raw)


class _Request:
    def __init__(self, body: bytes, rules: EventRules) -> None:
        self.body = body
        self.rules = rules
        self.woken = Event()
        self.leads = False
        self.result: tuple[ParsedEvents, IngestOutcome] | None = None
        self.error: Exception | None = None


class CommitTogether:
    """Stores single events of one process; safe to share between its threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._waiting: dict[_Key, list[_Request]] = {}
        """Those who wait for each leader; a key is here while somebody leads."""

    def ingest(
        self, *, organisation: int, factory: str, body: bytes, rules: EventRules, register_unknown: bool
    ) -> tuple[ParsedEvents, IngestOutcome]:
        """The event of a body and what became of it, as parse_event and ingest_events do for it alone.

        Raises InvalidInput for a body that is no valid event, and what ingest_events raises.
        """
        key = (organisation, factory, register_unknown)
        request = _Request(body, rules)
        with self._lock:
            request.leads = key not in self._waiting
            self._waiting.setdefault(key, []).append(request)
        if not request.leads:
            request.woken.wait()
        if request.leads:
            self._lead(key)
        if request.error is not None:
            raise request.error
        assert request.result is not None
        return request.result

    def _lead(self, key: _Key) -> None:
        with self._lock:
            group, self._waiting[key] = self._waiting[key][:MOST], self._waiting[key][MOST:]
        try:
            self._store_all(key, group)
        except Exception as error:  # whatever it is, it is the outcome of each request of the group
            if isinstance(error, Unavailable):  # and of those behind it, who would wait as long again for the same
                with self._lock:
                    group, self._waiting[key] = group + self._waiting[key], []
            for request in group:
                request.error = request.error or error
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
        group, events = _read(group)
        if not group:
            return
        organisation, factory, register_unknown = key
        outcome = ingest_events(
            store=self._store.acting_for(organisation),
            factory=factory,
            events=events,
            now=max(request.rules.now for request in group),
            register_unknown=register_unknown,
        )
        new = set(outcome.new)
        refused = {failure.index for failure in outcome.failures}
        for place, request in enumerate(group):
            mine = IngestOutcome(total=1, commit_seconds=outcome.commit_seconds)
            if place in refused:
                mine.failures = [one._replace(index=0) for one in outcome.failures if one.index == place]
            elif place in new:
                mine.created, mine.new = 1, [0]
            else:
                mine.duplicates = 1
            request.result = (_one_of(events, place), mine)


def _read(group: list[_Request]) -> tuple[list[_Request], ParsedEvents]:
    """The requests whose body is a valid event, and these events; the others get their error.

    All are read as one list. Where that stumbles, each is read alone, and told its own faults.
    """
    rules = replace(group[0].rules, now=max(request.rules.now for request in group), max_events=len(group))
    try:
        for request in group:
            _json.decode(request.body)  # each a value of its own: no body can swallow its neighbour
        events = parse_array(b"[" + b",".join(request.body for request in group) + b"]", rules)
        if len(events) == len(group):
            return group, events
    except (FactoryError, msgspec.DecodeError, RecursionError):
        pass
    valid: list[_Request] = []
    alone: list[ParsedEvents] = []
    for request in group:
        try:
            alone.append(parse_event(request.body, request.rules))
            valid.append(request)
        except FactoryError as error:
            request.error = error
    return valid, _join(alone)


def _one_of(events: ParsedEvents, place: int) -> ParsedEvents:
    only = slice(place, place + 1)
    return ParsedEvents(
        total=1,
        index=np.zeros(1, np.int64),
        timestamp=events.timestamp[only],
        event_type=events.event_type[only],
        count=events.count[only],
        confidence=events.confidence[only],
        worker_id=events.worker_id[only],
        workstation_id=events.workstation_id[only],
        source_id=events.source_id[only],
        model_version=events.model_version[only],
        event_id=events.event_id[only],
        failures=[],
    )


def _join(several: list[ParsedEvents]) -> ParsedEvents:
    """The events one behind the other; an index is the place in the whole."""
    return ParsedEvents(
        total=len(several),
        index=np.arange(len(several)),
        timestamp=np.array([events.timestamp[0] for events in several], np.int64),
        event_type=np.array([events.event_type[0] for events in several], np.int64),
        count=np.array([events.count[0] for events in several], np.int64),
        confidence=np.array([events.confidence[0] for events in several], np.float64),
        worker_id=list(chain.from_iterable(events.worker_id for events in several)),
        workstation_id=list(chain.from_iterable(events.workstation_id for events in several)),
        source_id=list(chain.from_iterable(events.source_id for events in several)),
        model_version=list(chain.from_iterable(events.model_version for events in several)),
        event_id=list(chain.from_iterable(events.event_id for events in several)),
        failures=[],
    )
