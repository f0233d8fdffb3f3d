"""The versions of the schema, and the commands to reach the newest one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from factory.store.engine.database import Store
from factory.store.schema import exists_on, metadata

_PARTITIONS = ("events_first_rows", "events_beside_rows")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def declared_for(dialect: str) -> Callable[..., bool]:
    """Make Alembic's `include_object`: without partitions and tables that only the other database has."""

    def include(item: Any, name: str | None, kind: str, reflected: bool, _other: Any) -> bool:
        if kind != "table":
            return True
        return name not in _PARTITIONS if reflected else exists_on(item, dialect)

    return include


@cache
def _scripts() -> ScriptDirectory:
    """Return this release's migrations; reading them takes longer than finding that there is none to run."""
    return ScriptDirectory(str(Path(__file__).parent))


def upgrade(store: Store) -> bool:
    """Migrate the schema to the newest version; several processes may do it at once.

    Return False, and change nothing, if the schema is of a later release: every migration suits the release before it.
    """
    with store.system().writing() as tx:
        store.dialect.lock_schema(tx)
        if _revision(tx) == _scripts().get_current_head():
            return True
        if _is_newer(tx):
            return False
        command.upgrade(_config(tx), "head")
        return True


def _revision(tx: Connection) -> str | None:
    return MigrationContext.configure(tx).get_current_revision()


def _is_newer(tx: Connection) -> bool:
    known = {script.revision for script in _scripts().walk_revisions()}
    return _revision(tx) not in {None, *known}


def check(store: Store) -> list[str]:
    """List why the schema is not the newest one, one sentence each; empty if it is."""
    with store.system().snapshot() as tx:
        if _is_newer(tx):
            return [f"The schema is at version {_revision(tx)}, of a later release than this one"]
        context = MigrationContext.configure(tx, opts={"include_object": declared_for(tx.dialect.name)})
        current = context.get_current_revision()
        newest = _scripts().get_current_head()
        if current != newest:
            return [f"The schema is at version {current or 'none'}, the newest is {newest}: run factory db upgrade"]
        return [f"The schema differs from its declaration: {change}" for change in compare_metadata(context, metadata)]
