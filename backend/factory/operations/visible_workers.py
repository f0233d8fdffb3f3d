"""The workers of a factory as they are shown to an audience: by id and name, or under pseudonyms."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Connection

from factory.domain.errors import NotAllowed, NotFound
from factory.domain.privacy import Audience, pseudonym
from factory.store.events import id_registry
from factory.store.factories import Factory


class Worker(NamedTuple):
    """A worker; id and name as they are shown."""

    worker_key: int
    worker_id: str
    name: str


class Persons:
    """The workers of one factory in one snapshot, as an audience sees them.

    An audience that sees no persons gets "not found" for a real id, so that nothing reveals who is registered. Workers
    are ordered by the id that is shown, since the order of the real ids would reveal who is who.
    """

    def __init__(self, tx: Connection, factory: Factory, audience: Audience) -> None:
        self._tx = tx
        self._site = factory
        self.are_shown = audience.sees_persons(factory.person_views)
        self.k_min = 1 if self.are_shown else audience.k_min
        """The fewest persons that a figure may be over."""
        self.figures_only = not audience.views
        self.traces_are_shown = self.k_min == 1 and not self.figures_only
        """Whether workers are named where single ones are."""
        self.live_states = factory.live_states
        """Whether those who see no persons see the present state of workstations where fewer persons are."""

    def rows(self) -> list[Worker]:
        """Return all workers, ordered by the id that is shown."""
        rows = (Worker(*row) for row in id_registry.rows_of(self._tx, self._site.factory_key, "worker"))
        return list(rows) if self.are_shown else sorted(map(self._hidden, rows), key=lambda row: row.worker_id)

    @cached_property
    def names(self) -> dict[int, str]:
        """The ids of all workers by key; 0 is the missing one, ''."""
        names = id_registry.names_of(self._tx, self._site.factory_key, "worker")
        return names if self.are_shown else {key: self.id_of(name) if key else "" for key, name in names.items()}

    def row(self, worker_id: str) -> Worker:
        """Return the worker of an id as it is shown; raises NotFound."""
        found = id_registry.row_of(self._tx, self._site.factory_key, "worker", worker_id) if self.are_shown else None
        hidden = [] if self.are_shown else self.rows()
        row = Worker(*found) if found else next((one for one in hidden if one.worker_id == worker_id), None)
        if row is None:
            raise NotFound("Worker not found", code="worker_not_found")
        return row

    def key_of(self, worker_id: str) -> int:
        """Return the key of the worker of an id as it is shown; -1, which no worker has, if there is none."""
        try:
            return self.row(worker_id).worker_key
        except NotFound:
            return -1

    def id_of(self, worker_id: str) -> str:
        """Return the id that is shown for a real one."""
        return worker_id if self.are_shown else pseudonym(self._site.pseudonym_key, worker_id)

    def ids(self, worker_keys: Iterable[int]) -> list[str]:
        """Return the ids of some workers in order; none for an audience that sees figures only."""
        return [] if self.figures_only else sorted(self.names[key] for key in worker_keys)

    def refuse_traces(self) -> None:
        """Raise NotAllowed if the audience may not see what one person did, step by step."""
        if self.k_min > 1:
            raise persons_withheld()

    def _hidden(self, row: Worker) -> Worker:
        shown = self.id_of(row.worker_id)
        return Worker(row.worker_key, shown, shown)


def registered_worker(tx: Connection, factory: Factory, worker_id: str) -> Any:
    """Return the registry row of a worker's real id, whoever asks; raises NotFound."""
    row = id_registry.row_of(tx, factory.factory_key, "worker", worker_id)
    if row is None:
        raise NotFound("Worker not found", code="worker_not_found")
    return row


def persons_withheld() -> NotAllowed:
    """Make the refusal of data about fewer than K_MIN persons."""
    return NotAllowed("Not shown: it would tell of single persons", code="persons_withheld")
