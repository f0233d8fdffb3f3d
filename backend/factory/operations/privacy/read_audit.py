"""Reading the audit trail, and verifying its chain of hashes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from factory.domain.errors import InvalidInput, NotFound
from factory.domain.metrics.window import require_order
from factory.domain.privacy import Audience
from factory.domain.timestamp import format_timestamp
from factory.operations.visible_workers import Persons
from factory.store import factories
from factory.store.access import audit_log
from factory.store.access.audit_log import Filters, Line
from factory.store.engine.database import Store
from factory.store.factories import Factory

WORKER = "worker:"
"""Prefix of a subject that names a worker; followed by the worker key when stored, by the current id when shown."""


class AuditPage(NamedTuple):
    """Rendered lines, and the cursor of the next page or None."""

    data: list[dict[str, Any]]
    next_cursor: str | None


def read_audit(
    *,
    store: Store,
    audience: Callable[[str], Audience],
    factory_ids: Collection[str] | None,
    start: int | None,
    end: int | None,
    actor: str | None,
    action: str | None,
    subject: str | None,
    cursor: str | None,
    limit: int,
) -> AuditPage:
    """Return a page of the trail of the store's organisation, newest first.

    Conditions are instants in [start, end) in microseconds and exact texts; an `action` that ends with a dot is a
    prefix. Only lines of the factories in `factory_ids`, or all lines where it is None. `audience` decides for each
    factory whether persons appear by id or under pseudonyms. Raises InvalidInput.
    """
    require_order(start, end)
    before = None if cursor is None else _read_cursor(cursor)
    assert store.organisation is not None, "a trail is an organisation's"
    with store.snapshot() as tx:
        all_factories = [
            factory
            for factory in factories.list_factories(tx)
            if factory_ids is None or factory.factory_id in factory_ids
        ]
        persons = {factory.factory_key: Persons(tx, factory, audience(factory.factory_id)) for factory in all_factories}
        filters = Filters(
            start=start,
            end=end,
            actor=actor,
            action=action,
            subjects=None if subject is None else _stored_subjects(persons, subject),
            factories=None if factory_ids is None else [factory.factory_key for factory in all_factories],
        )
        lines = audit_log.lines(tx, store.organisation, filters, before=before, limit=limit + 1)
        more = len(lines) > limit
        lines = lines[:limit]
        return AuditPage(_rendered(all_factories, persons, lines), str(lines[-1].number) if more else None)


Head = tuple[int, bytes]
"""Number and hash of the last line of a chain."""


def verify_audit(*, store: Store, organisation: str | None, kept: Mapping[str, Head] | None = None) -> list[str]:
    """List the faults in the chain of an organisation, or of all, one sentence each; empty if there are none.

    `kept` is what audit_heads returned before. An organisation that is in it has to be there yet. Raises NotFound.
    """
    with store.system().snapshot() as tx:
        chosen = _chosen(tx, organisation)
        heads = kept or {}
        gone = [name for name in heads if organisation is None and name not in chosen]
        faults = [f"{name}: the organisation, whose head was kept, is missing" for name in gone]
        for name, key in chosen.items():
            faults += [f"{name}: {fault}" for fault in audit_log.faults(tx, key, heads.get(name))]
        return faults


def audit_heads(*, store: Store, organisation: str | None) -> dict[str, Head]:
    """Return number and hash of the last line of an organisation, or of each, by id. Raises NotFound."""
    with store.system().snapshot() as tx:
        return {name: audit_log.head(tx, key) for name, key in _chosen(tx, organisation).items()}


def _chosen(tx: Connection, organisation: str | None) -> dict[str, int]:
    chains = audit_log.chains(tx)
    if organisation is None:
        return chains
    if organisation not in chains:
        raise NotFound("Organisation not found", code="organisation_not_found")
    return {organisation: chains[organisation]}


def _read_cursor(cursor: str) -> int:
    if not re.fullmatch("[0-9]{1,18}", cursor):
        message = "must be the next_cursor of an answer"
        fault = InvalidInput("cursor is not valid", code="invalid_cursor")
        fault.errors = [{"field": "cursor", "code": "invalid_cursor", "message": message}]
        raise fault
    return int(cursor)


def _stored_subjects(persons: Mapping[int, Persons], shown: str) -> list[tuple[int | None, str]]:
    """Return the stored forms of a subject as it is shown, each with its factory."""
    if not shown.startswith(WORKER):
        return [(None, shown)]
    shown_id = shown.removeprefix(WORKER)
    return [(factory_key, f"{WORKER}{one.key_of(shown_id)}") for factory_key, one in persons.items()]


def _rendered(
    all_factories: Sequence[Factory], persons: Mapping[int, Persons], lines: Sequence[Line]
) -> list[dict[str, Any]]:
    names = {factory.factory_key: factory.factory_id for factory in all_factories}
    return [
        {
            "number": line.number,
            "at": format_timestamp(line.at),
            "actor": line.actor,
            "action": line.action,
            "factory_id": None if line.factory_key is None else names.get(line.factory_key),
            "subject": _shown_subject(line, persons),
            "detail": json.loads(line.detail),
            "address": line.address,
            "request_id": line.request_id,
            "hash": line.hash.hex(),
        }
        for line in lines
    ]


def _shown_subject(line: Line, persons: Mapping[int, Persons]) -> str:
    key = line.subject.removeprefix(WORKER)
    if key == line.subject or line.factory_key is None or line.factory_key not in persons or not key.isdecimal():
        return line.subject
    return f"{WORKER}{persons[line.factory_key].names.get(int(key), key)}"
