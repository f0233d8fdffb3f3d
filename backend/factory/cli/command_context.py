"""Settings, store, organisation and factory of a command."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from factory.adapters.clock import ahead_of_system, system_clock
from factory.domain.access.permissions import Actor
from factory.domain.timestamp import parse_timestamp
from factory.settings import Settings, load_settings
from factory.store import Store, migrations, open_store
from factory.store.access import organisations
from factory.store.factories import DEFAULT_FACTORY

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT = "default"
COMMAND_LINE = "command line"
"""Actor in the audit trail."""

_CHOSEN = "factory.organisation"
_CLOCK_AHEAD = "factory.clock_ahead"


def _choose(context: click.Context, _parameter: click.Parameter, value: str) -> None:
    context.meta[_CHOSEN] = value


organisation_option = click.option(
    "--organisation",
    default=DEFAULT,
    show_default=True,
    metavar="ID",
    expose_value=False,  # `opened` reads it, so no command has to pass it on
    callback=_choose,
    help="The organisation to act in.",
)

_factory_option = click.option(
    "--factory", "factory_id", default=DEFAULT_FACTORY, show_default=True, metavar="ID", help="The factory to act in."
)


def factory_option(command: F) -> F:
    """Add `--factory` and `--organisation` to a command."""
    return organisation_option(_factory_option(command))


def instant(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """Parse the timestamp of an option into microseconds since the epoch; None without the option."""
    try:
        return None if value is None else parse_timestamp(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def now() -> int:
    """Return the present instant of the application's clock, in microseconds since the epoch.

    A command has one clock from its first question to its end.
    """
    if not os.environ.get("CLOCK_AT"):
        return system_clock()
    meta = click.get_current_context().find_root().meta
    if _CLOCK_AHEAD not in meta:
        meta[_CLOCK_AHEAD] = ahead_of_system(load_settings(os.environ))
    return system_clock() + int(meta[_CLOCK_AHEAD])


def command_line(store: Store) -> Actor:
    """Return the actor of the command line, in the store's organisation."""
    assert store.organisation is not None
    return Actor(COMMAND_LINE, store.organisation, now())


@contextmanager
def opened() -> Iterator[tuple[Settings, Store]]:
    """Yield the settings of the environment and their store, migrated if AUTO_MIGRATE is on.

    The store acts for the organisation of `--organisation`, if the command has that option. Raises NotFound.
    """
    settings = load_settings(os.environ)
    store = open_store(settings)
    try:
        if settings.auto_migrate:
            migrations.upgrade(store)
        context = click.get_current_context(silent=True)
        chosen = DEFAULT if context is None else context.meta.get(_CHOSEN, DEFAULT)
        yield settings, store if chosen == DEFAULT else _acting_for(store, chosen)
    finally:
        store.close()


def _acting_for(store: Store, organisation_id: str) -> Store:
    with store.system().snapshot() as tx:
        return store.acting_for(organisations.find(tx, organisation_id).organisation_key)
