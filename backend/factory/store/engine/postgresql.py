"""What only PostgreSQL does its own way."""

from __future__ import annotations

from select import POLLIN, poll
from typing import Any

import psycopg2.errors
from sqlalchemy import URL, Connection, Engine, event, text
from sqlalchemy.exc import InvalidatePoolError

from factory.domain.errors import Unavailable
from factory.settings import Settings
from factory.store.engine import postgresql_arrays, postgresql_events
from factory.store.engine.replica import Condition, Position

insert_events = postgresql_events.insert_events
for_each, relation = postgresql_arrays.for_each, postgresql_arrays.relation
fetch_columns, fetch_pages = postgresql_arrays.fetch_columns, postgresql_arrays.fetch_pages

DriverError = psycopg2.Error

WRITE = {"isolation_level": "READ COMMITTED"}
SNAPSHOT = {"isolation_level": "REPEATABLE READ"}
WRITING_SNAPSHOT = SNAPSHOT
QUESTION = {"isolation_level": "AUTOCOMMIT"}
"""For one statement that begins no transaction and costs one round trip."""
ONE_WRITER = False
"""Whether transactions that write take turns."""

TENANT = "factory_tenant"
"""The role of transactions that act for an organisation."""

_FACTORY, _REGISTRIES, _SCHEMA = 7301, 7302, 7304
"""First halves of the advisory locks' keys; the second is the factory's key."""


OF_A_REPLICA = {
    "connect_timeout": 2,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 2,
    "tcp_user_timeout": 3_000,
}
"""Arguments of a replica's connections: the primary is there to answer, so it is given up soon."""

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
        # A host that is gone without a word is noticed within seconds, not after the kernel's hours.
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
            # What a pooler would forget or keep for others is said in each transaction anew.
            _SETTINGS: "".join(f"SET LOCAL {name} = '{value}'; " for name, value in session.items()),
            postgresql_events.POOLED: settings.db_pooler != "none",
        },
    }


def prepare(engine: Engine, settings: Settings) -> None:
    """Let the pool hand out no connection that the server has ended, a restarted one for example."""

    @event.listens_for(engine, "commit")
    def committing(connection: Connection) -> None:
        connection.connection.driver_connection.notices = []  # type: ignore[union-attr]

    @event.listens_for(engine, "checkout")
    def handed_out(connection: Any, _record: object, _proxy: object) -> None:
        # A server speaks to an idle connection only to end it, so this needs no question and no answer.
        said = poll()
        said.register(connection.fileno(), POLLIN)
        if said.poll(0):
            raise InvalidatePoolError  # with it go all that are as old: the pool connects anew


def act_for(tx: Connection, organisation: int | None) -> None:
    """Hold the rest of the transaction to an organisation's rows (engine/row_security.py); to all rows for None."""
    # SET, unlike SELECT set_config(), does not fix the snapshot: lock_derivation has to come first in it.
    if statements := _at_begin(tx, organisation):
        tx.connection.cursor().execute(statements)


def _at_begin(tx: Connection, organisation: int | None) -> str:
    settings: str = tx.get_execution_options()[_SETTINGS]
    if organisation is None:
        return settings
    return f"{settings}SET LOCAL ROLE {TENANT}; SET LOCAL factory.organisation = {int(organisation)}; "


def confirm_commit(tx: Connection) -> None:
    """After a commit: raise Unavailable where the server says that the standby has not got it.

    That is a warning to it, when the wait for a synchronous standby is cut short by the statement timeout; whoever
    is told of success here would lose it in a failover.
    """
    if tx.connection.driver_connection.notices:  # type: ignore[union-attr]
        raise Unavailable("The standby does not answer", code="database_away", retry_after=2)


# Flushed is what is acknowledged, unless commits are acknowledged before.
_POSITION = """SELECT NOT ({unless}),
    (SELECT system_identifier FROM pg_control_system()) || ' ' || current_database() || ' '
        || ('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))::bit(32)::int,
    (CASE current_setting('synchronous_commit') WHEN 'off' THEN pg_current_wal_insert_lsn()
        ELSE pg_current_wal_flush_lsn() END)::text"""
_TROUBLE = text(
    """SELECT CASE
        WHEN NOT pg_is_in_recovery() OR :lineage <> (SELECT system_identifier FROM pg_control_system()) || ' '
            || current_database() || ' ' || (SELECT timeline_id FROM pg_control_checkpoint()) THEN 'foreign'
        WHEN pg_last_wal_replay_lsn() < CAST(:lsn AS pg_lsn) THEN 'behind'
        ELSE '' END"""
)


def position(question: Connection, organisation: int | None, unless: Condition | None) -> Position | None:
    """Where the log ends that holds all acknowledged commits, on the primary; None where `unless` is true."""
    sql, parameters = unless or ("false", {})
    statements = _at_begin(question, organisation) + _POSITION.format(unless=sql)
    fit, lineage, lsn = question.execute(text(statements), parameters).one()
    return Position(lineage, lsn) if fit else None


def trouble_at(question: Connection, position: Position) -> str:
    """Why a server is no replica that holds all until a position: foreign or behind; '' where it is."""
    return str(question.execute(_TROUBLE, position._asdict()).scalar_one())


def reason(error: BaseException | None) -> str:
    """Why the driver failed: conflict, busy, slow, full, away, demoted, or other."""
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
    # A connection that ends within a COPY is neither for the driver; one that idles too long within a transaction.
    if type(error) is psycopg2.DatabaseError or isinstance(error, psycopg2.errors.IdleInTransactionSessionTimeout):
        return "away"
    return "other"


# COPY knows no row-level security; a trigger compares each row with this setting instead, which says the factory only
# if it is visible to the transaction.
_WRITES = (
    "set_config('factory.writes', coalesce((SELECT :key FROM factories WHERE factory_key = :key)::text, ''), true)"
)
_SHARE = text(f"SELECT pg_advisory_xact_lock_shared(:lock, :key), {_WRITES}")
_OWN = text(f"SELECT pg_advisory_xact_lock(:lock, :key), {_WRITES}")


def lock_factory_shared(tx: Connection, factory_key: int) -> None:
    """Write events of a factory beside others, until the end of the transaction."""
    tx.execute(_SHARE, {"lock": _FACTORY, "key": factory_key})


def lock_factory(tx: Connection, factory_key: int) -> None:
    """Wait until nobody else writes events of a factory, and keep others from it."""
    tx.execute(_OWN, {"lock": _FACTORY, "key": factory_key})


def lock_registries(tx: Connection, factory_key: int) -> None:
    """Be the only one that gives out keys in a factory."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock, :key)"), {"lock": _REGISTRIES, "key": factory_key})


def lock_derivation(tx: Connection) -> None:
    """Wait to be the only one that derives rows; before any other statement of the transaction.

    LOCK, unlike a SELECT of an advisory lock, does not fix the snapshot yet: all that the owners before
    have committed is in it. What comes later is not, so that one refresh sees one moment throughout.
    """
    tx.execute(text("LOCK TABLE derivation_lock IN EXCLUSIVE MODE"))


def lock_schema(tx: Connection) -> None:
    """Be the only one that changes the schema, until the end of the transaction."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:lock, 0)"), {"lock": _SCHEMA})
