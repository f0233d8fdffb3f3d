"""The state of the store for monitoring."""

from __future__ import annotations

from factory.store import Store
from factory.store.observations import factories_with_backlog


def observe_store(*, store: Store) -> list[tuple[str, int, int | None]]:
    """Of each factory: its id, how many stretches wait to be derived, the instant of its newest event (us)."""
    with store.snapshot() as tx:
        return factories_with_backlog(tx)
