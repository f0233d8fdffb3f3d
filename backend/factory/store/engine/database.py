"""The database as a whole: how transactions begin, and what its failures mean to a caller."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, TimeoutError

from factory.domain.access.permissions import DEFAULT_ORGANISATION
from factory.domain.errors import Unavailable
from factory.settings import Settings
from factory.store.engine import postgresql, sqlite
from factory.store.engine.pool_use import report_pool_use
from factory.store.engine.replica import Condition, Position, Replica
from factory.store.engine.slow_statements import log_slow_statements
from factory.store.engine.tenant import OPTION

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

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

    def __init__(
        self, engine: Engine, dialect: ModuleType, replica: Replica | None = None, tracer: Tracer | None = None
    ) -> None:
        self.engine = engine
        self.dialect = dialect
        self.replica = replica
        self._tracer = tracer
        self.organisation: int | None = DEFAULT_ORGANISATION
        self.id_cache: dict[tuple[int, int, str], dict[str, int]] = {}
        """Keys of committed rows by id, for each factory key, registry epoch and registry."""
        self.factory_keys: dict[tuple[int | None, str], int] = {}
        """Keys of committed factories, by organisation and factory id."""

    def acting_for(self, organisation: int) -> Store:
        """The same database, acting for another organisation."""
        return self._with(organisation)

    def system(self) -> Store:
        """The same database for the installation's own work: sign-ins, background work, organisations."""
        return self._with(None)

    def _with(self, organisation: int | None) -> Store:
        if organisation == self.organisation:
            return self
        other = Store(self.engine, self.dialect, self.replica, self._tracer)
        other.organisation, other.id_cache, other.factory_keys = organisation, self.id_cache, self.factory_keys
        return other

    def span(self, name: str) -> AbstractContextManager[object]:
        """What is done within is a span of that name, where requests are traced."""
        return self._tracer.start_as_current_span(name) if self._tracer is not None else nullcontext()

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
    def reading(self, *, unless: Condition | None = None) -> Iterator[Connection]:
        """A snapshot that holds all that was acknowledged to anybody before: of the replica, else of the primary.

        Where `unless` is true on the primary, the snapshot is of the primary. It is for work that is done again by
        `retry`: raises TryAgain where the replica fails in the middle of it.
        """
        replica = self.replica
        if replica is None:
            with self.snapshot() as tx:
                yield tx
            return
        because = self._why_not_on(replica, unless)
        if because:
            if because != "pending":  # who finds that something waits has not read yet
                self.count_on_primary(because)
            with self.snapshot() as tx:
                yield tx
            return
        with self._failing_over(replica), self._begun(replica.engine, self.dialect.SNAPSHOT) as tx:
            yield tx
        replica.count("replica", "")

    def count_on_primary(self, because: str) -> None:
        """Count a read that could have gone to the replica, and does not."""
        if self.replica is not None:
            self.replica.count("primary", because)

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
        if self.replica is not None:
            self.replica.engine.dispose()

    @contextmanager
    def _transaction(self, options: dict[str, Any]) -> Iterator[Connection]:
        with self.translated_db_errors(), self._begun(self.engine, options) as tx:
            yield tx

    @contextmanager
    def _begun(self, engine: Engine, options: dict[str, Any]) -> Iterator[Connection]:
        options = {**options, OPTION: self.organisation}
        with engine.connect().execution_options(**options) as connection:
            with connection.begin():
                self.dialect.act_for(connection, self.organisation)
                yield connection
            self.dialect.confirm_commit(connection)

    @contextmanager
    def translated_db_errors(self) -> Iterator[None]:
        """Errors of the database within are raised as Unavailable or TryAgain, where that is what they mean."""
        try:
            yield
        except TimeoutError:
            raise Unavailable("Too many requests wait for the database", code="overloaded") from None
        except (DBAPIError, self.dialect.DriverError) as error:
            raise self._meaning(error) from error

    def _why_not_on(self, replica: Replica, unless: Condition | None) -> str:
        """Why the primary has to be read, '' where the replica will do."""
        if replica.rests():
            return replica.trouble
        with self.translated_db_errors(), self.engine.connect().execution_options(**self.dialect.QUESTION) as question:
            position = self.dialect.position(question, self.organisation, unless)
        if position is None:
            return "pending"
        if not replica.claim():
            return replica.trouble
        trouble = self._trouble_with(replica, position)
        if trouble:
            replica.leave_alone(trouble)
        else:
            replica.is_fit()
        return trouble

    def _trouble_with(self, replica: Replica, position: Position) -> str:
        deadline = time.monotonic() + replica.patience
        pause = 0.001
        with self._failing_over(replica), replica.engine.connect() as connection:
            question = connection.execution_options(**self.dialect.QUESTION)
            # Before the snapshot, not in it: a position that is read in a snapshot may be newer than that is.
            while (trouble := str(self.dialect.trouble_at(question, position))) == "behind":
                if time.monotonic() > deadline:
                    break
                time.sleep(pause)
                pause = min(2 * pause, 0.01)
        return trouble

    @contextmanager
    def _failing_over(self, replica: Replica) -> Iterator[None]:
        with self.translated_db_errors():
            try:
                yield
            except (DBAPIError, self.dialect.DriverError) as error:
                reason = self._reason(error)
                if reason in ("slow", "other"):
                    raise
                replica.leave_alone("cancelled" if reason == "conflict" else "away")
                raise TryAgain from error

    def _reason(self, error: Exception) -> str:
        return str(self.dialect.reason(error.orig if isinstance(error, DBAPIError) else error))

    def _meaning(self, error: Exception) -> Exception:
        reason = self._reason(error)
        if reason == "conflict":
            return TryAgain()
        if reason == "busy":
            return Unavailable("The database is busy", code="database_busy")
        if reason == "slow":
            return Unavailable("The query took too long; ask for a shorter window", code="query_too_slow")
        if reason == "full":
            return Unavailable("The database has no room left", code="database_full", retry_after=10)
        if reason == "demoted":
            # It was the primary when these connections were made, and takes no writes any more: connect anew.
            self.engine.dispose()
        if reason in ("away", "demoted"):
            return Unavailable("The database does not answer", code="database_away", retry_after=2)
        return error


