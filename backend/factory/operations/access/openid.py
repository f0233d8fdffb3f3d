"""Sign-in by the claims of an OpenID provider. It adds no user; administrators do."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from factory.domain.access.permissions import PLATFORM, Actor
from factory.domain.errors import Unauthenticated
from factory.operations.access.services import AuthServices
from factory.operations.access.sessions import Issued
from factory.operations.access.sign_in import ANYBODY, enter
from factory.operations.audit_trail import record
from factory.store.access import users
from factory.store.access.users import User
from factory.store.engine.database import Store


def sign_in_by_openid(
    *, store: Store, services: AuthServices, issuer: str, subject: str, email: str | None, by: Actor
) -> Issued:
    """Return a session of the user who is linked to the provider's `subject`.

    The first time it is the one enabled user of the address, who is linked then; `email` is None unless the provider
    has verified it. A second factor is the provider's matter. Raises Unauthenticated: `unverified_email`,
    `unknown_user` where there is none, or more than one of that address.
    """
    store = store.system()
    refusal = "unknown_user"
    with store.writing() as tx:
        user = users.of_subject(tx, issuer, subject)
        if user is None and email is None:
            refusal = "unverified_email"
        elif user is None:
            user = _to_be_linked(tx, email or "")
        user = None if user is None else users.by_key(tx, user.user_key, for_update=True)
        if user is not None and not user.disabled and user.oidc_subject in (None, subject):
            return _entered(tx, services, user, issuer, subject, by)
        organisation = PLATFORM if user is None else user.organisation_key
        who = "" if user is None else user.email
        detail = {"wrong": "openid", "reason": refusal}
        record(tx, replace(by, name=ANYBODY, organisation=organisation), "session.failed", subject=who, detail=detail)
    raise Unauthenticated("Nobody may sign in so here", code=refusal)


def _to_be_linked(tx: Connection, email: str) -> User | None:
    """Return the one enabled user of an address, unless somebody else of the provider is linked already."""
    known = users.enabled_of_address(tx, email.strip().lower())
    return known[0] if len(known) == 1 and known[0].oidc_subject is None else None


def _entered(tx: Connection, services: AuthServices, user: User, issuer: str, subject: str, by: Actor) -> Issued:
    changes: dict[str, object] = {}
    if user.oidc_subject is None:
        changes |= {"oidc_issuer": issuer, "oidc_subject": subject}
        person = replace(by, name=user.email, organisation=user.organisation_key)
        record(tx, person, "user.changed", subject=user.email, detail={"openid": "linked"})
    if user.must_change_password:
        # The first password was shown to somebody; it must not serve any longer.
        changes |= {"password_hash": None, "must_change_password": False}
    if changes:
        users.change(tx, user.user_key, changes)
    return enter(tx, services, user._replace(must_change_password=False), by=by, how="openid")
