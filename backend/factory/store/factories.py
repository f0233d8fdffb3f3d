"""Factories and their settings."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from factory.domain.errors import Conflict, NotFound
from factory.domain.timestamp import SECOND
from factory.store.engine.tenant import acting_organisation
from factory.store.schema import factories

DEFAULT_FACTORY = "default"

_COLUMNS = [column for column in factories.c if column.name != "zone_file"]
_BY_ID = select(*_COLUMNS).where(
    factories.c.organisation_key == bindparam("organisation_key"), factories.c.factory_id == bindparam("factory_id")
)


class Factory(NamedTuple):
    """A row of the table of factories; `shifts` are JSON."""

    factory_key: int
    organisation_key: int
    factory_id: str
    name: str
    time_zone: str
    state_timeout_seconds: int
    shifts: str
    generation: int
    building: int | None
    building_seen_at: int | None
    registry_epoch: int
    first_event_at: int | None
    last_event_at: int | None
    retained_from: int | None
    person_views: bool | None
    pseudonym_key: bytes
    live_states: bool
    zone_rules: str | None
    """The name of the time zone rules by which the valid generation was made; None if nobody noted it."""

    @property
    def timeout(self) -> int:
        """The state timeout in microseconds; 0 for no limit."""
        return self.state_timeout_seconds * SECOND


def find(tx: Connection, factory_id: str) -> Factory:
    """Return the factory of an id in the acting organisation; raises NotFound."""
    organisation = acting_organisation(tx)
    assert organisation is not None, "a factory's id means nothing without its organisation"
    row = tx.execute(_BY_ID, {"organisation_key": organisation, "factory_id": factory_id}).first()
    if row is None:
        raise NotFound("Factory not found", code="factory_not_found")
    return Factory(*row)


def list_factories(tx: Connection) -> Sequence[Factory]:
    """List the factories of the acting organisation by id; in a system transaction those of all organisations."""
    query = select(*_COLUMNS).order_by(factories.c.factory_id, factories.c.factory_key)
    organisation = acting_organisation(tx)
    if organisation is not None:
        query = query.where(factories.c.organisation_key == organisation)
    return [Factory(*row) for row in tx.execute(query)]


def add(tx: Connection, values: dict[str, Any]) -> None:
    """Add a factory of the acting organisation: its id, its name and its settings as columns; raises Conflict."""
    more = {"organisation_key": acting_organisation(tx), "pseudonym_key": secrets.token_bytes(32)}
    try:
        tx.execute(insert(factories).values(**values, **more, generation=1, registry_epoch=1))
    except IntegrityError:
        raise Conflict("A factory with this id exists", code="already_exists") from None


def change(tx: Connection, factory_key: int, values: dict[str, Any]) -> None:
    """Set columns of a factory."""
    tx.execute(update(factories).where(factories.c.factory_key == factory_key).values(**values))


def zone_file(tx: Connection, factory_key: int) -> bytes:
    """Return the file (TZif) of the time zone rules by which the valid generation was made."""
    stored: bytes = tx.execute(select(factories.c.zone_file).where(factories.c.factory_key == factory_key)).scalar_one()
    return stored


def widen(tx: Connection, factory_key: int, first: int, last: int) -> None:
    """Extend the time span of the factory's events to include [first, last]."""
    low, high = factories.c.first_event_at, factories.c.last_event_at
    tx.execute(
        update(factories)
        .where(factories.c.factory_key == factory_key)
        .where((func.coalesce(low, first + 1) > first) | (func.coalesce(high, last - 1) < last))
        .values(
            first_event_at=text("CASE WHEN first_event_at < :first THEN first_event_at ELSE :first END"),
            last_event_at=text("CASE WHEN last_event_at > :last THEN last_event_at ELSE :last END"),
        ),
        {"first": first, "last": last},
    )
