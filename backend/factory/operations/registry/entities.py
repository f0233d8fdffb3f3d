"""Workers and workstations as people name them.

The registry is maintained by the real ids, also in a factory that shows no persons; only lists and look-ups by the
shown id differ there.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from factory.domain.access.permissions import Actor
from factory.domain.errors import NotFound
from factory.domain.event import ID_RULE, is_id
from factory.domain.form import Form
from factory.domain.names import name_of
from factory.domain.privacy import Audience
from factory.operations.audit_trail import record, subject_of
from factory.operations.bounded_rows import bounded
from factory.operations.visible_workers import Persons, registered_worker
from factory.store import factories
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.factories import Factory

MAX_NAME = 200
_ID_FIELDS = {"worker": ("worker_id",), "workstation": ("workstation_id", "station_id")}
_TEXT_FIELDS = {"worker": ("name",), "workstation": ("name", "type")}


def list_entities(
    *, store: Store, factory_id: str, kind: str, audience: Audience, after: str | None = None
) -> tuple[list[dict[str, str]], int]:
    """List workers or workstations, by the id that the audience sees: the first ones `after` an id.

    The second value is how many more there are. Raises NotFound for an unknown factory.
    """
    with store.snapshot() as tx:
        factory = factories.find(tx, factory_id)
        if kind == "worker":
            rows: list[Any] = list(Persons(tx, factory, audience).rows())
        else:
            rows = id_registry.rows_of(tx, factory.factory_key, kind)
        listed, left_out = bounded([row for row in rows if after is None or row[1] > after])
        return [_rendered(kind, row) for row in listed], left_out


def get_entity(*, store: Store, factory_id: str, kind: str, entity_id: str, audience: Audience) -> dict[str, str]:
    """Return one worker, by the id that the audience sees, or one workstation; raises NotFound."""
    with store.snapshot() as tx:
        factory = factories.find(tx, factory_id)
        if kind == "worker":
            return _rendered(kind, Persons(tx, factory, audience).row(entity_id))
        return _one(tx, factory.factory_key, kind, entity_id)


def create_entity(*, store: Store, factory_id: str, kind: str, values: Any, by: Actor) -> dict[str, str]:
    """Register a worker (`worker_id`, `name`) or workstation (`workstation_id` or `station_id`, `name`, `type`).

    Without a name the id is the name. The id of an erased worker may be used again, and takes events of after the
    erasure. Raises InvalidInput, NotFound, and
    Conflict if the id is taken.
    """
    form = Form(values)
    entity_id = _entity_id(kind, form)
    texts = _texts(kind, form)
    with store.writing() as tx:
        factory = factories.find(tx, factory_id)
        store.dialect.lock_factory_shared(tx, factory.factory_key)
        store.dialect.lock_registries(tx, factory.factory_key)
        id_registry.add(tx, factory.factory_key, kind, entity_id, texts)
        _record(tx, by, factory, f"{kind}.created", entity_id, texts)
        return _one(tx, factory.factory_key, kind, entity_id)


def update_entity(
    *, store: Store, factory_id: str, kind: str, entity_id: str, values: Any, by: Actor
) -> dict[str, str]:
    """Change `name`, and `type` of a workstation. Raises InvalidInput, NotFound."""
    form = Form(values)
    for name in _ID_FIELDS[kind]:
        if form.given.get(name, entity_id) != entity_id:
            form.fault(name, "read_only", "cannot be changed")
    texts = _texts(kind, form)
    with store.writing() as tx:
        factory = factories.find(tx, factory_id)
        _one(tx, factory.factory_key, kind, entity_id)
        if texts:
            id_registry.change(tx, factory.factory_key, kind, entity_id, texts)
            _record(tx, by, factory, f"{kind}.changed", entity_id, texts)
        return _one(tx, factory.factory_key, kind, entity_id)


def _one(tx: Connection, factory_key: int, kind: str, entity_id: str) -> dict[str, str]:
    row = id_registry.row_of(tx, factory_key, kind, entity_id) if is_id(entity_id) else None
    if row is None:
        raise NotFound(f"{kind.capitalize()} not found", code=f"{kind}_not_found")
    return _rendered(kind, row)


def _record(tx: Connection, by: Actor, factory: Factory, action: str, entity_id: str, texts: dict[str, str]) -> None:
    """Record a change without a worker's name: the name is erased with the person, and the trail is not."""
    if action.startswith("worker."):
        subject, detail = subject_of(registered_worker(tx, factory, entity_id).worker_key), {"fields": sorted(texts)}
        record(tx, by, action, factory_key=factory.factory_key, subject=subject, detail=detail)
    else:
        record(tx, by, action, factory_key=factory.factory_key, subject=f"workstation:{entity_id}", detail=texts)


def _rendered(kind: str, row: Any) -> dict[str, str]:
    if kind == "worker":
        return {"worker_id": row.worker_id, "name": row.name}
    return {
        "workstation_id": row.workstation_id,
        "station_id": row.workstation_id,
        "name": row.name,
        "type": row.type,
    }


def _entity_id(kind: str, form: Form) -> str:
    """Return the id of a new entity, by either of its names; the form has the fault if there is none."""
    names = _ID_FIELDS[kind]
    ids = [form.given[name] for name in names if name in form.given]
    if not ids:
        form.require(names[0])
    elif ids != ids[:1] * len(ids) or not isinstance(ids[0], str) or not is_id(ids[0]):
        form.fault(names[0], "invalid_id", f"must be {ID_RULE}")
    return ids[0] if ids else ""


def _texts(kind: str, form: Form) -> dict[str, str]:
    """Check the names of an entity, and with them the form is done. Raises InvalidInput."""
    for name in _TEXT_FIELDS[kind]:
        if not isinstance(form.given.get(name, ""), str):
            form.fault(name, "wrong_type", "must be a string")
        elif name == "type":
            form.read(name, "invalid_text", lambda value: value and name_of(value, MAX_NAME))
        else:
            form.name(name, longest=MAX_NAME)
    return form.done()
