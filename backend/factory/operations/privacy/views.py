"""Views of single workers: recorded in the audit trail before the answer, and listed for the worker concerned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from factory.domain.access.permissions import Actor
from factory.domain.errors import FieldError, InvalidInput
from factory.domain.privacy import Audience
from factory.domain.timestamp import HOUR, format_timestamp
from factory.operations.audit_trail import record, subject_of
from factory.operations.visible_workers import registered_worker
from factory.store import factories
from factory.store.access import erasure
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.factories import Factory

_View = tuple[int, str, str, str | None, bool]
"""Organisation, actor, factory, the worker's id (None for all workers), and whether it is named at a workstation."""


class ViewLog:
    """Records views of workers in the audit trail; one per process, shared by its threads.

    The page asks again every few seconds, so a view is recorded once per hour: a repeated one costs a look-up in a
    set. Each process has its own set; a process that is restarted records the view again.
    """

    def __init__(self) -> None:
        # Not a TTLCache: an entry lasts until the end of the hour of the clock, and none may be evicted before.
        self._hour = 0
        self._recorded: set[_View] = set()

    def record(
        self,
        *,
        store: Store,
        factory_id: str,
        worker_ids: Sequence[str] | None,
        by: Actor,
        audience: Audience,
        at_station: bool = False,
    ) -> Audience:
        """Record that the actor reads data of some workers, or of all, if the audience is shown persons.

        With `at_station` they are those whom the intervals of workstations name. Call it before reading them, of
        these before answering, and answer for the audience that it returns: a setting that changes in between
        then shows no person unrecorded. Unknown workers are not recorded. Raises NotFound for an unknown factory and
        Unavailable; then there must be no answer.
        """
        if not audience.permitted:
            return audience
        if by.now // HOUR != self._hour:
            self._hour, self._recorded = by.now // HOUR, set()
        recorded = self._recorded
        workers: Sequence[str | None] = worker_ids or [None]
        views: list[_View] = [(by.organisation, by.name, factory_id, worker, at_station) for worker in workers]
        fresh = [view for view in views if view not in recorded]
        if fresh:
            known = store.retry(lambda: _find(store, factory_id, fresh, audience))
            if known is None:
                return audience.without_persons()
            if known:
                store.retry(lambda: _write(store, known, by))
                recorded.update(known)
        return audience

    def forget(self) -> None:
        """Forget all views, since an id may now be another person's. Other processes forget at the end of the hour."""
        self._recorded = set()


class _Found(NamedTuple):
    factory_key: int
    worker_key: int | None


def _find(store: Store, factory_id: str, views: list[_View], audience: Audience) -> dict[_View, _Found] | None:
    """Return the keys of the registered workers among them; None in a factory that shows no persons."""
    with store.snapshot() as tx:
        factory = factories.find(tx, factory_id)
        if not audience.sees_persons(factory.person_views):
            return None
        keys = {view: None if view[3] is None else _key_of(tx, factory, view[3]) for view in views}
    return {view: _Found(factory.factory_key, key) for view, key in keys.items() if key is not None or view[3] is None}


def _key_of(tx: Connection, factory: Factory, worker_id: str) -> int | None:
    row = id_registry.row_of(tx, factory.factory_key, "worker", worker_id)
    return None if row is None else int(row.worker_key)


def _write(store: Store, views: dict[_View, _Found], by: Actor) -> None:
    with store.writing() as tx:
        for (*_, at_station), (factory_key, worker_key) in views.items():
            action = "workers.viewed" if worker_key is None or at_station else "worker.viewed"
            subject = "" if worker_key is None else subject_of(worker_key)
            record(tx, by, action, factory_key=factory_key, subject=subject)


class ViewsPage(NamedTuple):
    """Views as `{"hour", "actor", "action"}`, and the cursor of the next page or None."""

    data: list[dict[str, Any]]
    next_cursor: str | None


def list_views(*, store: Store, factory_id: str, worker_id: str, cursor: str | None, limit: int) -> ViewsPage:
    """List the views of a worker, newest first.

    They are views of the worker alone, of all workers or those at a workstation, or an export of their data.

    One row per hour, actor and action; the instant is the beginning of the hour in UTC. Raises NotFound, and
    InvalidInput for a bad cursor.
    """
    if cursor is not None and not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        fault: FieldError = {
            "field": "cursor",
            "code": "invalid_cursor",
            "message": "must be the next_cursor of an answer",
        }
        raise InvalidInput("cursor is not valid", code="invalid_cursor", errors=[fault])
    with store.snapshot() as tx:
        factory = factories.find(tx, factory_id)
        subject = subject_of(registered_worker(tx, factory, worker_id).worker_key)
        rows = erasure.views_of(tx, factory, subject, before=None if cursor is None else int(cursor), limit=limit + 1)
    more = len(rows) > limit
    data = [{"hour": format_timestamp(row.hour * HOUR), "actor": row.actor, "action": row.action} for row in rows]
    return ViewsPage(data[:limit], str(rows[limit - 1].number) if more else None)
