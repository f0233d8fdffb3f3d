"""Export of all data about one person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from factory.domain.access.permissions import Actor
from factory.domain.event import STATE_NAMES, UNKNOWN
from factory.domain.states.ranges import take
from factory.domain.timestamp import DAY, HOUR, format_timestamp
from factory.operations.audit_trail import record, subject_of
from factory.operations.derive.refresh import read_up_to_date
from factory.operations.events.render import Renderer
from factory.operations.privacy.views import list_views
from factory.operations.visible_workers import registered_worker
from factory.store import factories
from factory.store.access import erasure
from factory.store.derived import retention
from factory.store.engine.database import Store
from factory.store.events import event_listing, id_registry
from factory.store.events.event_listing import Filters, Place
from factory.store.events.event_log import BEFORE_ALL
from factory.store.factories import Factory

Row = dict[str, Any]

_ROWS_A_READ = 1_000


def export_person(*, store: Store, factory_id: str, worker_id: str, by: Actor) -> Iterator[Row]:
    """Yield all data about a worker as JSON-ready rows of a `kind`: `worker`, `event`, `interval`, `look`, `end`.

    `removed_event` is the rest of an event that is no longer kept. The last row, `end`, has the number of `rows` before
    it and so proves that the export is complete. The export is in the audit trail before this returns, so it is the
    newest look itself. Rows are read in portions while the caller iterates; memory does not grow with their number.
    Raises NotFound, Unavailable.
    """

    def read(tx: Connection, factory: Factory) -> tuple[Factory, Any]:
        return factory, registered_worker(tx, factory, worker_id)

    # Pending events are derived first, so that the intervals follow from all events.
    factory, worker = read_up_to_date(store=store, factory_id=factory_id, read=read)
    with store.writing() as tx:
        subject = subject_of(worker.worker_key)
        record(tx, by, "worker.exported", factory_key=factory.factory_key, subject=subject)
    return _with_end(_rows(store, factory, worker))


def _with_end(rows: Iterator[Row]) -> Iterator[Row]:
    number = 0
    for row in rows:
        number += 1
        yield row
    yield {"kind": "end", "rows": number}


def _rows(store: Store, factory: Factory, worker: Any) -> Iterator[Row]:
    identity = {"worker_id": worker.worker_id, "name": worker.name}
    yield {"kind": "worker", "factory_id": factory.factory_id, "factory": factory.name, **identity}
    for event in _events(store, factory, worker.worker_key):
        yield {"kind": "event", **event}
    for event in _removed_events(store, factory, worker.worker_key):
        yield {"kind": "removed_event", **event}
    for interval in _intervals(store, factory.factory_id, worker.worker_key):
        yield {"kind": "interval", **interval}
    for view in _views(store, factory.factory_id, worker.worker_id):
        yield {"kind": "look", **view}


def _events(store: Store, factory: Factory, worker_key: int) -> Iterator[Row]:
    """Yield the stored events, newest first."""
    if factory.first_event_at is None or factory.last_event_at is None:
        return
    filters = Filters(factory.first_event_at, factory.last_event_at + 1, worker_key)
    after: Place | None = None
    while True:
        with store.snapshot() as tx:
            rows = event_listing.page(store, tx, factory.factory_key, filters, after, _ROWS_A_READ)
            render = Renderer(tx, factory, None)
        yield from (render.event(row[0], row[1], row[2:]) for row in rows)
        if len(rows) < _ROWS_A_READ:
            return
        after = event_listing.place_of(rows[-1])


def _removed_events(store: Store, factory: Factory, worker_key: int) -> Iterator[Row]:
    """Yield the kept rests of removed events, oldest first, with one day in memory at a time."""
    with store.snapshot() as tx:
        hours = [hour for hour, _ in retention.weights(tx, factory.factory_key)]
    # A page covers an hour, which need not begin at a whole hour of UTC.
    days = sorted({at * HOUR // DAY for hour in hours for at in (hour, hour + 1)})
    for day in days:
        with store.snapshot() as tx:
            stations = id_registry.names_of(tx, factory.factory_key, "workstation")
            kept = retention.between(store, tx, factory.factory_key, day * DAY, (day + 1) * DAY)
        rows = take(kept, kept.worker == worker_key)
        for time, station, units in zip(rows.time.tolist(), rows.station.tolist(), rows.units.tolist(), strict=True):
            yield {"timestamp": format_timestamp(time), "workstation_id": stations[station], "units": units}


def _intervals(store: Store, factory_id: str, worker_key: int) -> Iterator[Row]:
    """Yield intervals, oldest first; the last one has no end yet."""
    after, opened = BEFORE_ALL, None
    while True:
        with store.snapshot() as tx:
            factory = factories.find(tx, factory_id)
            stations = id_registry.names_of(tx, factory.factory_key, "workstation")
            changes = erasure.changes_after(tx, factory, worker_key, after, _ROWS_A_READ)
        for start, state, station in changes:
            if opened is not None:
                yield opened | {"end": format_timestamp(start)}
            where = None if state == UNKNOWN else stations[station]
            opened = {
                "start": format_timestamp(start),
                "end": None,
                "state": STATE_NAMES[state],
                "workstation_id": where,
            }
            after = start
        if len(changes) < _ROWS_A_READ:
            break
    if opened is not None:
        yield opened


def _views(store: Store, factory_id: str, worker_id: str) -> Iterator[Row]:
    """Yield the views, newest first."""
    cursor: str | None = None
    while True:
        page = list_views(store=store, factory_id=factory_id, worker_id=worker_id, cursor=cursor, limit=_ROWS_A_READ)
        yield from page.data
        if (cursor := page.next_cursor) is None:
            return
