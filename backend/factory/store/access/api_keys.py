"""API keys of a factory. Only the hash of a key's secret is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from factory.store.access_schema import api_keys


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
