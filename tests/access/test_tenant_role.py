"""Making the role of tenants: by a login role that is no superuser, where it exists already, and twice at once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool
from tests.conftest import _embedded_server, make_settings

from factory.domain.access.permissions import DEFAULT_ORGANISATION
from factory.store import factories, migrations, open_store
from factory.store.engine.postgresql import TENANT

pytestmark = pytest.mark.system


class Server:
    """A PostgreSQL of the test's own: roles are of a whole server, and another test's must not be there."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url).set(drivername="postgresql+psycopg2")
        self.made: list[str] = []

    def administer(self, *statements: str) -> None:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def login(self, name: str, more: str = "") -> None:
        self.administer(f"CREATE ROLE {name} LOGIN NOSUPERUSER {more}")
        self.made.append(f"DROP ROLE {name}")

    def database(self, name: str, owner: str) -> str:
        self.administer(f"CREATE DATABASE {name} OWNER {owner}")
        self.made.append(f"DROP DATABASE {name} WITH (FORCE)")
        return self.url.set(username=owner, database=name).render_as_string(hide_password=False)

    def clean(self) -> None:
        databases = [statement for statement in self.made if "DATABASE" in statement]
        roles = [statement for statement in self.made if "ROLE" in statement]
        self.administer(*databases, f"DROP ROLE IF EXISTS {TENANT}", *roles)


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    url, stop = _embedded_server()
    yield Server(url)
    stop()


@pytest.fixture
def server(own_server: Server) -> Iterator[Server]:
    own_server.made = []
    yield own_server
    own_server.clean()


def migrate(url: str) -> None:
    # Whoever waits for a migration beside it is slow, which is no error.
    with closing(open_store(make_settings(url, DB_SLOW_STATEMENT_MS="0"))) as store:
        migrations.upgrade(store)


def hold(url: str) -> None:
    """Assert that a tenant's transaction works, and is held to its rows."""
    with closing(open_store(make_settings(url))) as store:
        assert migrations.check(store) == []
        with store.acting_for(DEFAULT_ORGANISATION).writing() as tx:
            assert tx.execute(text("SELECT current_user")).scalar() == TENANT
            assert factories.find(tx, "default").organisation_key == DEFAULT_ORGANISATION
            factories.change(tx, 1, {"name": "Changed"})
        with store.acting_for(DEFAULT_ORGANISATION + 1).writing() as tx:
            assert factories.list_factories(tx) == []
            assert tx.execute(text("SELECT * FROM factories")).all() == []


def test_a_login_role_that_may_create_roles_makes_it(server: Server) -> None:
    server.login("plain", "CREATEROLE")
    url = server.database("one", "plain")
    migrate(url)
    hold(url)


def test_a_login_role_that_was_given_it_needs_no_right_to_create_roles(server: Server) -> None:
    server.login("plain")
    server.administer(f"CREATE ROLE {TENANT} NOLOGIN NOINHERIT", f"GRANT {TENANT} TO plain")
    url = server.database("one", "plain")
    migrate(url)
    hold(url)


def test_a_second_database_of_the_server_uses_the_one_that_is_there(server: Server) -> None:
    server.login("plain", "CREATEROLE")
    for name in ("one", "two"):
        url = server.database(name, "plain")
        migrate(url)
        hold(url)


def test_who_may_neither_make_nor_use_it_is_told_so_and_nothing_is_half_done(server: Server) -> None:
    server.login("plain")
    url = server.database("one", "plain")
    with pytest.raises(ProgrammingError, match="permission denied to create role"):
        migrate(url)
    server.administer(f"CREATE ROLE {TENANT} NOLOGIN NOINHERIT", f"GRANT {TENANT} TO plain")
    migrate(url)
    hold(url)


MIGRATE = """
import sys, time
from tests.access.test_tenant_role import migrate
time.sleep(max(0, float(sys.argv[2]) - time.time()))
migrate(sys.argv[1])
"""


@pytest.mark.parametrize("owner", ["superuser", "plain"])
@pytest.mark.parametrize("attempt", range(2))
def test_databases_of_one_server_are_migrated_at_once(server: Server, owner: str, attempt: int) -> None:
    name = str(server.url.username)
    if owner == "plain":
        name = "plain"
        server.login(name, "CREATEROLE")
    urls = [server.database(f"at_once_{number}", name) for number in range(3)]
    # Processes, as Alembic knows one migration at a time; they wait for each other at the start.
    at = str(time.time() + 3)
    work = [
        subprocess.Popen([sys.executable, "-c", MIGRATE, url, at], stderr=subprocess.PIPE, text=True) for url in urls
    ]
    assert [(process.communicate()[1], process.returncode) for process in work] == [("", 0)] * len(urls)
    for url in urls:
        hold(url)
