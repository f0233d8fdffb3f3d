"""A primary with its streaming replica for the tests of scaling out; databases are copies of one that is migrated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from tests.conftest import make_settings
from tests.scale.postgres import Server, make_primary, make_replica, workplace

TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def directory() -> Iterator[Path]:
    with workplace() as directory:
        yield directory


@pytest.fixture(scope="session")
def primary(directory: Path) -> Iterator[Server]:
    """Yield a server with a migrated database; whoever changes its configuration puts it back."""
    from factory.store import migrations, open_store

    server = make_primary(directory)
    server.ask(f"CREATE DATABASE {TEMPLATE}")
    with closing(open_store(make_settings(server.url(TEMPLATE)))) as store:
        migrations.upgrade(store)
    yield server
    server.stop("immediate")


@pytest.fixture(scope="session")
def replica(primary: Server) -> Iterator[Server]:
    """Yield the primary's streaming replica; running and replaying whenever a test begins."""
    server = make_replica(primary)
    yield server
    server.stop("immediate")


@pytest.fixture
def new_database(primary: Server) -> Iterator[Callable[[], str]]:
    """Yield a function that makes a migrated, empty database of the primary and answers its name."""
    names: list[str] = []

    def make() -> str:
        names.append(f"test_{uuid4().hex[:12]}")
        primary.ask(f"CREATE DATABASE {names[-1]} TEMPLATE {TEMPLATE}")
        return names[-1]

    yield make
    for name in names:
        primary.ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
