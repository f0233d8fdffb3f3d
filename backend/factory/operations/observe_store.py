"""The state of the store for monitoring."""

from __future__ import annotations

from factory.store import Store
from factory.store.observations import factories_with_backlog


def observe_store(*, store: Store) -> list[tuple[str, int, int | None]]:
    """Of each factory: its id, stretches that wait for derived rows, the instant of its newest event in microseconds."""
    with store.snapshot() as tx:
        return factories_with_backlog(tx)
