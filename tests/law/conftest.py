"""One application on each store for the whole run; each example makes a factory of its own in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from tests.conftest import NOON, STORES, Clock, close_store, make_settings
from tests.law.example import Answers, Factory, Told, at, from_product, from_reference
from tests.law.served import Served
from tests.reference import instant


@pytest.fixture(scope="session")
def law_clock() -> Clock:
    """Return the clock of the applications on both stores."""
    return Clock()


@pytest.fixture(scope="session")
def both(fresh_database: Callable[[str], str], law_clock: Clock) -> Iterator[list[Served]]:
    """Yield the application on SQLite and on PostgreSQL."""
    from factory.app import create_app

    apps = {store: create_app(make_settings(fresh_database(store)), clock=law_clock) for store in STORES}
    yield [Served(store, app.test_client()) for store, app in apps.items()]
    for app in apps.values():
        close_store(app.extensions["factory_store"])


@pytest.fixture(params=STORES)
def served(request: pytest.FixtureRequest, both: list[Served], law_clock: Clock) -> Served:
    """Return the application on one store; the test runs once on each, and its clock begins at noon."""
    law_clock.now = NOON
    return next(each for each in both if each.store == request.param)


@pytest.fixture(params=["reference", *STORES])
def factory(request: pytest.FixtureRequest, law_clock: Clock) -> Factory:
    """Return a function from events and settings to the answers about them, at noon unless `now` says otherwise."""

    def make(
        *events: Told, now: str = "12:00", time_zone: str = "UTC", timeout: int = 3600, workers: Iterable[str] = ()
    ) -> Answers:
        law_clock.now = instant(at(now))
        if request.param == "reference":
            return from_reference(events, law_clock.now, time_zone, timeout, workers)
        both: list[Served] = request.getfixturevalue("both")
        served = next(each for each in both if each.store == request.param)
        return from_product(served, events, time_zone, timeout, workers)

    return make
