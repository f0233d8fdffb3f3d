"""What most commands begin with: the settings, the store, the factory to act in."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from factory.domain.access import Actor
from factory.settings import Settings, load_settings
from factory.store import Store, migrations, open_store
from factory.store.factories import DEFAULT_FACTORY

factory_option = click.option(
    "--factory", default=DEFAULT_FACTORY, show_default=True, metavar="ID", help="The factory to act in."
)


def now() -> int:
    """The present instant in microseconds since the epoch."""
    return time.time_ns() // 1000


def command_line(store: Store) -> Actor:
    """Whoever is at the command line, acting in the store's organisation."""
    assert store.organisation is not None
    return Actor("command line", store.organisation, now())


@contextmanager
def opened() -> Iterator[tuple[Settings, Store]]:
    """The settings of the environment and their store, its schema up to date where AUTO_MIGRATE says so."""
    settings = load_settings(os.environ)
    store = open_store(settings)
    try:
        if settings.auto_migrate:
            migrations.upgrade(store)
        yield settings, store
    finally:
        store.close()
