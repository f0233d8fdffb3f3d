"""An event that a person enters by hand: it stands in the audit trail with their name."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from factory.adapters.events.event_json import parse_event
from factory.domain.access.permissions import Actor
from factory.domain.errors import NotFound
from factory.domain.event import TYPE_NAMES, EventRules, ParsedEvents
from factory.domain.privacy import Audience
from factory.domain.timestamp import format_timestamp
from factory.operations.audit_trail import record
from factory.operations.events.ingest import IngestOutcome, ingest_events
from factory.operations.privacy.views import subject_of
from factory.operations.visible_workers import Persons
from factory.store import factories
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.events.id_registry import Keys
from factory.store.factories import Factory


def enter_event(
    *,
    store: Store,
    factory: str,
    body: bytes,
    rules: EventRules,
    register_unknown: bool,
    by: Actor,
    audience: Audience,
) -> tuple[ParsedEvents, IngestOutcome]:
    """The event of a body and what became of it, as ingest_events does for it alone.

    Who is shown pseudonyms may enter one for the worker's id. Raises InvalidInput for a body that is no valid event,
    and what ingest_events raises.
    """
    event = parse_event(body, rules)
    event = replace(event, worker_id=[_real_id(store, factory, event.worker_id[0], audience)])

    def note(tx: Connection, site: Factory, keys: Keys, outcome: IngestOutcome) -> None:
        if outcome.created:
            worker_key = keys.of(tx, "worker", event.worker_id)[event.worker_id[0]]
            detail = {
                "timestamp": format_timestamp(int(event.timestamp[0])),
                "event_type": TYPE_NAMES[int(event.event_type[0])],
                "workstation_id": event.workstation_id[0],
            }
            subject = subject_of(worker_key)
            record(tx, by, "event.entered", factory_key=site.factory_key, subject=subject, detail=detail)

    outcome = ingest_events(
        store=store, factory=factory, events=event, now=rules.now, register_unknown=register_unknown, also=note
    )
    return event, outcome


def _real_id(store: Store, factory: str, worker_id: str, audience: Audience) -> str:
    with store.snapshot() as tx:
        site = factories.find(tx, factory)
        persons = Persons(tx, site, audience)
        if persons.are_shown:
            return worker_id
        try:
            worker_key = persons.row(worker_id).worker_key
        except NotFound:
            return worker_id
        return id_registry.names_of(tx, site.factory_key, "worker")[worker_key]
