"""Sign-in by the claims of an OpenID provider. It adds no user; administrators do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from factory.domain.access.addresses import lower_address
from factory.domain.access.permissions import PLATFORM, Actor
from factory.domain.errors import Unauthenticated
from factory.operations.access.services import AuthServices
from factory.operations.access.sessions import Issued
from factory.operations.access.sign_in import ANYBODY, enter
from factory.operations.audit_trail import record
from factory.store.access import organisations, users
from factory.store.access.users import User
from factory.store.engine.database import Store


def sign_in_by_openid(
    *,
    store: Store,
    services: AuthServices,
    issuer: str,
    subject: str,
    email: str | None,
    organisation_id: str | None,
    by: Actor,
) -> Issued:
    """Return a session of the user who is linked to the provider's `subject`.

    The first time it is an enabled user of the address, who is linked then; `email` is None unless the provider has
    verified it. A person may have a user in each organisation: `organisation_id` names one, else it is the linked one
    who signed in last, else the oldest of the address. A second factor is the provider's matter. Raises
    Unauthenticated: `unverified_email`, `unknown_user` where there is nobody.
    """
    store = store.system()
    with store.writing() as tx:
        linked = users.of_subject(tx, issuer, subject)
        known = [] if email is None else users.enabled_of_address(tx, lower_address(email))
        if organisation_id is not None:
            organisation = organisations.key_of(tx, organisation_id)
            linked, known = _within(linked, organisation), _within(known, organisation)
        user = _last_in(linked) or _to_be_linked(tx, known, linked)
        user = None if user is None else users.by_key(tx, user.user_key, for_update=True)
        if user is not None and not user.disabled:
            return _entered(tx, services, user, issuer, subject, is_new=user.user_key not in _keys(linked), by=by)
        refusal = "unverified_email" if email is None and not linked else "unknown_user"
        _record_refusal(tx, linked, refusal, by)
    raise Unauthenticated("Nobody may sign in so here", code=refusal)


def _within(found: Sequence[User], organisation_key: int | None) -> list[User]:
    return [user for user in found if user.organisation_key == organisation_key]


def _keys(found: Sequence[User]) -> set[int]:
    return {user.user_key for user in found}


def _last_in(linked: Sequence[User]) -> User | None:
    enabled = [user for user in linked if not user.disabled]
    return max(enabled, key=lambda user: user.last_sign_in_at or 0, default=None)


def _to_be_linked(tx: Connection, known: Sequence[User], linked: Sequence[User]) -> User | None:
    """Return the oldest enabled user of the address, unless the organisation has a link of or to somebody else."""
    taken = {user.organisation_key for user in linked}
    free = (user for user in known if user.organisation_key not in taken and not users.is_linked(tx, user))
    return next(free, None)


def _record_refusal(tx: Connection, linked: Sequence[User], reason: str, by: Actor) -> None:
    detail = {"wrong": "openid", "reason": reason}
    if not linked:
        record(tx, replace(by, name=ANYBODY, organisation=PLATFORM), "session.failed", detail=detail)
    for user in sorted(linked, key=lambda user: user.organisation_key):
        here = replace(by, name=ANYBODY, organisation=user.organisation_key)
        record(tx, here, "session.failed", subject=user.email, detail=detail)


def _entered(
    tx: Connection, services: AuthServices, user: User, issuer: str, subject: str, *, is_new: bool, by: Actor
) -> Issued:
    if is_new:
        users.link(tx, user, issuer, subject)
        person = replace(by, name=user.email, organisation=user.organisation_key)
        record(tx, person, "user.changed", subject=user.email, detail={"openid": "linked"})
    if user.must_change_password:
        # The first password was shown to somebody; it must not serve any longer.
        users.change(tx, user.user_key, {"password_hash": None, "must_change_password": False})
    return enter(tx, services, user._replace(must_change_password=False), by=by, how="openid")
