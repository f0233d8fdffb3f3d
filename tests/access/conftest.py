"""Fixtures of the tests of access: an application that asks for credentials, and people and keys that have some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from tests.access.population import CHEAP_HASHES, SECRET_KEY, Population
from tests.conftest import Clock, close_store, make_settings

if TYPE_CHECKING:
    from flask import Flask

# No test here is about limits.
UNLIMITED = dict.fromkeys(("RATE_LIMIT_INGEST", "RATE_LIMIT_READ", "RATE_LIMIT_SIGN_IN"), "1000000/second")
REQUIRED = {"ACCESS": "required", "SECRET_KEY": SECRET_KEY, **UNLIMITED}


@pytest.fixture(scope="session")
def guarded() -> Callable[..., Iterator[Flask]]:
    """Return a function from the URL of a database to an application on it that asks for credentials."""

    def make(database_url: str, **changes: str) -> Iterator[Flask]:
        from factory.app import create_app

        settings = make_settings(database_url, **REQUIRED, **changes)
        app = create_app(settings, clock=Clock(), passwords=CHEAP_HASHES)
        yield app
        close_store(app.extensions["factory_store"])

    return make


def population_of(app: Flask) -> Population:
    """Return a population that adds users and keys to an application's database."""
    return Population(app.extensions["factory_store"], app.extensions["factory"].clock())
