"""Sign-in by e-mail address and password, and a one-time code where the user asked for it.

Nothing tells whether there is a user of an address: neither the words of a refusal, nor the work behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from factory.domain.access.permissions import PLATFORM, Actor
from factory.domain.errors import Unauthenticated
from factory.domain.timestamp import SECOND
from factory.operations.access.lockout import Attempt, begin_attempt, delay_after, digest_of_address
from factory.operations.access.services import AuthServices
from factory.operations.access.sessions import Issued, begin_session
from factory.operations.audit_trail import record
from factory.store.access import users
from factory.store.access.users import User
from factory.store.engine.database import Store

ANYBODY = "anybody"
"""The actor of a failed sign-in in the audit trail."""


def sign_in(*, store: Store, services: AuthServices, email: str, password: str, code: str | None, by: Actor) -> Issued:
    """Return a session of the user. An address may have users in several organisations: the password decides.

    Raises Unauthenticated (`bad_credentials`; `code_required` where a one-time code is missing or wrong), TooMany
    (`locked_out`) while no attempt is taken for that address.
    """
    store = store.system()
    email = email.strip().lower()
    attempt = begin_attempt(store=store, digest=digest_of_address(services.failures_key, email), now=by.now)
    with store.snapshot() as tx:
        known = users.enabled_of_address(tx, email)
    user = _whose_password(services, known, password)
    if user is None:
        _record_failure(store, known, attempt, by, "password")
        raise Unauthenticated("The e-mail address or the password is wrong", code="bad_credentials")
    if user.totp_confirmed and not code:
        attempt.take_back()
        raise Unauthenticated("A one-time code is needed", code="code_required")
    rehashed = services.passwords.hash(password) if services.passwords.is_outdated(user.password_hash or "") else None
    with store.writing() as tx:
        locked = users.by_key(tx, user.user_key, for_update=True)
        if _is_as_it_was(locked, user) and _uses_code(tx, services, user, code, by.now):
            if rehashed is not None:
                users.change(tx, user.user_key, {"password_hash": rehashed})
            issued = enter(tx, services, user, by=by, how="password")
        else:
            issued = None
    if issued is None:
        _record_failure(store, [user], attempt, by, "code")
        raise Unauthenticated("The one-time code is wrong, or was used before", code="code_required")
    if len(known) == 1:
        attempt.succeeded()
    else:
        # The failures are also those of the others of this address. Who may give a user of their own organisation
        # somebody else's address could clear them, and guess on, by signing in.
        attempt.take_back()
    return issued


def enter(tx: Connection, services: AuthServices, user: User, *, by: Actor, how: str) -> Issued:
    """Return a new session of an authenticated user, recorded in the audit trail of their organisation."""
    users.change(tx, user.user_key, {"last_sign_in_at": by.now})
    issued = begin_session(tx, services, user, now=by.now)
    person = replace(by, name=user.email, organisation=user.organisation_key)
    record(tx, person, "session.signed_in", subject=user.email, detail={"by": how})
    return issued


def _whose_password(services: AuthServices, known: Sequence[User], password: str) -> User | None:
    if not known:
        services.passwords.verify(None, password)
    right = [user for user in known if services.passwords.verify(user.password_hash, password)]
    return right[0] if right else None


def _is_as_it_was(now: User | None, user: User) -> bool:
    """Return whether password, second factor and user are unchanged since the password was verified."""
    same: dict[str, Any] = {"name": "", "totp_step": None, "last_sign_in_at": None}
    return now is not None and now._replace(**same) == user._replace(**same)


def _uses_code(tx: Connection, services: AuthServices, user: User, code: str | None, now: int) -> bool:
    if not user.totp_confirmed:
        return True
    step = services.codes.step_of(user.totp_secret or b"", code or "", now=now)
    return step is not None and users.use_code(tx, user.user_key, step)


def _record_failure(store: Store, known: Sequence[User], attempt: Attempt, by: Actor, wrong: str) -> None:
    """In the trail of each organisation in which somebody has the address, else in the platform's."""
    locked = delay_after(attempt.number) // SECOND
    detail = {"wrong": wrong, "failures": attempt.number, "locked_for_seconds": locked}

    def work() -> None:
        with store.writing() as tx:
            write(tx)

    def write(tx: Connection) -> None:
        for user in sorted(known, key=lambda user: user.organisation_key):  # two at once lock the trails in one order
            here = replace(by, name=ANYBODY, organisation=user.organisation_key)
            record(tx, here, "session.failed", subject=user.email, detail=detail)
        if not known:
            # Without the address: people type passwords into that field.
            record(tx, replace(by, name=ANYBODY, organisation=PLATFORM), "session.failed", detail=detail)

    store.retry(work)
