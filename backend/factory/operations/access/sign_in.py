"""Sign-in by e-mail address and password, and a one-time code where the user asked for it.

Nothing tells whether there is a user of an address: neither the words of a refusal, nor the work behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection

from factory.adapters.access.recovery_codes import hash_of_code
from factory.domain.access.addresses import lower_address
from factory.domain.access.permissions import PLATFORM, Actor
from factory.domain.errors import Unauthenticated
from factory.domain.timestamp import SECOND
from factory.operations.access.devices import Device
from factory.operations.access.lockout import (
    Attempt,
    Begun,
    Counter,
    begin_attempts,
    counters_of_sign_in,
    forget_failures,
    locked_out,
)
from factory.operations.access.services import AuthServices
from factory.operations.access.sessions import Issued, begin_session
from factory.operations.audit_trail import record
from factory.store.access import recovery_codes, users
from factory.store.access.users import User
from factory.store.engine.database import Store

ANYBODY = "anybody"
"""The actor of a failed sign-in in the audit trail."""


class Origin(NamedTuple):
    """The place of an attempt to sign in: the browser's device, and the client's network."""

    device: Device
    network: str


class _Try(NamedTuple):
    """An attempt at one user of the address; `user` is None where there is none."""

    user: User | None
    attempt: Attempt


def sign_in(
    *, store: Store, services: AuthServices, email: str, password: str, code: str | None, origin: Origin, by: Actor
) -> Issued:
    """Return a session of the user. An address may have users in several organisations: the password decides.

    Raises Unauthenticated (`bad_credentials`; `code_required` where a one-time code is missing or wrong), TooMany
    (`locked_out`) while no attempt is taken from there. Who sends the right code with the password gets in all the
    same: a stranger's failures do not keep out who has a second factor.
    """
    store = store.system()
    email = lower_address(email)
    with store.snapshot() as tx:
        known = users.enabled_of_address(tx, email)
    counted = _Counted(store, services, email=email, origin=origin, now=by.now)
    tries, waits = counted.begin(known, code)
    if not tries:
        raise locked_out(waits)
    user = _whose_password(services, [one.user for one in tries if one.user is not None], password)
    if user is None:
        _record_failures(store, tries, by, "password")
        if waits:
            raise locked_out(waits)
        raise Unauthenticated("The e-mail address or the password is wrong", code="bad_credentials")
    [own] = [one for one in tries if one.user is user]
    for other in tries:  # the password was not guessed at them: it is known to be another's
        if other is not own:
            other.attempt.take_back()
    if user.totp_confirmed and not code:
        own.attempt.take_back()
        raise Unauthenticated("A one-time code is needed", code="code_required")
    rehashed = services.passwords.hash(password) if services.passwords.is_outdated(user.password_hash or "") else None
    with store.writing() as tx:
        locked = users.by_key(tx, user.user_key, for_update=True)
        if _is_as_it_was(locked, user) and _uses_code(tx, services, user, code, by):
            if rehashed is not None:
                users.change(tx, user.user_key, {"password_hash": rehashed})
            issued = enter(tx, services, user, by=by, how="password")
        else:
            issued = None
    if issued is None:
        # Whoever knows the password gets no more guesses at the code by the way round a lockout.
        counted.at([user], "code")
        _record_failures(store, [own], by, "code")
        raise Unauthenticated("The one-time code is wrong, or was used before", code="code_required")
    counted.forget(user)
    return issued


class _Counted:
    """Counting attempts at the users of one address, from one place."""

    def __init__(self, store: Store, services: AuthServices, *, email: str, origin: Origin, now: int) -> None:
        self._store, self._services, self._email, self._origin, self._now = store, services, email, origin, now

    def begin(self, known: Sequence[User], code: str | None) -> tuple[list[_Try], list[int]]:
        """Begin an attempt at each user of the address; return these, and how long who is locked out has to wait."""
        everybody: Sequence[User | None] = known or [None]
        begun = list(zip(everybody, self.at(everybody, "password"), strict=True))
        tries = [_Try(user, attempt) for user, (attempt, _) in begun if attempt is not None]
        shut = [user for user, (attempt, _) in begun if attempt is None]
        if shut and code:
            # The code comes first here, counted by itself: who has none is told nothing about the password.
            for user, (attempt, _) in zip(shut, self.at(shut, "code"), strict=True):
                right = user is not None and self._is_code(user, code)
                if attempt is not None and right:
                    tries.append(_Try(user, attempt))
        return tries, [wait for _, (attempt, wait) in begun if attempt is None]

    def _is_code(self, user: User, code: str) -> bool:
        if _step_of(self._services, user, code, self._now) is not None:
            return True
        with self._store.snapshot() as tx:
            hashed = hash_of_code(self._services.recovery_key, code)
            return user.totp_confirmed and recovery_codes.exists(tx, user.user_key, hashed)

    def at(self, whom: Sequence[User | None], by: str) -> list[Begun]:
        """Count an attempt at each by `password` or by `code`."""
        candidates = [self._counters(user, by) for user in whom]
        return begin_attempts(store=self._store, candidates=candidates, now=self._now)

    def forget(self, user: User) -> None:
        """Forget the failures of the user after a success."""
        counters = [*self._counters(user, "password"), *self._counters(user, "code")]
        forget_failures(store=self._store, counters=counters, now=self._now)

    def _counters(self, user: User | None, by: str) -> Sequence[Counter]:
        device, key = self._origin.device, self._services.failures_key
        is_known = user is not None and device.knows(self._services, user.user_id)
        place = device.device_id if is_known else None
        return counters_of_sign_in(key, user, email=self._email, device=place, network=self._origin.network, by=by)


def enter(tx: Connection, services: AuthServices, user: User, *, by: Actor, how: str) -> Issued:
    """Return a new session of an authenticated user, recorded in the audit trail of their organisation."""
    users.change(tx, user.user_key, {"last_sign_in_at": by.now})
    issued = begin_session(tx, services, user, by=by, by_provider=how == "openid")
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


def _step_of(services: AuthServices, user: User, code: str, now: int) -> int | None:
    return services.codes.step_of(user.totp_secret or b"", code, now=now) if user.totp_confirmed else None


def _uses_code(tx: Connection, services: AuthServices, user: User, code: str | None, by: Actor) -> bool:
    if not user.totp_confirmed:
        return True
    step = _step_of(services, user, code or "", by.now)
    if step is not None:
        return users.use_code(tx, user.user_key, step)
    if not recovery_codes.use(tx, user.user_key, hash_of_code(services.recovery_key, code or "")):
        return False
    person = replace(by, name=user.email, organisation=user.organisation_key)
    record(tx, person, "user.changed", subject=user.email, detail={"recovery_codes": "one used"})
    return True


def _record_failures(store: Store, tries: Sequence[_Try], by: Actor, wrong: str) -> None:
    """In the trail of each organisation in which somebody has the address, else in the platform's."""

    def work() -> None:
        with store.writing() as tx:
            for one in sorted(tries, key=_organisation):  # two at once lock the trails in one order
                detail = {
                    "wrong": wrong,
                    "failures": one.attempt.number,
                    "locked_for_seconds": one.attempt.locks_for // SECOND,
                }
                # Without the address where nobody has it: people type passwords into that field.
                subject = "" if one.user is None else one.user.email
                here = replace(by, name=ANYBODY, organisation=_organisation(one))
                record(tx, here, "session.failed", subject=subject, detail=detail)

    store.retry(work)


def _organisation(one: _Try) -> int:
    return PLATFORM if one.user is None else one.user.organisation_key
