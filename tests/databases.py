"""Databases of a test's own on the run's one PostgreSQL server: made from a template, emptied, and used again.

To make one costs as much as a hundred statements, and to remove its three hundred files as much again.
"""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

_CATALOGS = ("class", "attribute", "attrdef", "constraint", "index", "trigger", "policy", "proc", "rewrite", "type")

_STATE = "SELECT ARRAY[" + ", ".join(
    f"(SELECT count(*) || '/' || coalesce(max(xmin::text::bigint), 0) FROM pg_{catalog})" for catalog in _CATALOGS
)
_STATE += (
    ", (SELECT count(*)::text FROM pg_statistic)"
    ", (SELECT count(*)::text FROM pg_db_role_setting WHERE setdatabase IN (0, (SELECT oid FROM pg_database"
    " WHERE datname = current_database())))"
    ", (SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid())]"
)
"""Definitions, statistics, settings, and who is connected: all but the rows."""

_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"


def administer(server: str, statement: str) -> None:
    """Run one statement as a superuser, outside a transaction."""
    engine = create_engine(_driver(server), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def address(server: str, name: str) -> str:
    """Return the URL of a database on the server of another URL."""
    return make_url(_driver(server)).set(database=name).render_as_string(hide_password=False)


class Databases:
    """Databases like `template`. Whoever gives one back gets it emptied, unless more than rows was changed in it."""

    def __init__(self, server: str, template: str) -> None:
        self.made: list[str] = []
        self._server = server
        self._template = template
        self._free: list[str] = []
        with _connected(address(server, template)) as connection:
            self._state = connection.execute(text(_STATE)).scalar_one()
            self._emptying = _emptying(connection)

    def take(self) -> str:
        """Return the URL of an empty, migrated database that nobody else has."""
        if self._free:
            return self._free.pop()
        self.made.append(f"test_{uuid4().hex[:12]}")
        administer(self._server, f"CREATE DATABASE {self.made[-1]} TEMPLATE {self._template}")
        return address(self._server, self.made[-1])

    def give_back(self, url: str) -> None:
        """Take a database back from a test that has closed its connections."""
        try:
            with _connected(url) as connection:
                if connection.execute(text(_STATE)).scalar_one() == self._state:
                    connection.exec_driver_sql(self._emptying)
                    self._free.append(url)
        except SQLAlchemyError:
            pass  # a test may have shut its database, or removed it


def _connected(url: str) -> Connection:
    return create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool).connect()


def _driver(server: str) -> str:
    return make_url(server).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def _emptying(connection: Connection) -> str:
    """Return the statements that bring back the rows of the template, whatever triggers and keys say."""
    script = ["SET session_replication_role = replica"]
    for table in connection.execute(text(f"{_TABLES} AND NOT relispartition")).scalars().all():
        script.append(f"DELETE FROM {table}")
        rows = connection.execute(text(f"SELECT json_agg(t)::text FROM {table} t")).scalar()
        if rows:
            quoted = rows.replace("'", "''")
            script.append(
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE "
                f"SELECT * FROM json_populate_recordset(NULL::{table}, '{quoted}')"
            )
    for name, last, start in connection.execute(text("SELECT sequencename, last_value, start_value FROM pg_sequences")):
        script.append(f"SELECT setval('{name}', {last or start}, {'false' if last is None else 'true'})")
    # A percent sign would be taken for a parameter.
    return "; ".join(script).replace("%", "%%")
