"""The streaming replica: which reads it can serve, and when to leave it alone."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from factory.store.engine import postgresql
from factory.store.engine.errors import TryAgain, reason_of, translated_db_errors
from factory.store.engine.postgresql_replica import QUESTION, Condition, Position, position, trouble_at

log = logging.getLogger("factory.store")

_PAUSES = {"behind": 0.5, "cancelled": 1.0, "away": 5.0, "foreign": 5.0}
"""Seconds for which the replica is left alone, by its last trouble."""
_SILENCE_SECONDS = 60.0
_SENTENCES = {
    "behind": "is too far behind",
    "cancelled": "cancelled a read that stood in the way of its recovery",
    "away": "does not answer",
    "foreign": "is not a standby of the primary's timeline",
}


class Replica:
    """The replica as one process knows it; safe to share between threads.

    While the replica is unfit, reads go to the primary without asking it, and a single one tries it again from time to
    time: the others do not wait for a host that does not answer. `count` is called with the server and the reason of
    each read.
    """

    def __init__(self, engine: Engine, count: Callable[[str, str], None]) -> None:
        self.engine = engine
        self.count = count
        self.patience = 0.1
        """Seconds for which a read waits for the replica to catch up."""
        self.trouble = "away"
        """Why it was last left alone; at first nobody has reached it."""
        self._lock = threading.Lock()
        self._fit = False
        self._try_at = 0.0
        self._warned_at: dict[str, float] = {}

    def reason_for_primary(self, primary: Engine, organisation: int | None, unless: Condition | None) -> str:
        """Return '' if the replica holds all acknowledged commits, else why the primary has to be read.

        That is `pending` where `unless` is true on the primary, or the replica's trouble.
        """
        if self.rests():
            return self.trouble
        with translated_db_errors(primary, postgresql), primary.connect() as connection:
            acknowledged = position(connection.execution_options(**QUESTION), organisation, unless)
        if acknowledged is None:
            return "pending"
        if not self._claim():
            return self.trouble
        trouble = self._trouble_at(primary, acknowledged)
        if trouble:
            self.leave_alone(trouble)
        else:
            self._fit = True
        return trouble

    @contextmanager
    def failing_over(self, primary: Engine) -> Iterator[None]:
        """Raise TryAgain and leave the replica alone where it fails; the next attempt then reads the primary."""
        with translated_db_errors(primary, postgresql):
            try:
                yield
            except (DBAPIError, postgresql.DriverError) as error:
                reason = reason_of(error, postgresql)
                if reason in ("slow", "other"):
                    raise
                self.leave_alone("cancelled" if reason == "conflict" else "away")
                raise TryAgain from error

    def rests(self) -> bool:
        """Tell whether it is to be left alone for now."""
        return not self._fit and time.monotonic() < self._try_at

    def leave_alone(self, trouble: str) -> None:
        """Send reads to the primary for a while; `trouble` is behind, cancelled, away or foreign."""
        now = time.monotonic()
        with self._lock:
            self._fit, self.trouble = False, trouble
            self._try_at = now + _PAUSES[trouble]
            warn = now - self._warned_at.get(trouble, -_SILENCE_SECONDS) >= _SILENCE_SECONDS
            if warn:
                self._warned_at[trouble] = now
        if warn:
            log.warning("reads go to the primary: the replica %s", _SENTENCES[trouble])

    def _claim(self) -> bool:
        """Tell whether the caller may try the replica; while it is unfit, one of several callers may."""
        with self._lock:
            if self.rests():
                return False
            if not self._fit:
                self._try_at = time.monotonic() + _PAUSES[self.trouble]
            return True

    def _trouble_at(self, primary: Engine, acknowledged: Position) -> str:
        deadline = time.monotonic() + self.patience
        pause = 0.001
        with self.failing_over(primary), self.engine.connect() as connection:
            question = connection.execution_options(**QUESTION)
            # Before the snapshot, not in it: a position that is read in a snapshot may be newer than the snapshot.
            while (trouble := trouble_at(question, acknowledged)) == "behind":
                if time.monotonic() > deadline:
                    break
                time.sleep(pause)
                pause = min(2 * pause, 0.01)
        return trouble
