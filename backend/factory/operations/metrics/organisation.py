"""The metrics of the factories of an organisation, beside each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from factory.domain.privacy import Audience
from factory.operations.metrics.metrics import query_metrics
from factory.store import factories
from factory.store.engine.database import Store

_WINDOW = ("from", "to", "elapsed_hours", "cut_to")


def query_organisation(
    *, store: Store, audience_of: Callable[[str], Audience | None], start: int | None, end: int | None, now: int
) -> list[dict[str, Any]]:
    """SPEC section 4, Factory, of each factory for which there is an audience, by id; JSON-ready.

    A row has `factory_id`, `name`, `time_zone` and `window` too: without a `start` each begins with its own first
    event. Instants in microseconds. Each factory is read on a snapshot of its own. Raises InvalidInput.
    """
    with store.snapshot() as tx:
        all_factories = factories.list_factories(tx)
    rows = []
    for factory in all_factories:
        audience = audience_of(factory.factory_id)
        if audience is None:
            continue
        answer = query_metrics(
            store=store,
            factory_id=factory.factory_id,
            entity="factory",
            entity_id=None,
            start=start,
            end=end,
            now=now,
            audience=audience,
        )
        named = {"factory_id": factory.factory_id, "name": factory.name, "time_zone": factory.time_zone}
        rows.append(
            named | {"window": {name: answer.window[name] for name in _WINDOW if name in answer.window}} | answer.data
        )
    return rows
