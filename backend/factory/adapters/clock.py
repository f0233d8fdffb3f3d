"""The application's clock: the system's, or one that began at CLOCK_AT and runs as fast."""

from __future__ import annotations

import time

from factory.settings import Settings


def system_clock() -> int:
    """Return the present instant in microseconds since the Unix epoch."""
    return time.time_ns() // 1000


def ahead_of_system(settings: Settings) -> int:
    """Return by how many microseconds the application's clock is ahead of the system's; negative when behind.

    Without CLOCK_SINCE the clock begins now, so a process asks once.
    """
    if settings.clock_at is None:
        return 0
    return settings.clock_at - (system_clock() if settings.clock_since is None else settings.clock_since)
