"""From what a request shows to the caller it comes from."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from sqlalchemy import Connection

from factory.adapters.access.access_token import AccessTokens
from factory.adapters.access.secret_text import digest, same
from factory.domain.access.permissions import EVERYWHERE, OPERATOR, PLATFORM, ROLES, SCOPES, Caller
from factory.domain.errors import Unauthenticated
from factory.domain.timestamp import MINUTE
from factory.store.access import credentials
from factory.store.engine.database import Store

KEY_PREFIX = "fk_"
"""What every API key begins with, so that scanners of leaked secrets recognise it."""

_KEY = re.compile(rf"{KEY_PREFIX}([a-z2-7]{{12}})_([A-Za-z0-9_-]{{43}})")
_NO_LIMIT = 2**63
_MOST_KNOWN = 10_000


class _Known(NamedTuple):
    caller: Caller
    until: int


class Authenticator:
    """Finds the caller behind a credential; safe to share between the threads of a process.

    What was found is believed for `patience` microseconds: a revocation, a smaller role or a disabled user take effect
    within that time in every process, and at once in the one that was told (`forget`).
    """

    def __init__(self, *, store: Store, secret_key: str, patience: int) -> None:
        self._store = store.system()
        self._tokens = AccessTokens(secret_key)
        self._patience = patience
        self._known: dict[bytes, _Known] = {}

    def caller(self, credential: str, *, now: int) -> Caller:
        """The caller of an API key or an access token. Raises Unauthenticated, Unavailable."""
        name = hashlib.sha256(credential.encode(errors="surrogatepass")).digest()
        known = self._known.get(name)
        if known is None or not now < known.until <= now + self._patience:
            find = self._of_key if credential.startswith(KEY_PREFIX) else self._of_token
            caller, ends = find(credential, now)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[name] = _Known(caller, min(now + self._patience, ends))
        return known.caller

    def forget(self) -> None:
        """Look everything up anew: keys, sessions or roles have changed."""
        self._known.clear()

    def _of_key(self, key: str, now: int) -> tuple[Caller, int]:
        parts = _KEY.fullmatch(key)
        if parts is None:
            raise _bad_key()
        with self._store.snapshot() as tx:
            row = credentials.key_of(tx, parts[1])
        if row is None or not same(row.secret_hash, digest(parts[2])) or row.revoked_at is not None:
            raise _bad_key()
        ends = _NO_LIMIT if row.expires_at is None else row.expires_at
        if ends <= now:
            raise Unauthenticated("The API key has expired", code="key_expired")
        if row.last_used_at is None or row.last_used_at < now - MINUTE:
            with self._store.writing() as tx:
                credentials.note_use(tx, row.api_key, now)
        caller = Caller(
            name=f"key {KEY_PREFIX}{row.key_id}",
            organisation=row.organisation_key,
            granted={row.factory_id: SCOPES[row.scope]},
            api_key=row.api_key,
        )
        return caller, ends

    def _of_token(self, text: str, now: int) -> tuple[Caller, int]:
        token = self._tokens.read(text, now=now)
        with self._store.snapshot() as tx:
            return _caller_of_session(tx, token.session_id, token.user_id, now), token.expires_at


def _caller_of_session(tx: Connection, session_id: str, user_id: str, now: int) -> Caller:
    row = credentials.session_of(tx, session_id)
    ended = row is None or row.revoked_at is not None or row.expires_at <= now
    if row is None or ended or row.disabled or row.user_id != user_id:
        raise Unauthenticated("The session has ended", code="session_ended")
    granted = {factory: ROLES[role] for factory, role in credentials.roles_of(tx, row.user_key).items()}
    return Caller(
        name=row.email,
        organisation=row.organisation_key,
        granted={EVERYWHERE: OPERATOR} if row.organisation_key == PLATFORM else granted,
        user_key=row.user_key,
        session_key=row.session_key,
        must_change_password=row.must_change_password,
    )


def _bad_key() -> Unauthenticated:
    return Unauthenticated("The API key is not valid", code="invalid_key")
