"""The streaming replica: whether it holds by now what was acknowledged on the primary, and when to leave it alone."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Engine

log = logging.getLogger("factory.store")

_PAUSES = {"behind": 0.5, "cancelled": 1.0, "away": 5.0, "foreign": 5.0}
"""Seconds for which a replica is left alone, by what was the matter with it."""
_SILENCE_SECONDS = 60.0
_SENTENCES = {
    "behind": "is too far behind",
    "cancelled": "cancelled a read that stood in the way of its recovery",
    "away": "does not answer",
    "foreign": "is not a standby of the primary's timeline",
}


class Condition(NamedTuple):
    """SQL of something that is true or false, and its parameters."""

    sql: str
    parameters: dict[str, Any]


class Position(NamedTuple):
    """A place in the write-ahead log of one server's history."""

    lineage: str
    """Server, database and timeline: positions compare within one of these only."""
    lsn: str


class Replica:
    """What a process knows of the replica; safe to share between its threads.

    While it is not fit, reads pass it by at no cost, and one of them tries it again now and then: the others do not
    wait for a host that does not answer. `count` is told where each read went, and why.
    """

    def __init__(self, engine: Engine, count: Callable[[str, str], None]) -> None:
        self.engine = engine
        self.count = count
        self.patience = 0.1
        """Seconds for which a read waits for the replica to catch up."""
        self.trouble = "away"
        """Why it was last left alone. Nobody has reached it yet."""
        self._lock = threading.Lock()
        self._fit = False
        self._try_at = 0.0
        self._told_at: dict[str, float] = {}

    def rests(self) -> bool:
        """Whether it is to be left alone for now."""
        return not self._fit and time.monotonic() < self._try_at

    def claim(self) -> bool:
        """Whether the caller is to try it; of several who ask about an unfit one only the first."""
        with self._lock:
            if self.rests():
                return False
            if not self._fit:
                self._try_at = time.monotonic() + _PAUSES[self.trouble]
            return True

    def is_fit(self) -> None:
        """It has answered, and holds what was asked for."""
        self._fit = True

    def leave_alone(self, trouble: str) -> None:
        """Let reads pass it by for a while; `trouble` is behind, cancelled, away or foreign."""
        with self._lock:
            self._fit, self.trouble = False, trouble
            self._try_at = time.monotonic() + _PAUSES[trouble]
            tell = time.monotonic() - self._told_at.get(trouble, -_SILENCE_SECONDS) >= _SILENCE_SECONDS
            if tell:
                self._told_at[trouble] = time.monotonic()
        if tell:
            log.warning("reads go to the primary: the replica %s", _SENTENCES[trouble])
