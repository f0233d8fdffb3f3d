"""One application on each store for the whole run; each example makes a factory of its own in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import STORES, Clock, close_store, make_settings
from tests.law.served import Served


@pytest.fixture(scope="session")
def law_clock() -> Clock:
    """The clock of every application in `both`."""
    return Clock()


@pytest.fixture(scope="session")
def both(fresh_database: Callable[[str], str], law_clock: Clock) -> Iterator[list[Served]]:
    """The application on SQLite and on PostgreSQL."""
    create_app = pytest.importorskip("factory.app", reason="factory.app is not there yet").create_app
    apps = {store: create_app(make_settings(fresh_database(store)), clock=law_clock) for store in STORES}
    yield [Served(store, app.test_client()) for store, app in apps.items()]
    for app in apps.values():
        close_store(app.extensions["factory_store"])
