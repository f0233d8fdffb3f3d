"""Positions in the write-ahead log, which show whether a PostgreSQL standby holds all acknowledged commits."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from factory.store.engine.postgresql import settings_of

QUESTION = {"isolation_level": "AUTOCOMMIT"}
"""Execution options for a single statement: no transaction, one round trip."""

CONNECT_ARGUMENTS = {
    "connect_timeout": 2,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 2,
    "tcp_user_timeout": 3_000,
}
"""Short, since the primary can always answer instead."""


class Condition(NamedTuple):
    """A Boolean SQL expression and its parameters."""

    sql: str
    parameters: dict[str, Any]


class Position(NamedTuple):
    """A place in the write-ahead log."""

    lineage: str
    """System identifier, database and timeline; only positions of one lineage can be compared."""
    lsn: str


# The flushed position covers all acknowledged commits, unless synchronous_commit is off.
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
    """Return the position of the primary that covers all acknowledged commits; None where `unless` is true."""
    sql, parameters = unless or ("false", {})
    statements = settings_of(question, organisation) + _POSITION.format(unless=sql)
    fit, lineage, lsn = question.execute(text(statements), parameters).one()
    return Position(lineage, lsn) if fit else None


def trouble_at(question: Connection, position: Position) -> str:
    """Return 'foreign' if the server is no standby of the lineage, 'behind' before it reaches the position, or ''."""
    return str(question.execute(_TROUBLE, position._asdict()).scalar_one())
