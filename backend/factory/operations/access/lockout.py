"""Lockout: after some failed sign-ins no attempt is taken for a while; each further failure doubles the time.

Counted by a digest of the e-mail address, whether or not anybody has it. An attempt is counted as failed before the
password is looked at, and forgiven afterwards, so that many attempts at once get no more guesses than one after the
other.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from factory.domain.errors import TooMany
from factory.domain.timestamp import HOUR, SECOND
from factory.store.access import lockouts, users
from factory.store.access.lockouts import Failures
from factory.store.engine.database import Store

FREE = 5
"""Failures until the first delay."""

FIRST_DELAY, LONGEST_DELAY = 30 * SECOND, HOUR
_FORGOTTEN_AFTER = 24 * HOUR


def delay_after(failures: int) -> int:
    """For how long nothing more is tried after so many failures, in microseconds."""
    return 0 if failures < FREE else min(FIRST_DELAY << min(failures - FREE, 20), LONGEST_DELAY)


@dataclass(frozen=True)
class Attempt:
    """An attempt that counts as failed unless it is forgiven."""

    store: Store
    digest: bytes
    now: int
    before: Failures

    @property
    def number(self) -> int:
        """Number of failures with this one."""
        return self.before.failures + 1

    def take_back(self) -> None:
        """Uncount an attempt that was neither right nor wrong yet."""

        def work() -> None:
            with self.store.writing() as tx:
                lockouts.take_back(tx, self.digest, at=self.now, before=self.before)

        self.store.retry(work)

    def succeeded(self) -> None:
        """Forget the failures of this address."""
        _forgive(self.store, self.digest, self.now, lambda _: True)


def begin_attempt(*, store: Store, digest: bytes, now: int) -> Attempt:
    """Count an attempt, as failed for now. Raises TooMany, with the seconds to wait, where none is taken."""
    store = store.system()

    def work() -> Failures:
        with store.writing() as tx:
            known = lockouts.lock_failures(tx, digest)
            if now - known.last_at > _FORGOTTEN_AFTER:
                known = Failures(0, 0)
            wait = known.last_at + delay_after(known.failures) - now
            if known.failures >= FREE and wait > 0:
                seconds = -(-wait // SECOND)
                raise TooMany("Too many attempts to sign in; wait a while", code="locked_out", retry_after=seconds)
            lockouts.set_to(tx, digest, Failures(known.failures + 1, now))
            return known

    return Attempt(store, digest, now, store.retry(work))


def forgive_reset(*, store: Store, failures_key: bytes, email: str, now: int) -> None:
    """Forget the failures of a user of the store's organisation who was given a new password.

    Not where another organisation has somebody of the address: the failures are theirs too, and whoever may give that
    address to a user of their own could go on guessing.
    """
    organisation = store.organisation

    def is_only_here(tx: Connection) -> bool:
        return all(user.organisation_key == organisation for user in users.enabled_of_address(tx, email))

    _forgive(store, digest_of_address(failures_key, email), now, is_only_here)


def _forgive(store: Store, digest: bytes, now: int, may: Callable[[Connection], bool]) -> None:
    store = store.system()

    def work() -> None:
        with store.writing() as tx:
            if may(tx):
                lockouts.clear(tx, digest, older_than=now - _FORGOTTEN_AFTER)

    store.retry(work)


def digest_of_address(key: bytes, email: str) -> bytes:
    """Return the digest by which failures are counted; without the key it does not reveal the address."""
    return hmac.digest(key, email.encode(errors="surrogatepass"), "sha256")
