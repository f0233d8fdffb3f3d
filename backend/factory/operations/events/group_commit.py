"""Group commit: single events that arrive while another one is being committed share the next transaction.

A commit waits for the disk and costs the same for one event as for hundreds; so does much of the work before it. The
first thread becomes the leader: it takes all waiting events, stores them in one transaction, wakes their threads with
the outcomes, and makes the first thread that arrived meanwhile the next leader. No answer is sent before its commit.
"""

from __future__ import annotations

from itertools import chain
from threading import Event, Lock

import numpy as np

from factory.adapters.observe.prometheus_metrics import IngestMetrics
from factory.domain.errors import Unavailable
from factory.domain.event import ParsedEvents
from factory.operations.events.ingest import IngestOutcome, ingest_events
from factory.store.engine.database import Store
from factory.store.events.registrations import Quota

MAX_GROUP = 500
"""Events in one transaction."""

_Key = tuple[int, str, bool, int]
"""Organisation, factory, whether unknown workers and workstations are registered, and how many a sender and hour."""


class _Submission:
    """One event that waits for its commit."""

    def __init__(self, event: ParsedEvents, now: int, sender: str) -> None:
        self.event = event
        self.now = now
        self.sender = sender
        self.woken = Event()
        self.leads = False
        self.outcome: IngestOutcome | None = None
        self.error: Exception | None = None


class GroupCommit:
    """Stores single events of one process; safe to share between its threads."""

    def __init__(self, store: Store, metrics: IngestMetrics) -> None:
        self._store = store
        self._metrics = metrics
        self._lock = Lock()
        self._waiting: dict[_Key, list[_Submission]] = {}
        """The submissions that wait behind each leader; a key is present while a thread leads."""

    def submit(
        self,
        *,
        organisation: int,
        factory_id: str,
        event: ParsedEvents,
        now: int,
        register_unknown: bool,
        sender: str,
        most_new_names: int,
    ) -> IngestOutcome:
        """Store one event that is valid, and count it; the outcome is that of ingest_events for it alone.

        Raises what ingest_events raises.
        """
        key = (organisation, factory_id, register_unknown, most_new_names)
        submission = _Submission(event, now, sender)
        with self._lock:
            submission.leads = key not in self._waiting
            self._waiting.setdefault(key, []).append(submission)
        if not submission.leads:
            submission.woken.wait()
        if submission.leads:
            self._lead(key)
        if submission.error is not None:
            raise submission.error
        assert submission.outcome is not None
        return submission.outcome

    def _lead(self, key: _Key) -> None:
        with self._lock:
            group, self._waiting[key] = self._waiting[key][:MAX_GROUP], self._waiting[key][MAX_GROUP:]
        try:
            self._store_group(key, group)
        except Exception as error:  # whatever it is, it is the outcome of each submission of the group
            if isinstance(
                error, Unavailable
            ):  # and of those that wait behind it: they would wait as long again for the same
                with self._lock:
                    group, self._waiting[key] = group + self._waiting[key], []
            for submission in group:
                submission.error = error
        finally:
            with self._lock:
                following = self._waiting[key]
                if not following:
                    del self._waiting[key]
            for submission in group:
                submission.woken.set()
            if following:
                following[0].leads = True
                following[0].woken.set()

    def _store_group(self, key: _Key, group: list[_Submission]) -> None:
        organisation, factory_id, register_unknown, most_new_names = key
        events = _join([submission.event for submission in group])
        now = max(submission.now for submission in group)
        outcome = ingest_events(
            store=self._store.acting_for(organisation),
            factory_id=factory_id,
            events=events,
            now=now,
            register_unknown=register_unknown,
            quota=Quota(most_new_names, [submission.sender for submission in group], now),
        )
        for submission, single in zip(group, _outcome_of_each(outcome), strict=True):
            submission.outcome = single
        self._metrics.delivery(
            events, outcome, organisation_key=organisation, factory_id=factory_id, now=now, deliveries=len(group)
        )


def _outcome_of_each(outcome: IngestOutcome) -> list[IngestOutcome]:
    """Return the outcome of a delivery of valid events, taken apart by event."""
    singles = [IngestOutcome(total=1, commit_seconds=outcome.commit_seconds) for _ in range(outcome.total)]
    for failure in outcome.failures:
        singles[failure.index].failures.append(failure._replace(index=0))
    for place in outcome.new:
        singles[place].created, singles[place].new = 1, [0]
    for single in singles:
        single.duplicates = 0 if single.created or single.failures else 1
    return singles


def _join(single_events: list[ParsedEvents]) -> ParsedEvents:
    """One delivery of many events; an event's index is its place in the list."""
    if len(single_events) == 1:
        return single_events[0]
    return ParsedEvents(
        total=len(single_events),
        index=np.arange(len(single_events)),
        timestamp=np.concatenate([events.timestamp for events in single_events]),
        event_type=np.concatenate([events.event_type for events in single_events]),
        count=np.concatenate([events.count for events in single_events]),
        confidence=np.concatenate([events.confidence for events in single_events]),
        worker_id=list(chain.from_iterable(events.worker_id for events in single_events)),
        workstation_id=list(chain.from_iterable(events.workstation_id for events in single_events)),
        source_id=list(chain.from_iterable(events.source_id for events in single_events)),
        model_version=list(chain.from_iterable(events.model_version for events in single_events)),
        event_id=list(chain.from_iterable(events.event_id for events in single_events)),
        failures=[],
    )
