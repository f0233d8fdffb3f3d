"""Change one's own password or second factor; each change asks for the password once more."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from factory.adapters.access.recovery_codes import hash_of_code, new_codes
from factory.domain.access.passwords import fault_of_password
from factory.domain.access.permissions import Actor
from factory.domain.errors import Conflict, InvalidInput, NotAllowed, Unauthenticated
from factory.operations.access.lockout import Attempt, begin_attempt, counter_of_session
from factory.operations.access.organisations import names_of_organisation
from factory.operations.access.services import AuthServices
from factory.operations.access.sessions import Issued, begin_session
from factory.operations.audit_trail import record
from factory.store.access import recovery_codes, sessions, users
from factory.store.access.users import User
from factory.store.engine.database import Store


@dataclass(frozen=True)
class OwnAccount:
    """The account of a signed-in user. `store` acts for the user's organisation, `by` is the user."""

    store: Store
    services: AuthServices
    user_key: int
    session_key: int
    is_required: bool
    by: Actor

    def change_password(self, *, old: str, new: str) -> Issued:
        """Another password, and a new session in the place of all that there are.

        Raises Unauthenticated (`bad_credentials`), TooMany, InvalidInput for a password that is not taken.
        """
        user = self._proved(old)
        fault = fault_of_password(
            new,
            min_length=self.services.password_min_length,
            email=user.email,
            name=user.name,
            organisation=names_of_organisation(store=self.store),
        )
        if fault is None and new == old:
            fault = {"field": "new_password", "code": "same_password", "message": "must differ from the old one"}
        if fault is not None:
            raise InvalidInput(f"The new password {fault['message']}", code=fault["code"], errors=[fault])
        hashed = self.services.passwords.hash(new)
        with self.store.writing() as tx:
            self._lock_unchanged(tx, user)
            users.change(tx, user.user_key, {"password_hash": hashed, "must_change_password": False})
            sessions.end_all(tx, user.user_key, self.by.now)
            record(tx, self.by, "user.changed", subject=user.email, detail={"password": "changed"})
            return begin_session(
                tx,
                self.services,
                user._replace(must_change_password=False),
                by=self.by,
                by_provider=sessions.is_by_provider(tx, self.session_key),
            )

    def begin_totp(self, *, password: str) -> tuple[str, str]:
        """Return a secret for an authenticator app and its address; it counts once a code of it is confirmed.

        Raises Unauthenticated, TooMany, Conflict where there is a second factor already.
        """
        user = self._proved(password)
        if user.totp_confirmed:
            raise Conflict("There is a second factor already; take it away first", code="already_enabled")
        secret, encrypted = self.services.codes.new_secret()
        with self.store.writing() as tx:
            self._lock_unchanged(tx, user)
            users.change(tx, user.user_key, {"totp_secret": encrypted, "totp_step": None})
        return secret, self.services.codes.uri(secret, account=user.email)

    def confirm_totp(self, *, code: str) -> list[str]:
        """Require a code at each sign-in from now on; return recovery codes.

        Raises InvalidInput (`wrong_code`), TooMany, Conflict.
        """
        with self.store.snapshot() as tx:
            user = self._found(users.by_key(tx, self.user_key))
        if user.totp_secret is None or user.totp_confirmed:
            raise Conflict("There is no second factor to be confirmed", code="nothing_to_confirm")
        attempt = self._attempt(user)
        step = self.services.codes.step_of(user.totp_secret, code, now=self.by.now)
        if step is None:
            message = "is not the one that the app shows now"
            raise InvalidInput(
                f"The code {message}",
                code="wrong_code",
                errors=[{"field": "code", "code": "wrong_code", "message": message}],
            )
        with self.store.writing() as tx:
            self._lock_unchanged(tx, user)
            users.change(tx, user.user_key, {"totp_confirmed": True, "totp_step": step})
            codes = self._new_recovery_codes(tx, user)
            record(tx, self.by, "user.changed", subject=user.email, detail={"second_factor": "on"})
        attempt.succeeded()
        return codes

    def renew_recovery_codes(self, *, password: str) -> list[str]:
        """Return recovery codes in the place of all that there are. Raises Unauthenticated, TooMany, Conflict."""
        user = self._proved(password)
        if not user.totp_confirmed:
            raise Conflict("There is no second factor to recover", code="no_second_factor")
        with self.store.writing() as tx:
            self._lock_unchanged(tx, user)
            codes = self._new_recovery_codes(tx, user)
            record(tx, self.by, "user.changed", subject=user.email, detail={"recovery_codes": "new"})
        return codes

    def end_totp(self, *, password: str) -> None:
        """Take the second factor away. Raises Unauthenticated, TooMany, NotAllowed where it is required."""
        user = self._proved(password)
        if user.totp_confirmed and self.is_required:
            raise NotAllowed("A second factor is required of you", code="second_factor_required")
        with self.store.writing() as tx:
            self._lock_unchanged(tx, user)
            users.change(tx, user.user_key, {"totp_secret": None, "totp_confirmed": False, "totp_step": None})
            recovery_codes.replace(tx, user, [])
            if user.totp_confirmed:
                record(tx, self.by, "user.changed", subject=user.email, detail={"second_factor": "off"})

    def _new_recovery_codes(self, tx: Connection, user: User) -> list[str]:
        codes = new_codes()
        recovery_codes.replace(tx, user, [hash_of_code(self.services.recovery_key, code) for code in codes])
        return codes

    def _proved(self, password: str) -> User:
        """Return the user, whose password that is; wrong ones lock out this session alone."""
        with self.store.snapshot() as tx:
            user = self._found(users.by_key(tx, self.user_key))
        attempt = self._attempt(user)
        if not self.services.passwords.verify(user.password_hash, password):
            raise Unauthenticated("The password is wrong", code="bad_credentials")
        attempt.succeeded()
        return user

    def _attempt(self, user: User) -> Attempt:
        with self.store.snapshot() as tx:
            session_id = sessions.id_of(tx, self.session_key)
        counter = counter_of_session(self.services.failures_key, user, session_id)
        return begin_attempt(store=self.store, counter=counter, now=self.by.now)

    def _lock_unchanged(self, tx: Connection, before: User) -> None:
        """Lock the user; raises Conflict where password or second factor have changed since `before` was read."""
        now = self._found(users.by_key(tx, self.user_key, for_update=True))
        if (now.password_hash, now.totp_secret) != (before.password_hash, before.totp_secret):
            raise Conflict("The account was changed at the same moment; try again")

    @staticmethod
    def _found(user: User | None) -> User:
        if user is None or user.disabled:
            raise Unauthenticated("The session has ended", code="session_ended")
        return user
