"""The state of the store for monitoring."""

from __future__ import annotations

from factory.store import Store
from factory.store.observations import factories_with_backlog


def observe_store(*, store: Store) -> list[tuple[str, str, int, int | None]]:
    """Of each factory: its organisation, its id, how many stretches wait to be derived, its newest instant (us)."""
    with store.system().snapshot() as tx:
        return factories_with_backlog(tx)
