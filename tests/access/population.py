"""Organisations with factories, people and keys, written straight into the tables.

So no test of access leans on the operations that it tests.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from argon2 import Parameters, Type
from sqlalchemy import insert, select, update

from factory.adapters.access.access_token import AccessTokens
from factory.adapters.access.password_hashes import PasswordHashes
from factory.adapters.access.secret_text import digest, random_id, random_secret
from factory.domain.shifts import DEFAULT_SHIFTS
from factory.store import Store, factories
from factory.store.access import audit_log
from factory.store.access_schema import api_keys, memberships, sessions, users
from factory.store.schema import factories as factory_table
from factory.store.schema import organisations

SECRET_KEY = "only-for-tests: 0123456789abcdef-ghijklmnop"
CHEAP_HASHES = PasswordHashes(Parameters(Type.ID, 19, 16, 32, 1, 1024, 1))
"""Hashes that cost a test next to nothing, where the product's cost a fifth of a second."""

SECOND = 1_000_000
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND

_numbers = itertools.count(1)


@dataclass(frozen=True)
class User:
    organisation: int
    user_key: int
    user_id: str
    email: str


@dataclass(frozen=True)
class Session:
    session_id: str
    token: str
    refresh_token: str


@dataclass(frozen=True)
class Key:
    key_id: str
    text: str


class Population:
    """Adds to a store; instants are relative to `now` in microseconds."""

    def __init__(self, store: Store, now: int, secret_key: str = SECRET_KEY) -> None:
        self.store = store
        self.now = now
        self.tokens = AccessTokens(secret_key)

    def organisation(self, organisation_id: str) -> int:
        """Add an organisation and return its key."""
        with self.store.system().writing() as tx:
            values = {"organisation_id": organisation_id, "name": organisation_id}
            key: int = tx.execute(insert(organisations).values(values)).inserted_primary_key[0]
            audit_log.begin_chain(tx, key)
        return key

    def factory(self, organisation: int, factory_id: str, **more: Any) -> None:
        values = {"name": factory_id, "time_zone": "UTC", "state_timeout_seconds": 3600, **more}
        with self.store.acting_for(organisation).writing() as tx:
            factories.add(tx, {"factory_id": factory_id, "shifts": json.dumps(DEFAULT_SHIFTS), **values})

    def user(self, organisation: int, roles: Mapping[str, str], **columns: Any) -> User:
        """Add a user with roles by factory id, or "*"; `columns` are those of the table that differ."""
        number, user_id = next(_numbers), random_id()
        values = {
            "organisation_key": organisation,
            "user_id": user_id,
            "email": f"user-{number}@example.org",
            "name": f"User {number}",
            "password_hash": None,
            "must_change_password": False,
            "totp_confirmed": False,
            "disabled": False,
            "created_at": self.now - DAY,
            **columns,
        }
        with self.store.system().writing() as tx:
            user_key: int = tx.execute(insert(users).values(values)).inserted_primary_key[0]
            for factory_id, role in roles.items():
                row = {
                    "organisation_key": organisation,
                    "user_key": user_key,
                    "factory_key": 0 if factory_id == "*" else self._factory_key(tx, organisation, factory_id),
                    "role": role,
                }
                tx.execute(insert(memberships).values(row))
        return User(organisation, user_key, user_id, values["email"])

    def session(self, user: User, **columns: Any) -> Session:
        """Sign a user in and return the session with its access token."""
        session_id, secret = random_id(), random_secret()
        values = {
            "organisation_key": user.organisation,
            "user_key": user.user_key,
            "session_id": session_id,
            "refresh_hash": digest(secret),
            "created_at": self.now - HOUR,
            "refreshed_at": self.now - HOUR,
            "expires_at": self.now + DAY,
            **columns,
        }
        with self.store.system().writing() as tx:
            tx.execute(insert(sessions).values(values))
        return Session(session_id, self.signed(user, session_id), f"{session_id}.{secret}")

    def signed(self, user: User, session_id: str, *, expires_in: int = HOUR) -> str:
        expires_at = self.now + expires_in
        return self.tokens.sign(user_id=user.user_id, session_id=session_id, now=self.now, expires_at=expires_at)

    def token(self, organisation: int, roles: Mapping[str, str], **columns: Any) -> str:
        """Add a user and return the access token."""
        return self.session(self.user(organisation, roles, **columns)).token

    def key(self, organisation: int, factory_id: str, scope: str, **columns: Any) -> Key:
        """Add an API key of a factory; `last_used_at` is now, so that its use changes nothing."""
        key_id, secret = random_id(), random_secret()
        with self.store.system().writing() as tx:
            values = {
                "organisation_key": organisation,
                "factory_key": self._factory_key(tx, organisation, factory_id),
                "key_id": key_id,
                "name": f"Key {key_id}",
                "scope": scope,
                "secret_hash": digest(secret),
                "created_at": self.now - DAY,
                "last_used_at": self.now,
                **columns,
            }
            tx.execute(insert(api_keys).values(values))
        return Key(key_id, f"fk_{key_id}_{secret}")

    def factory_key(self, organisation: int, factory_id: str) -> int:
        with self.store.system().snapshot() as tx:
            return self._factory_key(tx, organisation, factory_id)

    def show_persons(self, organisation: int, factory_id: str, shown: bool | None) -> None:
        with self.store.system().writing() as tx:
            mine = factory_table.c.factory_key == self._factory_key(tx, organisation, factory_id)
            tx.execute(update(factory_table).where(mine).values(person_views=shown))

    def _factory_key(self, tx: Any, organisation: int, factory_id: str) -> int:
        query = select(factory_table.c.factory_key).where(
            factory_table.c.organisation_key == organisation, factory_table.c.factory_id == factory_id
        )
        key: int = tx.execute(query).scalar_one()
        return key
