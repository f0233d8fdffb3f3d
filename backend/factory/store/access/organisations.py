"""Organisations: the tenants, and the organisation of the platform's operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from factory.domain.access.permissions import PLATFORM
from factory.domain.errors import Conflict, NotFound
from factory.store.access import audit_log
from factory.store.schema import organisations as table


class Organisation(NamedTuple):
    """A row of the table of organisations."""

    organisation_key: int
    organisation_id: str
    name: str
    second_factor: str | None = None


def by_key(tx: Connection, organisation_key: int) -> Organisation:
    """Return the organisation of a key."""
    return Organisation(*tx.execute(select(table).where(table.c.organisation_key == organisation_key)).one())


def key_of(tx: Connection, organisation_id: str) -> int | None:
    """Return the key of an organisation, or None."""
    return tx.execute(select(table.c.organisation_key).where(table.c.organisation_id == organisation_id)).scalar()


def find(tx: Connection, organisation_id: str) -> Organisation:
    """Return the organisation of an id, except the platform's; raises NotFound."""
    query = select(table).where(table.c.organisation_id == organisation_id, table.c.organisation_key != PLATFORM)
    row = tx.execute(query).first()
    if row is None:
        raise NotFound("Organisation not found", code="organisation_not_found")
    return Organisation(*row)


def list_organisations(tx: Connection) -> Sequence[Organisation]:
    """List all organisations except the platform's, by id."""
    query = select(table).where(table.c.organisation_key != PLATFORM).order_by(table.c.organisation_id)
    return [Organisation(*row) for row in tx.execute(query)]


def add(tx: Connection, organisation_id: str, name: str) -> Organisation:
    """Add an organisation with an empty audit trail; raises Conflict."""
    values = {"organisation_id": organisation_id, "name": name}
    try:
        key: int = tx.execute(insert(table).values(values).returning(table.c.organisation_key)).scalar_one()
    except IntegrityError:
        raise Conflict("An organisation with this id exists", code="already_exists") from None
    audit_log.begin_chain(tx, key)
    return Organisation(key, organisation_id, name)


def change(tx: Connection, organisation_key: int, values: Mapping[str, str | None]) -> None:
    """Set columns of an organisation."""
    tx.execute(update(table).where(table.c.organisation_key == organisation_key).values(dict(values)))
