"""Users and their roles.

Functions that take an organisation's key have it in their condition. The look-ups for a sign-in, which knows no
organisation yet, need a system transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from factory.domain.access.permissions import EVERYWHERE
from factory.domain.errors import Conflict
from factory.store.access_schema import memberships, users
from factory.store.access_schema import openid_links as links
from factory.store.schema import factories, organisations

_ALL_FACTORIES = 0


class User(NamedTuple):
    """A row of the table of users."""

    user_key: int
    organisation_key: int
    user_id: str
    email: str
    name: str
    password_hash: str | None
    must_change_password: bool
    totp_secret: bytes | None
    totp_confirmed: bool
    totp_step: int | None
    oidc_issuer: str | None
    oidc_subject: str | None
    disabled: bool
    created_at: int
    last_sign_in_at: int | None


def lock_users(tx: Connection, organisation_key: int) -> None:
    """Lock the users and roles of an organisation against other changes, until commit (FOR NO KEY UPDATE)."""
    query = select(organisations.c.organisation_key).where(organisations.c.organisation_key == organisation_key)
    # FOR UPDATE would also block inserts whose foreign keys refer to the row: the audit trail's would be a deadlock.
    tx.execute(query.with_for_update(key_share=True))


def add(tx: Connection, values: Mapping[str, Any]) -> int:
    """Add a user by columns; return the key. Raises Conflict if the organisation has the e-mail address already."""
    try:
        key: int = tx.execute(insert(users).values(dict(values)).returning(users.c.user_key)).scalar_one()
    except IntegrityError:
        raise Conflict("A user with this e-mail address exists", code="already_exists") from None
    return key


def change(tx: Connection, user_key: int, values: Mapping[str, Any]) -> None:
    """Set columns of a user."""
    tx.execute(update(users).where(users.c.user_key == user_key).values(dict(values)))


def remove(tx: Connection, user_key: int) -> None:
    """Remove a user with all roles and sessions."""
    tx.execute(delete(users).where(users.c.user_key == user_key))


def use_code(tx: Connection, user_key: int, step: int) -> bool:
    """Mark the one-time code of a step as used; return False if it or a later one was used before."""
    unused = users.c.totp_step.is_(None) | (users.c.totp_step < step)
    return tx.execute(update(users).where(users.c.user_key == user_key, unused).values(totp_step=step)).rowcount == 1


def by_key(tx: Connection, user_key: int, *, for_update: bool = False) -> User | None:
    """Return a user, or None; with `for_update` the row is locked until commit."""
    query = select(users).where(users.c.user_key == user_key)
    return _user(tx.execute(query.with_for_update() if for_update else query).first())


def by_id(tx: Connection, organisation_key: int, user_id: str) -> User | None:
    """Return a user of the organisation, or None."""
    query = select(users).where(users.c.organisation_key == organisation_key, users.c.user_id == user_id)
    return _user(tx.execute(query).first())


def enabled_of_address(tx: Connection, email: str) -> Sequence[User]:
    """Return the enabled users of an e-mail address in all organisations, the oldest first."""
    query = select(users).where(users.c.email == email, users.c.disabled.is_(False))
    return [User(*row) for row in tx.execute(query.order_by(users.c.user_key))]


def of_subject(tx: Connection, issuer: str, subject: str) -> Sequence[User]:
    """Return the users, one in each organisation, that are linked to a subject of an OpenID provider."""
    further = select(links.c.user_key).where(links.c.issuer == issuer, links.c.subject == subject)
    linked = ((users.c.oidc_issuer == issuer) & (users.c.oidc_subject == subject)) | users.c.user_key.in_(further)
    return [User(*row) for row in tx.execute(select(users).where(linked).order_by(users.c.user_key))]


def is_linked(tx: Connection, user: User) -> bool:
    """Return whether a user is linked to some subject."""
    row = tx.execute(select(links.c.user_key).where(links.c.user_key == user.user_key)).first()
    return user.oidc_subject is not None or row is not None


def link(tx: Connection, user: User, issuer: str, subject: str) -> None:
    """Link a user of an organisation that has no other user of the subject."""
    if not of_subject(tx, issuer, subject):
        change(tx, user.user_key, {"oidc_issuer": issuer, "oidc_subject": subject})
        return
    row = {"organisation_key": user.organisation_key, "user_key": user.user_key, "issuer": issuer, "subject": subject}
    tx.execute(insert(links).values(row))


def list_users(tx: Connection, organisation_key: int) -> Sequence[User]:
    """List the users of the organisation by e-mail address."""
    query = select(users).where(users.c.organisation_key == organisation_key).order_by(users.c.email)
    return [User(*row) for row in tx.execute(query)]


def roles(tx: Connection, organisation_key: int, user_key: int | None = None) -> dict[int, dict[str, str]]:
    """Return, by user key, the roles by factory id or EVERYWHERE, of all users of the organisation or of one."""
    query = (
        select(memberships.c.user_key, memberships.c.factory_key, factories.c.factory_id, memberships.c.role)
        .join_from(memberships, factories, memberships.c.factory_key == factories.c.factory_key, isouter=True)
        .where(memberships.c.organisation_key == organisation_key)
        .order_by(memberships.c.factory_key)
    )
    if user_key is not None:
        query = query.where(memberships.c.user_key == user_key)
    found: dict[int, dict[str, str]] = {}
    for row in tx.execute(query):
        factory_id = EVERYWHERE if row.factory_key == _ALL_FACTORIES else row.factory_id
        if factory_id is not None:
            found.setdefault(row.user_key, {})[factory_id] = row.role
    return found


def grant_role(tx: Connection, user: User, factory_key: int | None, role: str) -> None:
    """Set the user's role in a factory; None is all factories."""
    revoke_roles(tx, user, [factory_key])
    row = {
        "organisation_key": user.organisation_key,
        "user_key": user.user_key,
        "factory_key": _ALL_FACTORIES if factory_key is None else factory_key,
        "role": role,
    }
    tx.execute(insert(memberships).values(row))


def revoke_roles(tx: Connection, user: User, factory_keys: Iterable[int | None]) -> None:
    """Remove the user's roles in these factories; None is the role in all factories."""
    keys = [_ALL_FACTORIES if key is None else key for key in factory_keys]
    of_user = memberships.c.user_key == user.user_key
    tx.execute(delete(memberships).where(of_user, memberships.c.factory_key.in_(keys)))


def administrators(tx: Connection, organisation_key: int) -> int:
    """Count the enabled users that administer the whole organisation."""
    query = (
        select(users.c.user_key)
        .join_from(memberships, users)
        .where(
            memberships.c.organisation_key == organisation_key,
            memberships.c.factory_key == _ALL_FACTORIES,
            memberships.c.role == "admin",
            users.c.disabled.is_(False),
        )
    )
    return len(tx.execute(query).all())


def _user(row: Row[Any] | None) -> User | None:
    return None if row is None else User(*row)
