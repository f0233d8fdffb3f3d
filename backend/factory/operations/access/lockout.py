"""Lockout: after some failed sign-ins no attempt is taken for a while; each further failure doubles the time.

Counted for each user of an address (or for the address, where there is none) and for the place of the attempt: a known
device, else a network. So a stranger locks out the own network and no known device. All networks together are counted
too, with more attempts before the first delay. A new password begins anew: the digests hold the old one's hash.

An attempt is counted as failed before the password is looked at, and forgiven afterwards, so that many attempts at once
get no more guesses than one after the other.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from factory.domain.errors import TooMany
from factory.domain.timestamp import HOUR, SECOND
from factory.store.access import lockouts
from factory.store.access.lockouts import Failures
from factory.store.access.users import User
from factory.store.engine.database import Store

FREE, FREE_IN_ALL = 5, 100
"""Failures until the first delay: at one place, and from all networks together."""

FIRST_DELAY, LONGEST_DELAY = 30 * SECOND, HOUR
_FORGOTTEN_AFTER = 24 * HOUR


class Counter(NamedTuple):
    """What failures are counted by, and how many are free."""

    digest: bytes
    free: int = FREE


def delay_after(failures: int, free: int = FREE) -> int:
    """For how long nothing more is tried after so many failures, in microseconds."""
    return 0 if failures < free else min(FIRST_DELAY << min(failures - free, 20), LONGEST_DELAY)


def counters_of_sign_in(
    key: bytes, user: User | None, *, email: str, device: str | None, network: str, by: str
) -> Sequence[Counter]:
    """Return the counters of an attempt to sign in; `device` is given if the user is known there.

    `by` is what is tried: the password, or a second factor during a lockout.
    """
    who = f"address {email}" if user is None else f"user {user.user_key} {user.password_hash}"
    if device is not None:
        return [Counter(_digest(key, by, who, f"device {device}"))]
    return [Counter(_digest(key, by, who, f"network {network}")), Counter(_digest(key, by, who, "all"), FREE_IN_ALL)]


def counter_of_session(key: bytes, user: User, session_id: str) -> Counter:
    """Return the counter of somebody signed in who proves the password again: strangers cannot lock it."""
    return Counter(_digest(key, "account", f"user {user.user_key}", session_id))


class Counted(NamedTuple):
    """A counter with this attempt, and its failures before."""

    counter: Counter
    before: Failures


@dataclass(frozen=True)
class Attempt:
    """An attempt that counts as failed unless it is forgiven."""

    store: Store
    now: int
    counted: Sequence[Counted]

    @property
    def number(self) -> int:
        """Number of failures at this place with this one."""
        return self.counted[0].before.failures + 1

    @property
    def locks_for(self) -> int:
        """Microseconds for which nothing more is tried from here if this one fails."""
        return max(delay_after(one.before.failures + 1, one.counter.free) for one in self.counted)

    def take_back(self) -> None:
        """Uncount an attempt that was neither right nor wrong yet."""

        def work() -> None:
            with self.store.writing() as tx:
                for counter, before in self.counted:
                    lockouts.take_back(tx, counter.digest, at=self.now, before=before)

        self.store.retry(work)

    def succeeded(self) -> None:
        """Forget the failures."""
        forget_failures(store=self.store, counters=[counter for counter, _ in self.counted], now=self.now)


class Begun(NamedTuple):
    """An attempt, or the microseconds to wait where none is taken."""

    attempt: Attempt | None
    wait: int


def begin_attempts(*, store: Store, candidates: Sequence[Sequence[Counter]], now: int) -> list[Begun]:
    """Count an attempt at each candidate that is not locked out, as failed for now."""
    store = store.system()

    def work() -> list[Begun]:
        with store.writing() as tx:
            digests = sorted({counter.digest for counters in candidates for counter in counters})  # one order of locks
            known = {digest: _recent(lockouts.lock_failures(tx, digest), now) for digest in digests}
            begun = []
            for counters in candidates:
                counted = [Counted(counter, known[counter.digest]) for counter in counters]
                wait = max(_wait(one, now) for one in counted)
                if wait <= 0:
                    for counter, before in counted:
                        lockouts.set_to(tx, counter.digest, Failures(before.failures + 1, now))
                begun.append(Begun(Attempt(store, now, counted) if wait <= 0 else None, max(wait, 0)))
            return begun

    return store.retry(work)


def begin_attempt(*, store: Store, counter: Counter, now: int) -> Attempt:
    """Count an attempt, as failed for now. Raises TooMany, with the seconds to wait, where none is taken."""
    [(attempt, wait)] = begin_attempts(store=store, candidates=[[counter]], now=now)
    if attempt is None:
        raise locked_out([wait])
    return attempt


def forget_failures(*, store: Store, counters: Iterable[Counter], now: int) -> None:
    """Forget the failures of these counters, and all that are older than a day."""
    store = store.system()
    digests = sorted(counter.digest for counter in counters)

    def work() -> None:
        with store.writing() as tx:
            lockouts.clear(tx, digests, older_than=now - _FORGOTTEN_AFTER)

    store.retry(work)


def locked_out(waits: Iterable[int]) -> TooMany:
    """Return the refusal of an attempt that is not taken; it may be made again after the shortest of `waits`."""
    seconds = -(-min(waits) // SECOND)
    return TooMany("Too many attempts to sign in; wait a while", code="locked_out", retry_after=seconds)


def _recent(known: Failures, now: int) -> Failures:
    return Failures(0, 0) if now - known.last_at > _FORGOTTEN_AFTER else known


def _wait(one: Counted, now: int) -> int:
    (_, free), before = one
    return before.last_at + delay_after(before.failures, free) - now if before.failures >= free else 0


def _digest(key: bytes, *parts: str) -> bytes:
    """Return what failures are stored under; without the key it does not reveal the address."""
    return hmac.digest(key, "\0".join(parts).encode(errors="surrogatepass"), "sha256")
