"""How long raw events are kept (SPEC section 4, Retention)."""

from __future__ import annotations

from factory.domain.timestamp import DAY, HOUR


def oldest_kept(days: int, now: int) -> int | None:
    """The instant before which raw events are removed and refused; None where `days` is 0: all are kept.

    A whole hour, so that it is the same for all who ask about the same time.
    """
    return (now - days * DAY) // HOUR * HOUR if days else None
