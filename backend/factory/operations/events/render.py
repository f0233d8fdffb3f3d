"""Render a stored event."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from factory.domain.event import NO_CONFIDENCE, PRODUCT_COUNT, TYPE_NAMES
from factory.domain.timestamp import format_timestamp
from factory.operations.visible_workers import Persons
from factory.store.events import id_registry
from factory.store.factories import Factory


class Renderer:
    """Renders events of one factory on one snapshot; missing optional fields are None.

    Workers are shown as `persons` are, or by their ids where it is None. A sender may have made the event's own id
    from a person's, so who sees no persons sees none.
    """

    def __init__(self, tx: Connection, factory: Factory, persons: Persons | None) -> None:
        self._workers = persons.names if persons else id_registry.names_of(tx, factory.factory_key, "worker")
        self._tells_event_id = persons is None or persons.are_shown
        self._stations = id_registry.names_of(tx, factory.factory_key, "workstation")
        self._sources = id_registry.names_of(tx, factory.factory_key, "source")
        self._models = id_registry.names_of(tx, factory.factory_key, "model")

    def event(self, worker_key: int, time: int, row: Any) -> dict[str, Any]:
        """`row` is (type, station key, confidence, source key, event_id, units, model key, received_at)."""
        kind, station, confidence, source, event_id, units, model, received_at = row
        return {
            "timestamp": format_timestamp(time),
            "worker_id": self._workers[worker_key],
            "workstation_id": self._stations[station],
            "event_type": TYPE_NAMES[kind],
            "count": units if kind == PRODUCT_COUNT else None,
            "confidence": None if confidence == NO_CONFIDENCE else confidence,
            "event_id": (event_id or None) if self._tells_event_id else None,
            "source_id": self._sources[source] or None,
            "model_version": self._models[model] or None,
            "received_at": format_timestamp(received_at),
        }
