"""A database that is used again is as good as a new one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from tests.access.population import Population
from tests.conftest import NOON, make_settings
from tests.databases import Databases, administer

from factory.store import open_store


@pytest.fixture
def databases(postgresql_server: str, _postgresql_template: str) -> Databases:
    return Databases(postgresql_server, _postgresql_template)


def run(url: str, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


def content(url: str) -> Iterator[tuple[str, Any]]:
    """Yield every table with its rows, and every sequence with its state."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"))
        for name in names.scalars().all():
            yield name, connection.execute(text(f"SELECT json_agg(t ORDER BY t::text)::text FROM {name} t")).scalar()
        yield "sequences", [tuple(row) for row in connection.execute(text("TABLE pg_sequences"))]


def test_it_is_empty_as_a_new_one_is(databases: Databases) -> None:
    new = dict(content(databases.take()))
    used = databases.take()
    store = open_store(make_settings(used))
    population = Population(store, NOON)
    population.token(population.organisation("acme"), {"*": "admin"})
    store.close()
    run(used, "DELETE FROM derivation_lock", "UPDATE organisations SET name = 'other'")
    assert dict(content(used)) != new

    databases.give_back(used)
    assert databases.take() == used
    assert dict(content(used)) == new


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE organisations ADD COLUMN other text",
        "DROP TRIGGER append_only ON audit",
        "CREATE TABLE other (id int)",
        "ANALYZE organisations",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 64', current_database()); END $$",
    ],
)
def test_one_whose_definition_changed_is_not_used_again(databases: Databases, statement: str) -> None:
    url = databases.take()
    run(url, statement)
    databases.give_back(url)
    assert databases.take() != url


def test_one_that_is_still_connected_is_not_used_again(databases: Databases) -> None:
    url = databases.take()
    with create_engine(url, poolclass=NullPool).connect():
        databases.give_back(url)
    assert databases.take() != url


def test_one_that_is_gone_is_no_trouble(databases: Databases, postgresql_server: str) -> None:
    url = databases.take()
    administer(postgresql_server, f"DROP DATABASE {databases.made[-1]}")
    databases.give_back(url)
    assert databases.take() != url
