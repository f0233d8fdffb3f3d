"""The registered workers and workstations that metrics are about."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.errors import NotFound
from factory.operations.visible_workers import Persons
from factory.store.events import id_registry
from factory.store.factories import Factory


class Entity(NamedTuple):
    """A worker, as the audience sees them, or a workstation."""

    key: int
    id: str
    name: str
    type: str = ""


def entities(tx: Connection, factory: Factory, kind: str, persons: Persons) -> list[Entity]:
    """All entities of a kind (worker or workstation), ordered by id."""
    if kind == "worker":
        return [Entity(*worker) for worker in persons.rows()]
    rows = id_registry.rows_of(tx, factory.factory_key, kind)
    return [Entity(row.station_key, row.workstation_id, row.name, row.type) for row in rows]


def entity_or_not_found(tx: Connection, factory: Factory, kind: str, entity_id: str, persons: Persons) -> Entity:
    """Return the entity of an id; raises NotFound."""
    if kind == "worker":
        return Entity(*persons.row(entity_id))
    row = id_registry.row_of(tx, factory.factory_key, kind, entity_id)
    if row is None:
        raise NotFound(f"{kind.capitalize()} not found", code=f"{kind}_not_found")
    return Entity(row.station_key, row.workstation_id, row.name, row.type)


def keys_of(rows: list[Entity]) -> npt.NDArray[np.int64]:
    """Return the keys, in the order of the rows."""
    return np.array([row.key for row in rows], dtype=np.int64)
