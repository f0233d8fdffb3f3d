"""Sessions of signed-in users, in system transactions or those of the user's organisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from factory.store.access_schema import sessions, users


def add(tx: Connection, values: Mapping[str, Any]) -> None:
    """Add a session by its columns, and remove the ended sessions of its user."""
    ended = sessions.c.revoked_at.is_not(None) | (sessions.c.expires_at <= values["created_at"])
    tx.execute(delete(sessions).where(sessions.c.user_key == values["user_key"], ended))
    tx.execute(insert(sessions).values(dict(values)))


def lock_session(tx: Connection, session_id: str) -> Any | None:
    """Lock a session until commit; the row with `user_id`, `email`, `disabled`, `must_change_password`, or None."""
    query = select(sessions, users.c.user_id, users.c.email, users.c.disabled, users.c.must_change_password)
    query = query.join_from(sessions, users).where(sessions.c.session_id == session_id)
    return tx.execute(query.with_for_update(of=sessions)).first()


def of_user(tx: Connection, organisation_key: int, user_key: int, now: int) -> Sequence[Any]:
    """Return the open sessions of a user with the user's `email`, the last used first."""
    open_still = sessions.c.revoked_at.is_(None) & (sessions.c.expires_at > now)
    own = (sessions.c.organisation_key == organisation_key) & (sessions.c.user_key == user_key)
    query = select(sessions, users.c.email).join_from(sessions, users).where(own, open_still)
    return tx.execute(query.order_by(sessions.c.refreshed_at.desc(), sessions.c.session_key.desc())).all()


def id_of(tx: Connection, session_key: int) -> str:
    """Return the id of a session; empty where it has been removed."""
    found = tx.execute(select(sessions.c.session_id).where(sessions.c.session_key == session_key)).scalar()
    return found or ""


def is_by_provider(tx: Connection, session_key: int) -> bool:
    """Return whether the OpenID provider began a session."""
    return bool(tx.execute(select(sessions.c.by_provider).where(sessions.c.session_key == session_key)).scalar())


def change(tx: Connection, session_key: int, values: Mapping[str, Any]) -> None:
    """Set columns of a session."""
    tx.execute(update(sessions).where(sessions.c.session_key == session_key).values(dict(values)))


def end(tx: Connection, session_key: int, now: int) -> bool:
    """End a session; return whether it was open."""
    open_still = sessions.c.revoked_at.is_(None)
    changed = tx.execute(
        update(sessions).where(sessions.c.session_key == session_key, open_still).values(revoked_at=now)
    )
    return changed.rowcount == 1


def end_all(tx: Connection, user_key: int, now: int, *, but: int | None = None) -> None:
    """End all sessions of a user, except `but`."""
    condition = sessions.c.user_key == user_key
    if but is not None:
        condition &= sessions.c.session_key != but
    tx.execute(update(sessions).where(condition, sessions.c.revoked_at.is_(None)).values(revoked_at=now))
