"""PostgreSQL as a `Dialect`, with postgresql_events.py and postgresql_arrays.py."""

from __future__ import annotations

from select import POLLIN, poll
from typing import Any

import psycopg2.errors
from sqlalchemy import URL, Connection, Engine, event, text
from sqlalchemy.exc import InvalidatePoolError

from factory.domain.errors import Unavailable
from factory.settings import Settings
from factory.store.engine import postgresql_arrays, postgresql_events
from factory.store.engine.dialect import Reason

insert_events = postgresql_events.insert_events
for_each, relation = postgresql_arrays.for_each, postgresql_arrays.relation
fetch_columns, fetch_pages = postgresql_arrays.fetch_columns, postgresql_arrays.fetch_pages

DriverError: type[Exception] = psycopg2.Error

WRITE = {"isolation_level": "READ COMMITTED"}
SNAPSHOT = {"isolation_level": "REPEATABLE READ"}
WRITING_SNAPSHOT = SNAPSHOT
ONE_WRITER = False

TENANT = "factory_tenant"
"""The role of transactions that act for an organisation."""

_FACTORY, _REGISTRIES, _SCHEMA = 7301, 7302, 7304
"""First halves of the advisory locks' keys; the second is the factory's key."""


_SETTINGS = "factory_settings"


def engine_options(url: URL, settings: Settings) -> dict[str, Any]:
    """Arguments of create_engine."""
    session = {
        "lock_timeout": f"{settings.db_lock_timeout_seconds * 1000:.0f}",
        "statement_timeout": f"{settings.db_statement_timeout_seconds * 1000:.0f}",
        "timezone": "UTC",
        "client_min_messages": "warning",
        "jit": "off",
    }
    connecting = {
        "application_name": "factory",
        "connect_timeout": 5,
        # A host that vanishes is noticed within seconds, not after the kernel's hours.
        "keepalives_idle": 5,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }
    if settings.db_pooler == "none":
        connecting["options"] = " ".join(f"-c {name}={value}" for name, value in session.items())
        session = {}
    return {
        "pool_size": settings.db_pool_size,
        "max_overflow": settings.db_max_overflow,
        "pool_timeout": settings.db_pool_timeout_seconds,
        "connect_args": connecting,
        "execution_options": {
            # Through a pooler, session settings would be lost or seen by others: each transaction sets them.
            _SETTINGS: "".join(f"SET LOCAL {name} = '{value}'; " for name, value in session.items()),
            postgresql_events.POOLED: settings.db_pooler != "none",
        },
    }


def prepare(engine: Engine, settings: Settings) -> None:
    """Discard pooled connections that the server has closed (poll(), no round trip), and clear notices at commit."""

    @event.listens_for(engine, "commit")
    def committing(connection: Connection) -> None:
        connection.connection.driver_connection.notices = []  # type: ignore[union-attr]

    @event.listens_for(engine, "checkout")
    def handed_out(connection: Any, _record: object, _proxy: object) -> None:
        # A server sends to an idle connection only to end it.
        readable = poll()
        readable.register(connection.fileno(), POLLIN)
        if readable.poll(0):
            raise InvalidatePoolError  # this discards all connections of that age


def act_for(tx: Connection, organisation: int | None) -> None:
    """Restrict the transaction to an organisation's rows by role and setting (engine/row_security.py)."""
    # SET, unlike SELECT set_config(), does not fix the snapshot: lock_derivation has to come first in it.
    if statements := settings_of(tx, organisation):
        tx.connection.cursor().execute(statements)


def settings_of(tx: Connection, organisation: int | None) -> str:
    """Return the SET LOCAL statements with which a transaction begins, each ended by a semicolon."""
    settings: str = tx.get_execution_options()[_SETTINGS]
    if organisation is None:
        return settings
    return f"{settings}SET LOCAL ROLE {TENANT}; SET LOCAL factory.organisation = {int(organisation)}; "


def confirm_commit(tx: Connection) -> None:
    """After a commit: raise Unavailable where the synchronous standby has not confirmed it.

    The server reports only a warning when the statement timeout cuts the wait short; a failover would lose the commit.
    """
    if tx.connection.driver_connection.notices:  # type: ignore[union-attr]
        raise Unavailable("The standby does not answer", code="database_away", retry_after=2)


def reason(error: BaseException | None) -> Reason:
    """Classify an error of psycopg2."""
    if isinstance(error, psycopg2.errors.SerializationFailure | psycopg2.errors.DeadlockDetected):
        return "conflict"
    if isinstance(error, psycopg2.errors.QueryCanceled):
        return "slow"
    if isinstance(error, psycopg2.errors.LockNotAvailable):
        return "busy"
    if isinstance(error, psycopg2.errors.ReadOnlySqlTransaction | psycopg2.errors.ObjectNotInPrerequisiteState):
        return "demoted"
    if isinstance(error, psycopg2.errors.DiskFull):
        return "full"
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return "away"
    # psycopg2 raises a plain DatabaseError where the connection ends during COPY.
    if type(error) is psycopg2.DatabaseError or isinstance(error, psycopg2.errors.IdleInTransactionSessionTimeout):
        return "away"
    return "other"


# COPY does not apply row-level security. A trigger compares each row with this setting, which names the factory only
# where the transaction can see it.
_WRITES = (
    "set_config('factory.writes', coalesce((SELECT :key FROM factories WHERE factory_key = :key)::text, ''), true)"
)
_SHARED = text(f"SELECT pg_advisory_xact_lock_shared(:lock, :key), {_WRITES}")
_EXCLUSIVE = text(f"SELECT pg_advisory_xact_lock(:lock, :key), {_WRITES}")


def lock_factory_shared(tx: Connection, factory_key: int) -> None:
    """Take the factory's shared advisory lock and permit writing its events, until commit."""
    tx.execute(_SHARED, {"lock": _FACTORY, "key": factory_key})


def lock_factory(tx: Connection, factory_key: int) -> None:
    """Take the factory's exclusive advisory lock and permit writing its events, until commit."""
    tx.execute(_EXCLUSIVE, {"lock": _FACTORY, "key": factory_key})


def lock_registries(tx: Connection, factory_key: int) -> None:
    """Take the factory's registry lock (advisory, until commit)."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock, :key)"), {"lock": _REGISTRIES, "key": factory_key})


def lock_derivation(tx: Connection) -> None:
    """Lock the derivation table (EXCLUSIVE), before any other statement of the transaction.

    LOCK TABLE, unlike a SELECT of an advisory lock, does not fix the snapshot: the snapshot is taken after the wait, so
    it contains all that earlier holders committed, and a refresh sees one state throughout.
    """
    tx.execute(text("LOCK TABLE derivation_lock IN EXCLUSIVE MODE"))


def lock_schema(tx: Connection) -> None:
    """Take the schema lock (advisory, until commit)."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock, 0)"), {"lock": _SCHEMA})
