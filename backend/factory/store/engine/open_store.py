"""Connections to the database of the settings, and to its replica."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, make_url

from factory.settings import Settings
from factory.store.engine import postgresql, sqlite, watch
from factory.store.engine.database import Store
from factory.store.engine.dialect import Dialect
from factory.store.engine.postgresql_replica import CONNECT_ARGUMENTS
from factory.store.engine.replica import Replica

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


def _count_nothing(_server: str, _reason: str) -> None:
    pass


def _report_nothing(_pool: str, _in_use: int) -> None:
    pass


def open_store(
    settings: Settings,
    *,
    count_read: Callable[[str, str], None] = _count_nothing,
    report_connections: Callable[[str, int], None] = _report_nothing,
    tracer: Tracer | None = None,
) -> Store:
    """Connect lazily to the database of DATABASE_URL, and to its replica if there is one.

    `count_read` is called for each read that the replica may serve, with the server that was read, "replica" or
    "primary", and the reason. `report_connections` is called with the number of connections in use of the pool
    "primary" or "replica" at each change. With a `tracer`, statements are spans.
    """
    dialect = _dialect_of(settings.database_url)
    engine = _engine(settings.database_url, dialect, settings)
    engines = {"primary": engine}
    replica = None
    if settings.database_replica_url is not None:
        engines["replica"] = _engine(settings.database_replica_url, dialect, settings, CONNECT_ARGUMENTS)
        replica = Replica(engines["replica"], count_read)
    for name, one in engines.items():
        watch.report_pool_use(one, partial(report_connections, name))
        if tracer is not None:
            watch.trace_statements(one, tracer)
    return Store(engine, dialect, replica, tracer)


def _dialect_of(database_url: str) -> Dialect:
    if make_url(database_url).get_backend_name() == "sqlite":
        return sqlite
    return postgresql


def _engine(database_url: str, dialect: Dialect, settings: Settings, connect_args: Mapping[str, Any] = {}) -> Engine:
    url = make_url(database_url)
    options = dialect.engine_options(url, settings)
    options["connect_args"] |= connect_args
    # The log of a failed statement must not contain its parameters: names of persons, hashes.
    engine = create_engine(url, **options, hide_parameters=True)
    dialect.prepare(engine, settings)
    watch.log_slow_statements(engine, slower_than_ms=settings.db_slow_statement_ms)
    return engine
