"""Compare derived rows with what the raw events say."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from factory.domain.timestamp import format_timestamp
from factory.operations.derive.generation import Progress, build_generation
from factory.operations.derive.zone_rules import rules_in_use
from factory.store import factories
from factory.store.derived import generations
from factory.store.derived.generations import Difference
from factory.store.engine.database import Store
from factory.store.factories import Factory

MOST = 1000


def zone_data(*, store: Store, factory_id: str | None) -> list[str]:
    """Say by which time zone data each factory's rows are made, a sentence each; all unless one is given.

    Raises NotFound.
    """
    with store.snapshot() as tx:
        known = factories.list_factories(tx) if factory_id is None else [factories.find(tx, factory_id)]
        rules = [(factory.factory_id, rules_in_use(tx, factory)) for factory in known]
    return [f"{name}: {one.zone} by the time zone data {one.version}" for name, one in rules]


def verify_derived(*, store: Store, factory_id: str | None, now: int, progress: Progress | None = None) -> list[str]:
    """Derive everything from the raw events and say where the rows in use differ; nothing is changed.

    A sentence a difference, MOST a factory; all factories unless one is given. Raises NotFound,
    Unavailable.
    """
    with store.snapshot() as tx:
        names = [factory.factory_id for factory in factories.list_factories(tx)] if factory_id is None else [factory_id]
    found: list[str] = []
    for name in names:

        def compare(tx: Connection, factory: Factory, generation: int, name: str = name) -> list[str]:
            return [f"{name}: {line}" for line in _sentences(tx, factory, generation)]

        found += build_generation(store=store, factory_id=name, now=now, progress=progress, compare=compare)
    return found


def _sentences(tx: Connection, factory: Factory, generation: int) -> Iterator[str]:
    differences = generations.differences(tx, factory.factory_key, factory.generation, generation, MOST)
    for difference in differences:
        yield _sentence(difference)


def _sentence(difference: Difference) -> str:
    what, start, stored, derived = difference
    return f"{what} at {format_timestamp(start)}: stored {stored or 'nothing'}, from the events {derived or 'nothing'}"
