"""The stored events, newest first."""

from __future__ import annotations

import base64
import binascii
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from factory.domain.errors import FieldError, InvalidInput
from factory.domain.event import EVENT_TYPES
from factory.domain.window import require_order
from factory.operations.refresh_derived import read_exactly
from factory.operations.render_event import Renderer
from factory.store import event_pages
from factory.store.database import Store
from factory.store.event_pages import Filters, Place
from factory.store.factories import Factory
from factory.store.registries import Keys


class EventPage(NamedTuple):
    """Rendered events, and the cursor of the next page or None."""

    data: list[dict[str, Any]]
    next_cursor: str | None


def list_events(
    *,
    store: Store,
    factory: str,
    start: int | None,
    end: int | None,
    worker_id: str | None,
    workstation_id: str | None,
    event_type: str | None,
    source_id: str | None,
    cursor: str | None,
    limit: int,
) -> EventPage:
    """A page of events with `start` <= timestamp < `end` (microseconds) that pass the filters.

    Filters by names that nothing speaks of find nothing. Raises NotFound for an unknown factory,
    InvalidInput for a bad cursor or event type, or start after end.
    """
    require_order(start, end)
    if event_type is not None and event_type not in EVENT_TYPES:
        raise InvalidInput("event_type must be one of " + ", ".join(EVENT_TYPES), code="invalid_event_type")
    after = None if cursor is None else _read_cursor(cursor)

    def read(tx: Connection, site: Factory) -> EventPage:
        if site.first_event_at is None or site.last_event_at is None:
            return EventPage([], None)
        keys = Keys(store, site)
        named = [("worker", worker_id), ("workstation", workstation_id), ("source", source_id)]
        found = [None if name is None else keys.of(tx, kind, [name]).get(name, -1) for kind, name in named]
        filters = Filters(
            max(site.first_event_at, site.first_event_at if start is None else start),
            min(site.last_event_at + 1, site.last_event_at + 1 if end is None else end),
            found[0],
            found[1],
            None if event_type is None else EVENT_TYPES[event_type],
            found[2],
        )
        if -1 in found:
            return EventPage([], None)
        rows = event_pages.page(store, tx, site.factory_key, filters, after, limit + 1)
        render = Renderer(tx, site)
        more = len(rows) > limit
        rows = rows[:limit]
        data = [render.event(row[0], row[1], row[2:]) for row in rows]
        return EventPage(data, _write_cursor(event_pages.place_of(rows[-1])) if more else None)

    return read_exactly(store=store, factory=factory, read=read)


def _write_cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _read_cursor(cursor: str) -> Place:
    try:
        place = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=Place)
        if not all(-(2**63) <= number < 2**63 - 1 for number in place[:5]) or "\x00" in place[5]:
            raise ValueError
    except (binascii.Error, ValueError, RecursionError):
        fault: FieldError = {
            "field": "cursor",
            "code": "invalid_cursor",
            "message": "must be the next_cursor of an answer",
        }
        raise InvalidInput("cursor is not valid", code="invalid_cursor", errors=[fault]) from None
    return place
