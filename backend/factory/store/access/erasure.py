"""Data of one person beside the registry: state changes, event ids, views, and the marks of erased ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text

from factory.domain.privacy import erased_digest
from factory.domain.states.intervals import FOREVER
from factory.store.access_schema import audit
from factory.store.engine.database import Store
from factory.store.factories import Factory
from factory.store.schema import erased_workers, exists_on, intervals, metadata, workers

_VIEWS_OF_ONE = ("worker.viewed", "worker.exported")
_VIEWS_OF_ALL = ("workers.viewed",)

_EVENT_TABLES = ("events", "events_first", "events_beside")
_HOUR = 3_600_000_000
_IDS_A_QUERY = 500
PREFIX = "erased-"
"""Begin of the random id of an erased person."""


def views_of(tx: Connection, factory: Factory, subject: str, *, before: int | None, limit: int) -> list[Any]:
    """Return the views of a worker, newest first, as rows (hour since the epoch, actor, action, number).

    Equal lines of an hour are one row with the last one's `number`; only rows with a number below `before`. Lines from
    before the factory was filled with sample data are left out: worker keys mean other persons there.
    """
    in_factory = (audit.c.organisation_key == factory.organisation_key) & (audit.c.factory_key == factory.factory_key)
    reseeded = in_factory & (audit.c.action == "factory.reseeded")
    last_reseeded = select(func.coalesce(func.max(audit.c.number), 0)).where(reseeded).scalar_subquery()
    of_worker = audit.c.action.in_(_VIEWS_OF_ONE) & (audit.c.subject == subject)
    of_all = audit.c.action.in_(_VIEWS_OF_ALL) & audit.c.subject.in_(["", subject])
    number = func.max(audit.c.number).label("number")
    query = select((audit.c.at // _HOUR).label("hour"), audit.c.actor, audit.c.action, number)
    query = query.where(in_factory, of_worker | of_all, audit.c.number > last_reseeded)
    query = query.group_by(text("hour"), audit.c.actor, audit.c.action).order_by(number.desc()).limit(limit)
    return list(tx.execute(query if before is None else query.having(number < before)))


def changes_after(tx: Connection, factory: Factory, worker_key: int, after: int, limit: int) -> list[Any]:
    """Return up to `limit` state changes of a worker after an instant, as rows (start_at, state, station_key)."""
    query = select(intervals.c.start_at, intervals.c.state, intervals.c.station_key).where(
        intervals.c.factory_key == factory.factory_key,
        intervals.c.generation == factory.generation,
        intervals.c.worker_key == worker_key,
        intervals.c.start_at > after,
    )
    return list(tx.execute(query.order_by(intervals.c.start_at).limit(limit)))


def rename(tx: Connection, factory: Factory, worker_key: int, worker_id: str, name: str) -> None:
    """Set a worker's id and name."""
    condition = (workers.c.factory_key == factory.factory_key) & (workers.c.worker_key == worker_key)
    tx.execute(workers.update().where(condition).values(worker_id=worker_id, name=name))


def replace_event_ids(
    store: Store, tx: Connection, factory: Factory, worker_key: int, replacement: Callable[[str], str], rows: int
) -> int:
    """Replace the event ids of a worker, `rows` per statement; return the number of events that had one.

    Different texts must get different replacements.
    """
    return sum(
        _replace_in(store, tx, table, {"factory_key": factory.factory_key, "worker_key": worker_key}, replacement, rows)
        for table in _EVENT_TABLES
        if exists_on(metadata.tables[table], tx.dialect.name)
    )


_IDENTITY = ("event_time", "event_type", "station_key", "source_key", "event_id")


