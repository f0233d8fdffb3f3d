"""Look-ups of a request's credentials: keys and sessions of all organisations, in system transactions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, select, update

from factory.domain.access.permissions import EVERYWHERE
from factory.store.access_schema import api_keys, memberships, sessions, users
from factory.store.schema import factories, organisations

_MOST_KEYS = 100_000


def key_of(tx: Connection, key_id: str) -> Any | None:
    """Return a key with the id of its factory (`factory_id`), or None."""
    query = select(api_keys, factories.c.factory_id).join_from(api_keys, factories)
    return tx.execute(query.where(api_keys.c.key_id == key_id)).first()


def note_use(tx: Connection, api_key: int, now: int) -> None:
    """Set the instant at which a key was last used."""
    tx.execute(update(api_keys).where(api_keys.c.api_key == api_key).values(last_used_at=now))


def session_of(tx: Connection, session_id: str) -> Any | None:
    """Return a session with its user's state and what the organisation asks for (`second_factor`), or None."""
    of_user = [users.c[name] for name in ("user_id", "email", "disabled", "must_change_password", "totp_confirmed")]
    same = sessions.c.organisation_key == organisations.c.organisation_key
    query = select(sessions, *of_user, organisations.c.second_factor).join_from(sessions, users)
    return tx.execute(query.join(organisations, same).where(sessions.c.session_id == session_id)).first()


def _same(one: Table, other: Table, key: str) -> Any:
    return (one.c[key] == other.c[key]) & (one.c.organisation_key == other.c.organisation_key)


def roles_of(tx: Connection, user_key: int) -> Mapping[str, str]:
    """Return a user's roles by factory id, or EVERYWHERE."""
    query = (
        select(memberships.c.factory_key, factories.c.factory_id, memberships.c.role)
        # The organisation again: no foreign key says that user, factory and row are of the same one.
        .join_from(memberships, users, _same(memberships, users, "user_key"))
        .join(factories, _same(memberships, factories, "factory_key"), isouter=True)
        .where(memberships.c.user_key == user_key)
    )
    found = ((EVERYWHERE if row.factory_key == 0 else row.factory_id, row.role) for row in tx.execute(query))
    return {factory_id: role for factory_id, role in found if factory_id is not None}


def hashes_of_keys(tx: Connection, now: int) -> frozenset[bytes]:
    """Return the hashes of the secrets of all keys in force, of the 100,000 newest where there are more."""
    unexpired = api_keys.c.expires_at.is_(None) | (api_keys.c.expires_at > now)
    query = select(api_keys.c.secret_hash).where(api_keys.c.revoked_at.is_(None), unexpired)
    return frozenset(tx.execute(query.order_by(api_keys.c.api_key.desc()).limit(_MOST_KEYS)).scalars())
