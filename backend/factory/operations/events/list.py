"""The stored events, newest first."""

from __future__ import annotations

import base64
import binascii
import hmac
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
    audience: Audience,
) -> EventPage:
    """A page of events with `start` <= timestamp < `end` (microseconds) that pass the filters.

    Filters by names that nothing speaks of find nothing. Raises NotFound for an unknown factory, NotAllowed where
    they would tell the audience of single persons, InvalidInput for a bad cursor or event type, or start after end.
    """
    require_order(start, end)
    if event_type is not None and event_type not in EVENT_TYPES:
        raise InvalidInput("event_type must be one of " + ", ".join(EVENT_TYPES), code="invalid_event_type")

    def read(tx: Connection, site: Factory) -> EventPage:
        persons = Persons(tx, site, audience)
        persons.refuse_traces()
        cursors = _Cursors(None if persons.are_shown else site.pseudonym_key)
        after = None if cursor is None else cursors.read(cursor)
        if site.first_event_at is None or site.last_event_at is None:
            return EventPage([], None)
        ids = IdResolver(store, site)
        named = [("workstation", workstation_id), ("source", source_id)]
        found = [None if name is None else ids.keys_of(tx, kind, [name]).get(name, -1) for kind, name in named]
        found.insert(0, None if worker_id is None else persons.key_of(worker_id))
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
        rows = event_listing.page(store, tx, site.factory_key, filters, after, limit + 1)
        render = Renderer(tx, site, persons)
        more = len(rows) > limit
        rows = rows[:limit]
        data = [render.event(row[0], row[1], row[2:]) for row in rows]
        return EventPage(data, cursors.write(event_listing.place_of(rows[-1])) if more else None)

    return read_up_to_date(store=store, factory=factory, read=read)


class _Cursors:
    """Cursors name the place of an event. Its event_id may be made from a person's id, and the order of workers' keys

    tells who came first: for who sees no persons they are sealed with a key, the same place in the same way.
    """

    def __init__(self, key: bytes | None) -> None:
        self._seal = None if key is None else AESSIV(hmac.digest(key, b"cursor", "sha256"))

    def write(self, place: Place) -> str:
        text = msgspec.json.encode(place)
        sealed = text if self._seal is None else self._seal.encrypt(text, None)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def read(self, cursor: str) -> Place:
        """Raises InvalidInput."""
        try:
            text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            text = text if self._seal is None else self._seal.decrypt(text, None)
            place = msgspec.json.decode(text, type=Place)
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