def _replace_in(
    store: Store, tx: Connection, table: str, keys: dict[str, Any], replacement: Callable[[str], str], rows: int
) -> int:
    columns = ", ".join(_IDENTITY)
    # Whole instants at a time: within an instant the order of the texts changes.
    instants = text(
        f"SELECT event_time FROM {table} WHERE factory_key = :factory_key AND worker_key = :worker_key "
        "AND event_time > :after AND event_id <> '' ORDER BY event_time LIMIT :rows"
    )
    rows_of = text(
        f"SELECT {columns} FROM {table} WHERE factory_key = :factory_key AND worker_key = :worker_key "
        "AND event_time > :after AND event_time <= :last AND event_id <> ''"
    )
    after, replaced = -(2**63), 0
    while times := tx.execute(instants, {**keys, "after": after, "rows": rows}).scalars().all():
        events = [tuple(row) for row in tx.execute(rows_of, {**keys, "after": after, "last": times[-1]})]
        _write_event_ids(store, tx, table, keys, events, [replacement(row[-1]) for row in events])
        after, replaced = times[-1], replaced + len(events)
    return replaced


def _write_event_ids(
    store: Store, tx: Connection, table: str, keys: dict[str, Any], events: list[tuple[Any, ...]], texts: list[str]
) -> None:
    of_worker = "e.factory_key = :factory_key AND e.worker_key = :worker_key"
    if store.dialect.ONE_WRITER:
        # Given a list, SQLite would scan all events of the worker for each entry; one by one it uses the key.
        same = " AND ".join(f"e.{name} = :{name}" for name in _IDENTITY)
        rows = [
            {**keys, **dict(zip(_IDENTITY, one, strict=True)), "new": new}
            for one, new in zip(events, texts, strict=True)
        ]
        tx.execute(text(f"UPDATE {table} AS e SET event_id = :new WHERE {of_worker} AND {same}"), rows)
        return
    columns = dict(zip(_IDENTITY, map(list, zip(*events, strict=True)), strict=True))
    given, parameters = store.dialect.relation({**columns, "replacement": texts})
    same = " AND ".join(f"e.{name} = given.{name}" for name in _IDENTITY)
    update = f"UPDATE {table} AS e SET event_id = given.replacement FROM {given} WHERE {of_worker} AND {same}"
    tx.execute(text(update), {**keys, **parameters})


def mark_erased(tx: Connection, factory: Factory, worker_ids: Iterable[str], now: int) -> None:
    """Mark ids as erased now, so that no delivery registers them again, or adds events of before."""
    for worker_id in worker_ids:
        forget_erased(tx, factory, worker_id)
        digest = erased_digest(factory.pseudonym_key, worker_id)
        tx.execute(insert(erased_workers).values(factory_key=factory.factory_key, digest=digest, erased_at=now))


def forget_erased(tx: Connection, factory: Factory, worker_id: str) -> None:
    """Remove the mark of an erased id."""
    digest = erased_digest(factory.pseudonym_key, worker_id)
    condition = (erased_workers.c.factory_key == factory.factory_key) & (erased_workers.c.digest == digest)
    tx.execute(delete(erased_workers).where(condition))


def erased_among(tx: Connection, factory: Factory, worker_ids: Iterable[str]) -> dict[str, int]:
    """Return the erased ids among `worker_ids`, each with the instant before which it takes no events.

    An id that is registered anew is somebody else's from its erasure on. The random id of an erased person takes none.
    """
    by_digest = {erased_digest(factory.pseudonym_key, one): one for one in worker_ids}
    digests = list(by_digest)
    found: dict[str, int] = {}
    for first in range(0, len(digests), _IDS_A_QUERY):
        part = digests[first : first + _IDS_A_QUERY]
        rows = tx.execute(
            select(erased_workers.c.digest, erased_workers.c.erased_at).where(
                erased_workers.c.factory_key == factory.factory_key, erased_workers.c.digest.in_(part)
            )
        )
        found.update((by_digest[bytes(digest)], erased_at) for digest, erased_at in rows)
    return {one: FOREVER if one.startswith(PREFIX) else erased_at for one, erased_at in found.items()}
