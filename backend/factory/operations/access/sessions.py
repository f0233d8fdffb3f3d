"""Sessions: begun by a sign-in, kept by refreshing, ended by signing out, by disuse, or by a token that comes twice.

A refresh token serves once. Each is computed from the one before, so that the immediate predecessor, which comes
again when an answer was lost or when two tabs wake at once, is given the very same successor for a few seconds.
Whatever else comes again was stolen from somebody: the session ends for the thief and for the owner.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection

from factory.adapters.access.secret_text import digest, random_id, random_secret, same
from factory.domain.access.network import region_of
from factory.domain.access.permissions import Actor
from factory.domain.errors import NotFound, Unauthenticated
from factory.domain.timestamp import SECOND, format_timestamp
from factory.operations.access.services import AuthServices
from factory.operations.audit_trail import record
from factory.store.access import sessions
from factory.store.access.users import User
from factory.store.engine.database import Store

PREDECESSOR_SERVES = 10 * SECOND


class Issued(NamedTuple):
    """The tokens of a sign-in or a refresh; `expires_in` and `lasts` are in seconds."""

    user_id: str
    access_token: str
    expires_in: int
    refresh_token: str
    lasts: int
    csrf_token: str
    must_change_password: bool


def begin_session(
    tx: Connection, services: AuthServices, user: User, *, by: Actor, by_provider: bool = False
) -> Issued:
    """Return a new session of a user, in the transaction of the sign-in."""
    session_id, secret, now = random_id(), random_secret(), by.now
    expires_at = now + min(services.session_lasts, services.session_ends)
    values = {
        "organisation_key": user.organisation_key,
        "user_key": user.user_key,
        "session_id": session_id,
        "refresh_hash": digest(secret),
        "created_at": now,
        "refreshed_at": now,
        "expires_at": expires_at,
        "network": region_of(by.address),
        "browser": by.browser,
        "by_provider": by_provider,
    }
    sessions.add(tx, values)
    return _issued(services, user.user_id, session_id, secret, user.must_change_password, now, expires_at)


def refresh_session(*, store: Store, services: AuthServices, refresh_token: str, by: Actor) -> Issued:
    """Return a new access token and refresh token. Raises Unauthenticated if the session has ended, or now ends."""
    session_id, _, secret = refresh_token.partition(".")
    with store.system().writing() as tx:
        issued = _refreshed(tx, services, session_id, secret, by)
    if issued is None:  # raised here, so that the end of a session is committed
        raise Unauthenticated("The session has ended; sign in again", code="session_ended")
    return issued


def end_session(*, store: Store, session_key: int, by: Actor) -> None:
    """Sign out."""
    with store.writing() as tx:
        if sessions.end(tx, session_key, by.now):
            record(tx, by, "session.signed_out", subject=by.name)


def end_all_sessions(*, store: Store, user_key: int, by: Actor) -> None:
    """Sign out everywhere."""
    with store.writing() as tx:
        sessions.end_all(tx, user_key, by.now)
        record(tx, by, "session.signed_out", subject=by.name, detail={"everywhere": True})


def list_sessions(*, store: Store, user_key: int, own: int | None, by: Actor) -> list[dict[str, Any]]:
    """Return a user's sessions that last, the last used first; `own` is the caller's."""
    with store.snapshot() as tx:
        found = sessions.of_user(tx, by.organisation, user_key, by.now)
    return [
        {
            "session_id": row.session_id,
            "signed_in_at": format_timestamp(row.created_at),
            "last_used_at": format_timestamp(row.refreshed_at),
            "expires_at": format_timestamp(row.expires_at),
            "network": row.network or "",
            "browser": row.browser or "",
            "by_provider": bool(row.by_provider),
            "current": row.session_key == own,
        }
        for row in found
    ]


def end_one(*, store: Store, user_key: int, session_id: str, by: Actor) -> None:
    """End one session of a user. Raises NotFound."""
    with store.writing() as tx:
        rows = {row.session_id: row for row in sessions.of_user(tx, by.organisation, user_key, by.now)}
        row = rows.get(session_id)
        if row is None:
            raise NotFound("Session not found", code="session_not_found")
        if sessions.end(tx, row.session_key, by.now):
            record(tx, by, "session.ended", subject=row.email, detail={"network": row.network or ""})


def csrf_token(services: AuthServices, refresh_token: str) -> str:
    """Return the text to send beside the cookie of a refresh token; another site's page can neither read nor make it.

    It is the session's, so that a cookie that another host of the domain planted does not fit either.
    """
    session_id = refresh_token.partition(".")[0]
    return _text(hmac.digest(services.csrf_key, session_id.encode(errors="surrogatepass"), "sha256"))


def _refreshed(tx: Connection, services: AuthServices, session_id: str, secret: str, by: Actor) -> Issued | None:
    row = sessions.lock_session(tx, session_id)
    if row is None or row.revoked_at is not None or row.expires_at <= by.now or row.disabled:
        return None
    ends = row.created_at + services.session_ends
    if ends <= by.now:  # it was begun under a longer SESSION_MAX_DAYS
        sessions.end(tx, row.session_key, by.now)
        return None
    expires_at = min(by.now + services.session_lasts, ends)
    successor = _text(
        hmac.digest(services.refresh_key, f"{session_id}.{secret}".encode(errors="surrogatepass"), "sha256")
    )
    given = digest(secret)
    if same(given, row.refresh_hash):
        rotated = {
            "refresh_hash": digest(successor),
            "previous_hash": given,
            "refreshed_at": by.now,
            "expires_at": expires_at,
        }
        sessions.change(tx, row.session_key, rotated)
    elif not _is_just_replaced(row, given, by.now):
        sessions.end(tx, row.session_key, by.now)
        owner = replace(by, name=row.email, organisation=row.organisation_key)
        record(tx, owner, "session.reused", subject=row.email)
        return None
    return _issued(services, row.user_id, session_id, successor, row.must_change_password, by.now, expires_at)


def _is_just_replaced(row: Any, given: bytes, now: int) -> bool:
    if row.previous_hash is None or now - row.refreshed_at > PREDECESSOR_SERVES:
        return False
    return same(given, row.previous_hash)


def _issued(
    services: AuthServices, user_id: str, session_id: str, secret: str, must_change: bool, now: int, ends: int
) -> Issued:
    expires_at = min(now + services.token_lasts, ends)
    refresh_token = f"{session_id}.{secret}"
    return Issued(
        user_id=user_id,
        access_token=services.tokens.sign(user_id=user_id, session_id=session_id, now=now, expires_at=expires_at),
        expires_in=(expires_at - now) // SECOND,
        refresh_token=refresh_token,
        lasts=(ends - now) // SECOND,
        csrf_token=csrf_token(services, refresh_token),
        must_change_password=must_change,
    )


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()
