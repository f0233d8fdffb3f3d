"""Mend derived rows: make all of them anew from the raw events."""

from __future__ import annotations

from factory.operations.derive.generation import Progress, build_generation
from factory.store.engine.database import Store


def rebuild_derived(*, store: Store, factory: str, now: int, progress: Progress | None = None) -> None:
    """Derive a factory's rows anew while the server serves; raises NotFound, Unavailable."""
    build_generation(store=store, factory=factory, now=now, progress=progress)
