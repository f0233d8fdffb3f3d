"""Counting requests in this process, as a storage of `limits`, the library below Flask-Limiter.

The library's own storage in memory starts a thread up to a hundred times a second to remove ended windows, which cost
a post more than all else about access. This storage removes them now and then while it counts.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from limits.storage import Storage

_FEWEST_TO_LOOK_THROUGH = 1000


class RequestCounts(Storage):
    """Counts for fixed windows. Safe to share between the threads of a process."""

    STORAGE_SCHEME = ["process"]  # noqa: RUF012 - the name and the type are the library's

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}  # and when its time ends
        self._look_at = _FEWEST_TO_LOOK_THROUGH

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count a request; its time begins with the first one and lasts `expiry` seconds."""
        now = time.time()
        with self._lock:
            count, ends = self._counts.get(key, (0, 0.0))
            if ends <= now:
                count, ends = 0, now + expiry
                if len(self._counts) >= self._look_at:
                    self._forget_ended(now)
            self._counts[key] = count + amount, ends
        return count + amount

    def get(self, key: str) -> int:
        count, ends = self._counts.get(key, (0, 0.0))
        return count if ends > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """Return the end of a key's window in seconds; now, if none has begun."""
        return max(self._counts.get(key, (0, 0.0))[1], time.time())

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        with self._lock:
            number = len(self._counts)
            self._counts.clear()
        return number

    def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    def _forget_ended(self, now: float) -> None:
        self._counts = {key: count for key, count in self._counts.items() if count[1] > now}
        self._look_at = max(_FEWEST_TO_LOOK_THROUGH, 2 * len(self._counts))
