"""API keys of a factory. Only the hash of a key's secret is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from factory.store.access_schema import api_keys
from factory.store.schema import factories


class Key(NamedTuple):
    """A row of the table of keys, without the hash; instants in microseconds."""

    api_key: int
    key_id: str
    name: str
    scope: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None
    created_by: str | None


_COLUMNS = [api_keys.c[name] for name in Key._fields]


def add(
    tx: Connection,
    *,
    organisation_key: int,
    factory_key: int,
    key_id: str,
    name: str,
    scope: str,
    secret_hash: bytes,
    now: int,
    expires_at: int | None,
    created_by: str,
    created_by_user: int | None,
) -> None:
    """Add an unused key."""
    row = {
        "organisation_key": organisation_key,
        "factory_key": factory_key,
        "key_id": key_id,
        "name": name,
        "scope": scope,
        "secret_hash": secret_hash,
        "created_at": now,
        "expires_at": expires_at,
        "created_by": created_by,
        "created_by_user": created_by_user,
    }
    tx.execute(insert(api_keys).values(row))


def list_keys(tx: Connection, factory_key: int) -> Sequence[Key]:
    """List the keys of a factory, oldest first, revoked and expired ones included."""
    query = select(*_COLUMNS).where(api_keys.c.factory_key == factory_key).order_by(api_keys.c.api_key)
    return [Key(*row) for row in tx.execute(query)]


def find(tx: Connection, factory_key: int, key_id: str, *, for_update: bool = False) -> Key | None:
    """Return a key of a factory, or None; with `for_update` the row is locked until commit."""
    query = select(*_COLUMNS).where(api_keys.c.factory_key == factory_key, api_keys.c.key_id == key_id)
    row = tx.execute(query.with_for_update() if for_update else query).first()
    return None if row is None else Key(*row)


def expire(tx: Connection, api_key: int, at: int) -> None:
    """Set the instant at which a key expires."""
    tx.execute(update(api_keys).where(api_keys.c.api_key == api_key).values(expires_at=at))


def revoke(tx: Connection, api_key: int, now: int) -> None:
    """Revoke a key at `now`."""
    tx.execute(update(api_keys).where(api_keys.c.api_key == api_key).values(revoked_at=now))


class KeyOfMaker(NamedTuple):
    """A key in force, with its factory, as a list of its maker's keys shows it."""

    api_key: int
    key_id: str
    name: str
    scope: str
    factory_key: int
    factory_id: str


def in_force_of_maker(tx: Connection, organisation_key: int, user_key: int, now: int) -> Sequence[KeyOfMaker]:
    """List the keys that a user of the organisation made and that have not ended, oldest first."""
    unended = api_keys.c.revoked_at.is_(None) & (api_keys.c.expires_at.is_(None) | (api_keys.c.expires_at > now))
    query = (
        select(*[api_keys.c[name] for name in KeyOfMaker._fields[:-1]], factories.c.factory_id)
        .join_from(api_keys, factories)
        .where(api_keys.c.organisation_key == organisation_key, api_keys.c.created_by_user == user_key, unended)
    )
    return [KeyOfMaker(*row) for row in tx.execute(query.order_by(api_keys.c.api_key))]


def forget_maker(tx: Connection, organisation_key: int, user_key: int) -> None:
    """Take a removed user out of the keys that they made, whose number another may get; the name stays."""
    of_maker = (api_keys.c.organisation_key == organisation_key) & (api_keys.c.created_by_user == user_key)
    tx.execute(update(api_keys).where(of_maker).values(created_by_user=None))
