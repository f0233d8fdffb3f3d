"""Ingest events, and list them."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_restx import Namespace

from factory.adapters.events.event_json import parse_array, parse_event, parse_lines
from factory.api.http.answers import json_answer, many, timestamp
from factory.api.http.audience import audience, record_view
from factory.api.http.body import JSON, NDJSON, content_type, read_body
from factory.api.http.contract import FACTORY, WINDOW, Body, Parameter, contract, json_body
from factory.api.http.hooks import add_log_fields
from factory.api.http.query import Query
from factory.api.http.request import (
    actor,
    caller,
    group_commit,
    now,
    prometheus_metrics,
    requested_factory,
    settings,
    store,
)
from factory.api.http.route import Route
from factory.api.http.schemas import BOOLEAN, EVENT_TYPE, ID, TEXT, ref
from factory.domain.errors import Conflict, FieldError, InvalidInput
from factory.domain.event import EVENT_TYPES, ParsedEvents
from factory.operations.events.enter_by_hand import enter_event
from factory.operations.events.ingest import IngestOutcome, ingest_events
from factory.operations.events.list import EventFilters, list_events
from factory.store.events.registrations import Quota

namespace = Namespace("events", "What the cameras and sensors saw", path="/events")

_SAMPLE = {
    "timestamp": "2026-01-15T10:15:00Z",
    "worker_id": "W1",
    "workstation_id": "S3",
    "event_type": "working",
    "confidence": 0.93,
    "count": 1,
}
_UNITS = {**_SAMPLE, "timestamp": "2026-01-15T10:20:00Z", "event_type": "product_count", "count": 5}
_BATCH = Body({JSON: {"type": "array", "items": ref("NewEvent")}, NDJSON: TEXT}, [_SAMPLE, _UNITS])
_FILTERS = (
    *WINDOW,
    Parameter("worker_id", ID, "Only events of this worker."),
    Parameter("workstation_id", ID, "Only events of this workstation."),
    Parameter("event_type", EVENT_TYPE, "Only events of this type."),
    Parameter("source_id", {"type": "string", "minLength": 1, "maxLength": 64}, "Only events of this source."),
    Parameter("cursor", TEXT, "The next_cursor of the page before."),
    Parameter(
        "limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "The most events on a page."
    ),
)
_ATOMIC = Parameter("atomic", {**BOOLEAN, "default": False}, "All or nothing: one refused event refuses all.")


@namespace.route("/")
class Events(Route):
    @contract(
        access="views",
        parameters=(*_FILTERS, *FACTORY),
        answers={200: ("A page of events, newest first; next_cursor is null on the last", "EventsAnswer")},
        errors=(400, 404),
    )
    def get(self) -> Response:
        """List stored events."""
        query = Query()
        filters = EventFilters(
            start=query.instant("from"),
            end=query.instant("to"),
            worker_id=query.identity("worker_id"),
            workstation_id=query.identity("workstation_id"),
            event_type=query.choice("event_type", EVENT_TYPES),
            source_id=query.label("source_id", longest=64),
        )
        cursor, limit = query.text("cursor"), query.integer("limit", low=1, high=1000, default=100)
        query.done()
        page = list_events(
            store=store(),
            factory_id=requested_factory(),
            filters=filters,
            cursor=cursor,
            limit=limit,
            audience=record_view(None if filters.worker_id is None else [filters.worker_id]),
        )
        return many(page.data, next_cursor=page.next_cursor)

    @contract(
        access="ingest or enter",
        parameters=FACTORY,
        body=json_body("NewEvent", _SAMPLE),
        answers={201: ("Stored", "EventAnswer"), 200: ("A duplicate: it was stored before", "EventAnswer")},
        errors=(404, 409),
    )
    def post(self) -> Response:
        """Store one event.

        A retry repeats the event unchanged and is acknowledged as a duplicate. Two genuine counts of one
        worker, station and instant need different event_ids, else the second is taken for a retry. Two
        cameras that count the same unit count it twice. What a signed-in person enters stands in the audit trail.
        """
        factory_id = requested_factory()
        content_type(JSON)
        outcome = _store_single(factory_id, _parse_single(read_body()))
        if outcome.failures:
            raise _refusal(outcome)
        status = 201 if outcome.created else 200
        return json_answer(
            {
                "message": "Event ingested successfully" if outcome.created else "Event was ingested before",
                "status": status,
                "duplicate": not outcome.created,
                "timestamp": timestamp(),
            },
            status,
        )


@namespace.route("/batch")
class Batch(Route):
    @contract(
        access="ingest",
        parameters=(_ATOMIC, *FACTORY),
        body=_BATCH,
        answers={
            201: ("At least one event was created; errors lists the others", "BatchAnswer"),
            200: ("Nothing new: duplicates only, or an empty list", "BatchAnswer"),
            422: ("Every event failed, or one did in an atomic batch", "BatchAnswer"),
        },
        errors=(404,),
    )
    def post(self) -> Response:
        """Store many events in one transaction.

        A JSON array, or NDJSON (a line each) as application/x-ndjson; Content-Encoding gzip is accepted.
        The valid events are stored, the others reported by their index from 0.
        """
        query = Query()
        atomic = query.boolean("atomic")
        query.done()
        factory_id = requested_factory()
        parser = parse_lines if content_type(JSON, NDJSON) == NDJSON else parse_array
        outcome = _store_batch(factory_id, parser(read_body(), settings().event_rules(now())), atomic=atomic)
        return json_answer(_report(outcome), _status(outcome, atomic))


def _parse_single(body: bytes) -> ParsedEvents:
    try:
        return parse_event(body, settings().event_rules(now()))
    except InvalidInput:
        prometheus_metrics().unreadable()
        raise


def _store_single(factory_id: str, event: ParsedEvents) -> IngestOutcome:
    """Store an event of a machine, whose commits are grouped; or of a person, with a line in the audit trail."""
    register_unknown = _registers_unknown()
    if caller().user_key is None:
        outcome = group_commit().submit(
            organisation=caller().organisation,
            factory_id=factory_id,
            event=event,
            now=now(),
            register_unknown=register_unknown,
            sender=_sender(),
            most_new_names=settings().max_new_names_per_hour,
        )
    else:
        outcome = enter_event(
            store=store(),
            factory_id=factory_id,
            event=event,
            now=now(),
            register_unknown=register_unknown,
            quota=_quota(),
            by=actor(),
            audience=audience(),
        )
        _count_delivery(factory_id, event, outcome)
    _log_outcome(outcome)
    return outcome


def _store_batch(factory_id: str, events: ParsedEvents, *, atomic: bool) -> IngestOutcome:
    outcome = ingest_events(
        store=store(),
        factory_id=factory_id,
        events=events,
        now=now(),
        atomic=atomic,
        register_unknown=_registers_unknown(),
        quota=_quota(),
    )
    _count_delivery(factory_id, events, outcome)
    _log_outcome(outcome)
    return outcome


def _registers_unknown() -> bool:
    return settings().unknown_entity_policy == "register"


def _sender() -> str:
    """Return on whose account new names are registered: a key, a person, or whoever comes where access is open."""
    one = caller()
    return next((f"{kind} {key}" for kind, key in (("key", one.api_key), ("user", one.user_key)) if key), one.name)


def _quota() -> Quota:
    return Quota(settings().max_new_names_per_hour, [_sender()], now())


def _count_delivery(factory_id: str, events: ParsedEvents, outcome: IngestOutcome) -> None:
    prometheus_metrics().delivery(
        events, outcome, organisation_key=caller().organisation, factory_id=factory_id, now=now()
    )


def _log_outcome(outcome: IngestOutcome) -> None:
    add_log_fields(
        events=outcome.total,
        created=outcome.created,
        duplicates=outcome.duplicates,
        failed=len(outcome.failed_indices),
    )


def _refusal(outcome: IngestOutcome) -> Conflict | InvalidInput:
    """Return the error of a delivery whose only event was refused."""
    first = outcome.failures[0]
    message = f"{first.field}: {first.message}" if first.field else first.message
    errors: list[FieldError] = [
        {"field": one.field, "code": one.code, "message": one.message} for one in outcome.failures if one.field
    ]
    kind = Conflict if first.code == "conflict" else InvalidInput
    return kind(message, code=first.code, errors=errors)


def _status(outcome: IngestOutcome, atomic: bool) -> int:
    if outcome.failures and (atomic or len(outcome.failed_indices) == outcome.total):
        return 422
    return 201 if outcome.created else 200


def _report(outcome: IngestOutcome) -> dict[str, Any]:
    failed = outcome.failed_indices
    succeeded = outcome.created + outcome.duplicates
    return {
        "message": f"{succeeded} of {outcome.total} events ingested",
        "success_count": succeeded,
        "created_count": outcome.created,
        "duplicate_count": outcome.duplicates,
        "failed_count": len(failed),
        "total_count": outcome.total,
        "failed_indices": failed,
        "errors": [
            {"index": one.index, "code": one.code, "field": one.field, "message": one.message}
            for one in outcome.failures
        ],
        "timestamp": timestamp(),
    }
