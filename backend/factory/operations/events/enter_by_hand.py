"""Store an event that a person enters by hand, with a line in the audit trail."""

from __future__ import annotations

import hmac
from dataclasses import replace

from sqlalchemy import Connection

from factory.domain.access.permissions import Actor
from factory.domain.errors import NotFound
from factory.domain.event import TYPE_NAMES, Failure, ParsedEvents
from factory.domain.privacy import Audience
from factory.domain.timestamp import format_timestamp
from factory.operations.audit_trail import record, subject_of
from factory.operations.events.ingest import IngestOutcome, ingest_events
from factory.operations.visible_workers import Persons
from factory.store import factories
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.events.id_registry import IdResolver
from factory.store.events.registrations import Quota
from factory.store.factories import Factory


def enter_event(
    *,
    store: Store,
    factory_id: str,
    event: ParsedEvents,
    now: int,
    register_unknown: bool,
    quota: Quota,
    by: Actor,
    audience: Audience,
) -> IngestOutcome:
    """Store one valid event, and add a line to the audit trail in the same transaction if it was created.

    An audience that is shown pseudonyms has to give one in place of the worker's id: a real id is refused as an unknown
    one is. Its events are never taken for those of others, or the answer would say what others sent. Raises what
    ingest_events raises.
    """
    hidden = _under_pseudonym(store, factory_id, event, by, audience)
    if hidden is None:
        return IngestOutcome(1, failures=[Failure(0, "worker_id", "unknown_worker", "is not registered")])
    event = hidden

    def add_audit_line(tx: Connection, factory: Factory, ids: IdResolver, outcome: IngestOutcome) -> None:
        if outcome.created:
            worker_key = ids.keys_of(tx, "worker", event.worker_id)[event.worker_id[0]]
            detail = {
                "timestamp": format_timestamp(int(event.timestamp[0])),
                "event_type": TYPE_NAMES[int(event.event_type[0])],
                "workstation_id": event.workstation_id[0],
            }
            subject = subject_of(worker_key)
            record(tx, by, "event.entered", factory_key=factory.factory_key, subject=subject, detail=detail)

    return ingest_events(
        store=store,
        factory_id=factory_id,
        events=event,
        now=now,
        register_unknown=register_unknown,
        quota=quota,
        in_same_transaction=add_audit_line,
    )


def _under_pseudonym(
    store: Store, factory_id: str, event: ParsedEvents, by: Actor, audience: Audience
) -> ParsedEvents | None:
    """Return the event with the real id of its worker, as it is where persons are shown; None for an unknown worker.

    Its identity gets an `event_id` of the person who enters it, made from the given one: a retry is a duplicate, an
    event of a camera is not.
    """
    with store.snapshot() as tx:
        factory = factories.find(tx, factory_id)
        persons = Persons(tx, factory, audience)
        if persons.are_shown:
            return event
        try:
            worker_key = persons.row(event.worker_id[0]).worker_key
        except NotFound:
            return None
        worker_id = id_registry.names_of(tx, factory.factory_key, "worker")[worker_key]
    given = event.event_id[0] if any(event.event_id) else ""
    own = hmac.digest(factory.pseudonym_key, f"entered\0{by.name}\0{given}".encode(), "sha256").hex()[:32]
    return replace(event, worker_id=[worker_id], event_id=[f"entered-{own}"])
