"""The store: an open database and its transactions."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, text

from factory.domain.access.permissions import DEFAULT_ORGANISATION
from factory.domain.errors import Unavailable
from factory.store.engine.dialect import Dialect
from factory.store.engine.errors import TryAgain, translated_db_errors
from factory.store.engine.postgresql_replica import Condition
from factory.store.engine.replica import Replica
from factory.store.engine.tenant import OPTION

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

T = TypeVar("T")

PATIENCE_SECONDS = 10.0
"""Seconds for which `retry` repeats work."""


class Store:
    """An open database, acting for one organisation. Safe to share between threads; open a new one after a fork.

    A transaction reads and changes rows of its organisation only: each look-up by id has the organisation in its
    condition, and on PostgreSQL row-level security enforces it for every statement.
    """

    def __init__(
        self, engine: Engine, dialect: Dialect, replica: Replica | None = None, tracer: Tracer | None = None
    ) -> None:
        self.engine = engine
        self.dialect = dialect
        self.replica = replica
        self._tracer = tracer
        self.organisation: int | None = DEFAULT_ORGANISATION
        self.id_cache: dict[tuple[int, int, str], dict[str, int]] = {}
        """Keys of committed rows by id, for each factory key, registry epoch and registry.

        Plain dicts, bounded by the registries: a batch looks up its 10,000 ids in C, which a cache that evicts cannot.
        """
        self.factory_keys: dict[tuple[int | None, str], int] = {}
        """Keys of committed factories, by organisation and factory id."""

    def acting_for(self, organisation: int) -> Store:
        """Return the same database, acting for another organisation."""
        return self._with(organisation)

    def system(self) -> Store:
        """Return the same database for work of the installation: sign-ins, background work, organisations."""
        return self._with(None)

    def _with(self, organisation: int | None) -> Store:
        if organisation == self.organisation:
            return self
        other = Store(self.engine, self.dialect, self.replica, self._tracer)
        other.organisation, other.id_cache, other.factory_keys = organisation, self.id_cache, self.factory_keys
        return other

    def span(self, name: str) -> AbstractContextManager[object]:
        """Make a span of that name around the block, where requests are traced."""
        return self._tracer.start_as_current_span(name) if self._tracer is not None else nullcontext()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Begin a transaction that writes; commit at the end of the block, roll back if it raises."""
        with self._transaction(self.dialect.WRITE) as tx:
            yield tx

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Begin a transaction in which all reads see one state of the database."""
        with self._transaction(self.dialect.SNAPSHOT) as tx:
            yield tx

    @contextmanager
    def writing_snapshot(self) -> Iterator[Connection]:
        """Begin a snapshot that may also write; raises TryAgain where it loses against another."""
        with self._transaction(self.dialect.WRITING_SNAPSHOT) as tx:
            yield tx

    @contextmanager
    def reading(self, *, unless: Condition | None = None) -> Iterator[Connection]:
        """Begin a snapshot that holds all commits acknowledged before: on the replica if possible, else on the primary.

        It is on the primary where `unless` is true there. Use it inside of `retry`: raises TryAgain where the replica
        fails during the read.
        """
        replica = self.replica
        reason = "no replica" if replica is None else replica.reason_for_primary(self.engine, self.organisation, unless)
        if replica is not None and not reason:
            with replica.failing_over(self.engine), self._begun(replica.engine, self.dialect.SNAPSHOT) as tx:
                yield tx
            replica.count("replica", "")
            return
        if reason != "pending":  # a caller that finds pending rows has not read yet, and counts later
            self.count_on_primary(reason)
        with self.snapshot() as tx:
            yield tx

    def count_on_primary(self, reason: str) -> None:
        """Count a read of the primary that the replica could have served."""
        if self.replica is not None:
            self.replica.count("primary", reason)

    def retry(self, work: Callable[[], T]) -> T:
        """Repeat the work while it raises TryAgain, for at most PATIENCE_SECONDS; then raise Unavailable."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                return work()
            except TryAgain:
                time.sleep(random.uniform(0.001, 0.01))
        raise Unavailable("The database is busy", code="database_busy")

    def ping(self) -> None:
        """Raise Unavailable unless the database answers."""
        with self.system().snapshot() as tx:
            tx.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        if self.replica is not None:
            self.replica.engine.dispose()

    def translated_db_errors(self) -> AbstractContextManager[None]:
        """Raise database errors in the block as Unavailable or TryAgain (engine/errors.py)."""
        return translated_db_errors(self.engine, self.dialect)

    @contextmanager
    def _transaction(self, options: Mapping[str, Any]) -> Iterator[Connection]:
        with self.translated_db_errors(), self._begun(self.engine, options) as tx:
            yield tx

    @contextmanager
    def _begun(self, engine: Engine, options: Mapping[str, Any]) -> Iterator[Connection]:
        with engine.connect().execution_options(**options, **{OPTION: self.organisation}) as connection:
            with connection.begin():
                self.dialect.act_for(connection, self.organisation)
                yield connection
            self.dialect.confirm_commit(connection)
