"""Who looked at whom: written down before an answer about single workers is given, and read by those concerned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from factory.domain.access.permissions import Actor
from factory.domain.errors import FieldError, InvalidInput, NotFound
from factory.domain.privacy import Audience
from factory.domain.timestamp import HOUR, format_timestamp
from factory.operations.audit_trail import record
from factory.store import factories
from factory.store.access import erasure
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.factories import Factory

_Look = tuple[int, str, str, str | None]
"""Organisation, who looks, factory, and the worker's id; None for all workers."""


class Looks:
    """Notes looks at workers in the audit trail; one for each process, shared by its threads.

    A page asks anew every few seconds. So a look is noted once an hour, and what has been is remembered here: a
    repeated one costs a look-up in a set. Each process remembers its own; one that is started anew notes it again.
    """

    def __init__(self) -> None:
        self._hour = 0
        self._noted: set[_Look] = set()

    def note(
        self, *, store: Store, factory: str, worker_ids: Sequence[str] | None, by: Actor, audience: Audience
    ) -> Audience:
        """Note that somebody asks for what is told of some workers, or of all, and is shown persons.

        To be called before they are read; the answer is for the audience that this returns, so that a setting that
        changes meanwhile shows nobody unnoticed. Unknown workers are not noted. Raises NotFound for an unknown
        factory, Unavailable: then there must be no answer.
        """
        if not audience.permitted:
            return audience
        if by.now // HOUR != self._hour:
            self._hour, self._noted = by.now // HOUR, set()
        noted = self._noted
        asked: Sequence[str | None] = worker_ids or [None]
        looks: list[_Look] = [(by.organisation, by.name, factory, one) for one in asked]
        fresh = [look for look in looks if look not in noted]
        if fresh:
            known = store.retry(lambda: _find(store, factory, fresh, audience))
            if known is None:
                return audience.without_persons()
            if known:
                store.retry(lambda: _write(store, known, by))
                noted.update(known)
        return audience

    def forget(self) -> None:
        """An id may be another person's from now on. Other processes go on with what they know until the hour ends."""
        self._noted = set()


class _Found(NamedTuple):
    factory_key: int
    worker_key: int | None


def _find(store: Store, factory: str, looks: list[_Look], audience: Audience) -> dict[_Look, _Found] | None:
    """The keys of those who are known; None in a factory that shows nobody."""
    with store.snapshot() as tx:
        site = factories.find(tx, factory)
        if not audience.sees_persons(site.person_views):
            return None
        keys = {look: None if look[3] is None else _key_of(tx, site, look[3]) for look in looks}
    return {look: _Found(site.factory_key, key) for look, key in keys.items() if key is not None or look[3] is None}


def _key_of(tx: Connection, site: Factory, worker_id: str) -> int | None:
    row = id_registry.row_of(tx, site.factory_key, "worker", worker_id)
    return None if row is None else int(row.worker_key)


def _write(store: Store, looks: dict[_Look, _Found], by: Actor) -> None:
    with store.writing() as tx:
        for factory_key, worker_key in looks.values():
            action = "workers.viewed" if worker_key is None else "worker.viewed"
            subject = "" if worker_key is None else subject_of(worker_key)
            record(tx, by, action, factory_key=factory_key, subject=subject)


def subject_of(worker_key: int) -> str:
    """A worker as the audit trail names them."""
    return f"worker:{worker_key}"


def registered_worker(tx: Connection, site: Factory, worker_id: str) -> Any:
    """The registry row of a worker's real id; raises NotFound."""
    row = id_registry.row_of(tx, site.factory_key, "worker", worker_id)
    if row is None:
        raise NotFound("Worker not found", code="worker_not_found")
    return row


class LooksPage(NamedTuple):
    """Looks as `{"hour", "actor", "action"}`, and the cursor of the next page or None."""

    data: list[dict[str, Any]]
    next_cursor: str | None


def list_looks(*, store: Store, factory: str, worker_id: str, cursor: str | None, limit: int) -> LooksPage:
    """Who looked at a worker, newest first: at them alone, at a list of all workers, or took out their data.

    A row for each hour, whoever looked in it, and in which way; the instant is the beginning of the hour in UTC.
    Raises NotFound, InvalidInput for a bad cursor.
    """
    if cursor is not None and not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        fault: FieldError = {
            "field": "cursor",
            "code": "invalid_cursor",
            "message": "must be the next_cursor of an answer",
        }
        raise InvalidInput("cursor is not valid", code="invalid_cursor", errors=[fault])
    with store.snapshot() as tx:
        site = factories.find(tx, factory)
        subject = subject_of(registered_worker(tx, site, worker_id).worker_key)
        rows = erasure.looks(tx, site, subject, before=None if cursor is None else int(cursor), limit=limit + 1)
    more = len(rows) > limit
    data = [{"hour": format_timestamp(row.hour * HOUR), "actor": row.actor, "action": row.action} for row in rows]
    return LooksPage(data[:limit], str(rows[limit - 1].number) if more else None)
