"""List stored events, newest first."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from sqlalchemy import Connection

from factory.domain.errors import FieldError, InvalidInput
from factory.domain.event import EVENT_TYPES
from factory.domain.metrics.window import require_order
from factory.domain.privacy import Audience
from factory.operations.derive.refresh import read_up_to_date
from factory.operations.events.render import Renderer
from factory.operations.visible_workers import Persons
from factory.store.engine.database import Store
from factory.store.events import event_listing
from factory.store.events.event_listing import Filters, Place
from factory.store.events.id_registry import IdResolver
from factory.store.factories import Factory

_UNREGISTERED = -1


class EventPage(NamedTuple):
    """Rendered events, and the cursor of the next page or None."""

    data: list[dict[str, Any]]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True)
class EventFilters:
    """The events with `start` <= timestamp < `end` (microseconds), and of these ids and this type; None is any."""

    start: int | None = None
    end: int | None = None
    worker_id: str | None = None
    workstation_id: str | None = None
    event_type: str | None = None
    source_id: str | None = None


def list_events(
    *, store: Store, factory_id: str, filters: EventFilters, cursor: str | None, limit: int, audience: Audience
) -> EventPage:
    """Return a page of the events that pass the filters; an id that is not registered finds nothing.

    Raises NotFound for an unknown factory, NotAllowed where single events would show the audience single persons,
    InvalidInput for a bad cursor or event type, or start after end.
    """
    require_order(filters.start, filters.end)
    if filters.event_type is not None and filters.event_type not in EVENT_TYPES:
        raise InvalidInput("event_type must be one of " + ", ".join(EVENT_TYPES), code="invalid_event_type")

    def read(tx: Connection, factory: Factory) -> EventPage:
        persons = Persons(tx, factory, audience)
        persons.refuse_traces()
        cursors = _Cursors(factory.pseudonym_key)
        after = None if cursor is None else cursors.read(cursor)
        keys = _filters_by_key(tx, factory, IdResolver(store, factory), persons, filters)
        if keys is None:
            return EventPage([], None)
        rows = event_listing.page(store, tx, factory.factory_key, keys, after, limit + 1)
        render = Renderer(tx, factory, persons)
        more = len(rows) > limit
        rows = rows[:limit]
        data = [render.event(row[0], row[1], row[2:]) for row in rows]
        return EventPage(data, cursors.write(event_listing.place_of(rows[-1])) if more else None)

    return read_up_to_date(store=store, factory_id=factory_id, read=read)


def _filters_by_key(
    tx: Connection, factory: Factory, ids: IdResolver, persons: Persons, filters: EventFilters
) -> Filters | None:
    """Return the filters with keys for ids and the window cut to the events stored; None where nothing can pass."""
    if factory.first_event_at is None or factory.last_event_at is None:
        return None
    keys = {}
    if filters.worker_id is not None:
        keys["worker"] = persons.key_of(filters.worker_id)
    if filters.workstation_id is not None:
        station_id = filters.workstation_id
        keys["station"] = ids.keys_of(tx, "workstation", [station_id]).get(station_id, _UNREGISTERED)
    if filters.source_id is not None:
        keys["source"] = ids.keys_of(tx, "source", [filters.source_id]).get(filters.source_id, _UNREGISTERED)
    if _UNREGISTERED in keys.values():
        return None
    first, end = factory.first_event_at, factory.last_event_at + 1
    return Filters(
        start=first if filters.start is None else max(first, filters.start),
        end=end if filters.end is None else min(end, filters.end),
        event_type=None if filters.event_type is None else EVENT_TYPES[filters.event_type],
        **keys,
    )


class _Cursors:
    """Cursors, which hold the place of an event in the order.

    An event_id may be made from a person's id, and the order of workers' keys shows who came first. So a cursor is
    encrypted, deterministically: the same place always has the same cursor.
    """

    def __init__(self, key: bytes) -> None:
        self._seal = AESSIV(hmac.digest(key, b"cursor", "sha256"))

    def write(self, place: Place) -> str:
        sealed = self._seal.encrypt(msgspec.json.encode(place), None)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def read(self, cursor: str) -> Place:
        """Return the place of a cursor. Raises InvalidInput."""
        try:
            sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            place = msgspec.json.decode(self._seal.decrypt(sealed, None), type=Place)
            if not all(-(2**63) <= number < 2**63 - 1 for number in place[:5]) or "\x00" in place[5]:
                raise ValueError
        except (binascii.Error, ValueError, RecursionError, InvalidTag):
            fault: FieldError = {
                "field": "cursor",
                "code": "invalid_cursor",
                "message": "must be the next_cursor of an answer",
            }
            raise InvalidInput("cursor is not valid", code="invalid_cursor", errors=[fault]) from None
        return place
