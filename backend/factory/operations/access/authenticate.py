"""Find the caller behind an API key or an access token."""

from __future__ import annotations

import hashlib
import re
from threading import Lock
from typing import NamedTuple

from cachetools import LRUCache
from sqlalchemy import Connection

from factory.adapters.access.access_token import AccessTokens
from factory.adapters.access.secret_text import digest, same
from factory.domain.access.permissions import EVERYWHERE, OPERATOR, PLATFORM, ROLES, SCOPES, Caller
from factory.domain.access.second_factor import OFF, is_required
from factory.domain.errors import Unauthenticated
from factory.domain.timestamp import MINUTE, SECOND
from factory.store.access import credentials
from factory.store.engine.database import Store

KEY_PREFIX = "fk_"
"""The beginning of every API key, by which scanners of leaked secrets recognise one."""

_KEY = re.compile(rf"{KEY_PREFIX}([a-z2-7]{{12}})_([A-Za-z0-9_-]{{43}})")
_NO_LIMIT = 2**63
_MAX_CACHED = 10_000
_SECRETS_SERVE = 10 * SECOND


class _Cached(NamedTuple):
    caller: Caller
    until: int


class Authenticator:
    """Finds the caller behind a credential; safe to share between the threads of a process.

    A caller is cached for `patience` microseconds: a revocation, a smaller role or a disabled user take effect within
    that time in every process, and at once in the process that calls `forget`. Not a TTLCache: its clock would be
    another one than the request's, and a key or token may end sooner.
    """

    def __init__(self, *, store: Store, secret_key: str, patience: int, second_factor: str = OFF) -> None:
        self._store = store.system()
        self._tokens = AccessTokens(secret_key)
        self._patience = patience
        self._second_factor = second_factor
        self._cache: LRUCache[bytes, _Cached] = LRUCache(_MAX_CACHED)
        self._lock = Lock()
        self._secrets: frozenset[bytes] = frozenset()
        self._secrets_until = 0
        self._secrets_lock = Lock()

    def caller(self, credential: str, *, now: int) -> Caller:
        """Return the caller of an API key or an access token. Raises Unauthenticated, Unavailable."""
        name = hashlib.sha256(credential.encode(errors="surrogatepass")).digest()
        with self._lock:
            cached = self._cache.get(name)
        if cached is None or not now < cached.until <= now + self._patience:
            find = self._find_key if credential.startswith(KEY_PREFIX) else self._find_session
            caller, ends = find(credential, now)
            cached = _Cached(caller, min(now + self._patience, ends))
            with self._lock:
                self._cache[name] = cached
        return cached.caller

    def is_ours(self, credential: str, *, now: int) -> bool:
        """Return whether it is a key in force or a token that we signed; asks the database once in ten seconds at most.

        A key made in another process is known after that time.
        """
        if credential.startswith(KEY_PREFIX):
            parts = _KEY.fullmatch(credential)
            return parts is not None and digest(parts[2]) in self._hashes_of_keys(now)
        try:
            self._tokens.read(credential, now=now)
        except Unauthenticated as refusal:
            return refusal.code == "token_expired"
        return True

    def _hashes_of_keys(self, now: int) -> frozenset[bytes]:
        with self._secrets_lock:
            if not now < self._secrets_until <= now + _SECRETS_SERVE:
                with self._store.snapshot() as tx:
                    self._secrets = credentials.hashes_of_keys(tx, now)
                self._secrets_until = now + _SECRETS_SERVE
            return self._secrets

    def forget(self) -> None:
        """Clear the cache, after keys, sessions or roles have changed."""
        with self._lock:
            self._cache.clear()
        with self._secrets_lock:
            self._secrets_until = 0

    def _find_key(self, key: str, now: int) -> tuple[Caller, int]:
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

    def _find_session(self, text: str, now: int) -> tuple[Caller, int]:
        token = self._tokens.read(text, now=now)
        with self._store.snapshot() as tx:
            return self._caller_of_session(tx, token.session_id, token.user_id, now), token.expires_at

    def _caller_of_session(self, tx: Connection, session_id: str, user_id: str, now: int) -> Caller:
        row = credentials.session_of(tx, session_id)
        ended = row is None or row.revoked_at is not None or row.expires_at <= now
        if row is None or ended or row.disabled or row.user_id != user_id:
            raise Unauthenticated("The session has ended", code="session_ended")
        roles = credentials.roles_of(tx, row.user_key)
        is_operator = row.organisation_key == PLATFORM
        asked = (self._second_factor, row.second_factor)
        return Caller(
            name=row.email,
            organisation=row.organisation_key,
            granted={EVERYWHERE: OPERATOR}
            if is_operator
            else {factory_id: ROLES[role] for factory_id, role in roles.items()},
            user_key=row.user_key,
            session_key=row.session_key,
            must_change_password=row.must_change_password,
            needs_second_factor=not row.by_provider and is_required(asked, roles.values(), is_operator=is_operator),
            has_second_factor=row.totp_confirmed,
        )


def _bad_key() -> Unauthenticated:
    return Unauthenticated("The API key is not valid", code="invalid_key")
