"""Registries of ids: workers, workstations, sources and model versions, each with a small integer key."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Column, Connection, Table, func, insert, select, update

from factory.domain.errors import Conflict, InvalidInput
from factory.store.access import erasure
from factory.store.engine.database import Store
from factory.store.events.registrations import Quota
from factory.store.factories import Factory
from factory.store.schema import model_versions, sources, workers, workstations

Ints = npt.NDArray[np.int64]

REGISTRIES: dict[str, Table] = {
    "worker": workers,
    "workstation": workstations,
    "source": sources,
    "model": model_versions,
}
_LARGEST_KEY = {"worker": 2**31 - 1, "workstation": 2**15 - 1, "source": 2**15 - 1, "model": 2**15 - 1}
_ROWS_A_QUERY = 500
_ERASED = "erased"
"""Beside the registries in the cache: the instants of erasures by the id of a registered worker."""


def _columns(kind: str) -> tuple[Table, Column[Any], Column[Any]]:
    table = REGISTRIES[kind]
    _, key, name = list(table.columns)[:3]
    return table, key, name


class RegistryFull(InvalidInput):
    """No key is left for another worker, workstation, source or model version."""

    code = "registry_full"

    def __init__(self, kind: str) -> None:
        super().__init__(f"No more than {_LARGEST_KEY[kind]:,} can be registered in a factory")
        self.kind = kind


class TooManyNewNames(RegistryFull):
    """The sender had as many new names registered as one may in an hour."""

    code = "too_many_new_names"

    def __init__(self, kind: str, most: int) -> None:
        super().__init__(kind)
        self.message = f"is new, and a sender has no more than {most:,} new names registered in an hour"


class ErasedWorkers(InvalidInput):
    """A delivery contains ids of erased workers."""

    code = "worker_erased"

    def __init__(self, names: set[str]) -> None:
        super().__init__("belonged to a person who was erased, until somebody registers it anew")
        self.names = names


class IdResolver:
    """Resolves ids to keys in one transaction, from the cache of committed rows or from the database."""

    def __init__(self, store: Store, factory_id: Factory, quota: Quota | None = None) -> None:
        self._quota = quota
        self._store = store
        self._factory = factory_id
        self._learned: dict[str, dict[str, int]] = {}

    def _cached(self, kind: str) -> dict[str, int]:
        factory_id = self._factory
        return self._store.id_cache.setdefault(
            (factory_id.factory_key, factory_id.registry_epoch, kind), {} if kind == _ERASED else {"": 0}
        )

    def keys_of(self, tx: Connection, kind: str, names: Iterable[str]) -> Mapping[str, int]:
        """Return the keys of the registered names among them, and 0 for ''."""
        cached = self._cached(kind)
        learned = self._learned.setdefault(kind, {})
        wanted = {name for name in names if name not in cached and name not in learned}
        found = _look_up(tx, self._factory.factory_key, kind, sorted(wanted))
        if kind == "worker" and found:
            self._learned.setdefault(_ERASED, {}).update(self.erased_among(tx, found))
        learned.update(found)
        return {**cached, **learned} if learned else cached

    def column(self, tx: Connection, kind: str, names: Sequence[str], places: Ints) -> Ints:
        """Return the keys of names, 0 for ''; unknown ids are registered with the id as name.

        `places` are those of the events in the delivery. Raises RegistryFull when keys run out, or the sender's quota
        does, and keeps those registered until then. Raises ErasedWorkers.
        """
        if not any(names):
            return np.zeros(len(names), np.int64)
        try:
            return np.fromiter(map(self._cached(kind).__getitem__, names), np.int64, len(names))
        except KeyError:
            keys = self._of_registered(tx, kind, names, places)
            return np.fromiter(map(keys.__getitem__, names), np.int64, len(names))

    def _of_registered(self, tx: Connection, kind: str, names: Sequence[str], places: Ints) -> Mapping[str, int]:
        found = self.keys_of(tx, kind, {*names} - {""})
        unknown = sorted({*names} - found.keys())
        if unknown:
            self._store.dialect.lock_registries(tx, self._factory.factory_key)
            learned = self._learned[kind]
            learned.update(_look_up(tx, self._factory.factory_key, kind, unknown))
            fresh = [name for name in unknown if name not in learned]
            if kind == "worker" and (erased := self.erased_among(tx, fresh)):
                raise ErasedWorkers(set(erased))
            learned.update(
                self._register(tx, kind, fresh, dict(zip(reversed(names), places[::-1].tolist(), strict=True)))
            )
            if not learned.keys() >= set(unknown):
                raise RegistryFull(kind)
            found = {**found, **learned}
        return found

    def _register(self, tx: Connection, kind: str, fresh: list[str], place_of: Mapping[str, int]) -> dict[str, int]:
        """Register new names, each on the account of who sent it first; raises TooManyNewNames."""
        factory_key, quota = self._factory.factory_key, self._quota
        if quota is None:
            return _register(tx, factory_key, kind, fresh)
        registered: dict[str, int] = {}
        too_many = False
        of_sender = defaultdict[str, list[str]](list)
        for name in fresh:
            of_sender[quota.sender(place_of[name])].append(name)
        for sender, names in of_sender.items():
            left = quota.left(tx, factory_key, sender)
            too_many |= len(names) > left
            if made := _register(tx, factory_key, kind, names[:left]):
                quota.note(tx, factory_key, sender, len(made))
                registered |= made
        if too_many:
            self._learned[kind].update(registered)
            raise TooManyNewNames(kind, quota.most)
        return registered

    def erased_among(self, tx: Connection, worker_ids: Iterable[str]) -> dict[str, int]:
        """Return the ids of erased workers, each with the instant before which it takes no events."""
        return erasure.erased_among(tx, self._factory, worker_ids)

    @property
    def erased_before(self) -> Mapping[str, int]:
        """The instants before which registered workers take no events, of those resolved so far that have one."""
        return {**self._cached(_ERASED), **self._learned.get(_ERASED, {})}

    def publish(self) -> None:
        """Add the keys that this transaction read and registered to the cache; call it after the commit."""
        for kind, learned in self._learned.items():
            self._cached(kind).update(learned)


def _look_up(tx: Connection, factory_key: int, kind: str, names: list[str]) -> dict[str, int]:
    table, key, name = _columns(kind)
    found: dict[str, int] = {}
    for first in range(0, len(names), _ROWS_A_QUERY):
        part = names[first : first + _ROWS_A_QUERY]
        rows = tx.execute(select(name, key).where(table.c.factory_key == factory_key, name.in_(part)))
        found.update((row[0], row[1]) for row in rows)
    return found


def _register(tx: Connection, factory_key: int, kind: str, names: list[str]) -> dict[str, int]:
    """Assign keys to new names, as long as keys are left."""
    table, key, name = _columns(kind)
    last = tx.execute(select(func.coalesce(func.max(key), 0)).where(table.c.factory_key == factory_key)).scalar_one()
    names = names[: _LARGEST_KEY[kind] - last]
    if not names:
        return {}
    if kind == "worker":
        # In the order of the names a key would tell between which two an erased person stood.
        names = random.sample(names, len(names))
    keys = {text: last + n for n, text in enumerate(names, start=1)}
    more: dict[str, str] = {"workstation": "type"}
    tx.execute(
        insert(table),
        [
            {"factory_key": factory_key, key.name: keys[text], name.name: text}
            | ({"name": text} if "name" in table.c else {})
            | ({more[kind]: ""} if kind in more else {})
            for text in names
        ],
    )
    return keys


def names_of(tx: Connection, factory_key: int, kind: str) -> dict[int, str]:
    """Return all names of a registry by key; 0 is '', the missing name."""
    table, key, name = _columns(kind)
    rows = tx.execute(select(key, name).where(table.c.factory_key == factory_key))
    return {0: "", **{row[0]: row[1] for row in rows}}


def rows_of(tx: Connection, factory_key: int, kind: str) -> list[Any]:
    """Return all rows of a registry, ordered by id in code-point order."""
    table, _, _ = _columns(kind)
    rows = tx.execute(select(*list(table.columns)[1:]).where(table.c.factory_key == factory_key)).all()
    return sorted(rows, key=lambda row: str(row[1]))


def row_of(tx: Connection, factory_key: int, kind: str, entity_id: str) -> Any | None:
    """Return the registry row of an id, or None."""
    table, _, name = _columns(kind)
    columns = list(table.columns)[1:]
    return tx.execute(select(*columns).where(table.c.factory_key == factory_key, name == entity_id)).first()


def add(tx: Connection, factory_key: int, kind: str, entity_id: str, values: dict[str, str]) -> None:
    """Register an entity; raises Conflict if its id is taken."""
    if row_of(tx, factory_key, kind, entity_id) is not None:
        raise Conflict(f"A {kind} with this id exists", code="already_exists")
    if not _register(tx, factory_key, kind, [entity_id]):
        raise RegistryFull(kind)
    change(tx, factory_key, kind, entity_id, values)


def change(tx: Connection, factory_key: int, kind: str, entity_id: str, values: dict[str, str]) -> None:
    """Set columns of an entity."""
    table, _, name = _columns(kind)
    if values:
        tx.execute(update(table).where(table.c.factory_key == factory_key, name == entity_id).values(**values))