def _not_counted(_where: str, _because: str) -> None:
    pass


def _not_reported(_pool: str, _taken: int) -> None:
    pass


def open_store(
    settings: Settings,
    *,
    count_read: Callable[[str, str], None] = _not_counted,
    report_connections: Callable[[str, int], None] = _not_reported,
    tracer: Tracer | None = None,
) -> Store:
    """Connect lazily to the database of DATABASE_URL, and to its replica if there is one.

    `count_read` is told of each read that may go to the replica where it went, "replica" or "primary", and why.
    `report_connections` is told how many connections of the pool "primary" or "replica" are taken, at each change.
    With a `tracer`, statements are spans.
    """
    dialect = sqlite if make_url(settings.database_url).get_backend_name() == "sqlite" else postgresql
    engine = _engine(settings.database_url, dialect, settings)
    engines = {"primary": engine}
    replica = None
    if settings.database_replica_url is not None:
        options = postgresql.OF_A_REPLICA
        replica = Replica(_engine(settings.database_replica_url, dialect, settings, **options), count_read)
        engines["replica"] = replica.engine
    for name, one in engines.items():
        report_pool_use(one, partial(report_connections, name))
    if tracer is not None:
        from factory.store.engine.traced_statements import trace_statements

        for one in engines.values():
            trace_statements(one, tracer)
    return Store(engine, dialect, replica, tracer)


def _engine(database_url: str, dialect: ModuleType, settings: Settings, **arguments: Any) -> Engine:
    url = make_url(database_url)
    options = dialect.engine_options(url, settings)
    options["connect_args"] |= arguments
    # A statement that fails is logged with its text: what it was about, a person's name or a hash, is not for the log.
    engine = create_engine(url, **options, hide_parameters=True)
    dialect.prepare(engine, settings)
    log_slow_statements(engine, slower_than_ms=settings.db_slow_statement_ms)
    return engine
