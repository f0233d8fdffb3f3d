"""The database as a whole: how transactions begin, and what its failures mean to a caller."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, TimeoutError

from factory.domain.access import DEFAULT_ORGANISATION
from factory.domain.errors import Unavailable
from factory.settings import Settings
from factory.store import postgresql, sqlite
from factory.store.acting import OPTION
from factory.store.slow_statements import log_slow_statements

T = TypeVar("T")

PATIENCE_SECONDS = 10.0


class TryAgain(Unavailable):
    """Another transaction came in between; the same work may succeed on a fresh one.

    Who does not try again by `retry` leaves that to the caller: nothing was stored.
    """

    def __init__(self) -> None:
        super().__init__("The database is busy", code="database_busy")


class Store:
    """An open database, acting for one organisation. Safe to share between threads; open a new one after a fork.

    What an organisation's transaction finds and changes is that organisation's: every look-up by id is told it, and
    PostgreSQL holds every statement to it once more, by row-level security.
    """

    def __init__(self, engine: Engine, dialect: ModuleType) -> None:
        self.engine = engine
        self.dialect = dialect
        self.organisation: int | None = DEFAULT_ORGANISATION
        self.known_keys: dict[tuple[int, int, str], dict[str, int]] = {}
        """Keys in committed rows, by factory key, registry epoch and registry; of an organisation's factories

        by (0, its key, "factory").
        """

    def acting_for(self, organisation: int) -> Store:
        """The same database, acting for another organisation."""
        return self._with(organisation)

    def system(self) -> Store:
        """The same database for the installation's own work: sign-ins, background work, organisations."""
        return self._with(None)

    def _with(self, organisation: int | None) -> Store:
        if organisation == self.organisation:
            return self
        other = Store(self.engine, self.dialect)
        other.organisation, other.known_keys = organisation, self.known_keys
        return other

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes; committed at the end of the block, rolled back if it raises."""
        with self._transaction(self.dialect.WRITE) as tx:
            yield tx

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction in which all reads see one moment."""
        with self._transaction(self.dialect.SNAPSHOT) as tx:
            yield tx

    @contextmanager
    def writing_snapshot(self) -> Iterator[Connection]:
        """A snapshot that may also write; raises TryAgain where it loses against another."""
        with self._transaction(self.dialect.WRITING_SNAPSHOT) as tx:
            yield tx

    def retry(self, work: Callable[[], T]) -> T:
        """Do the work again when it raises TryAgain, for a while; then raise Unavailable."""
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

    @contextmanager
    def _transaction(self, options: dict[str, Any]) -> Iterator[Connection]:
        try:
            options = {**options, OPTION: self.organisation}
            with self.engine.connect().execution_options(**options) as connection, connection.begin():
                if self.organisation is not None:
                    self.dialect.act_for(connection, self.organisation)
                yield connection
        except TimeoutError:
            raise Unavailable("Too many requests wait for the database", code="overloaded") from None
        except (DBAPIError, self.dialect.DriverError) as error:
            raise self._meaning(error) from error

    def _meaning(self, error: Exception) -> Exception:
        reason = self.dialect.reason(error.orig if isinstance(error, DBAPIError) else error)
        if reason == "conflict":
            return TryAgain()
        if reason == "busy":
            return Unavailable("The database is busy", code="database_busy")
        if reason == "slow":
            return Unavailable("The query took too long; ask for a shorter window", code="query_too_slow")
        if reason == "demoted":
            # It was the primary when these connections were made, and takes no writes any more: connect anew.
            self.engine.dispose()
        if reason in ("away", "demoted"):
            return Unavailable("The database does not answer", code="database_away", retry_after=2)
        return error


def open_store(settings: Settings) -> Store:
    """Connect lazily to the database of DATABASE_URL."""
    url = make_url(settings.database_url)
    dialect = sqlite if url.get_backend_name() == "sqlite" else postgresql
    # A statement that fails is logged with its text: what it was about, a person's name or a hash, is not for the log.
    engine = create_engine(url, **dialect.engine_options(url, settings), hide_parameters=True)
    dialect.prepare(engine, settings)
    log_slow_statements(engine, slower_than_ms=settings.db_slow_statement_ms)
    return Store(engine, dialect)
