"""`factory db`: the database schema, and copies of an SQLite database."""

import os
from contextlib import closing
from pathlib import Path

import click

from factory.settings import load_settings
from factory.store import distribution, migrations, open_store
from factory.store.engine import sqlite


@click.group()
def db() -> None:
    """Bring the database schema up to date, compare it, or copy an SQLite database."""


@db.command()
def upgrade() -> None:
    """Apply every migration that is missing; safe while other processes start or serve."""
    with closing(open_store(load_settings(os.environ))) as store:
        is_ours = migrations.upgrade(store)
    click.echo(
        "The database schema is up to date."
        if is_ours
        else "The database schema is that of a later release; this one leaves it as it is."
    )


@db.command()
def check() -> None:
    """Fail when the schema is behind, or differs from the one declared in the code."""
    with closing(open_store(load_settings(os.environ))) as store:
        problems = migrations.check(store)
    if problems:
        raise click.ClickException("\n".join(problems))
    click.echo("The database schema is what the code declares.")


@db.command()
def distribute() -> None:
    """Distribute the tables by factory, on the coordinator while no server runs; does not work on Citus yet."""
    with closing(open_store(load_settings(os.environ))) as store:
        tables = distribution.distribute(store)
    click.echo(f"Distributed: {', '.join(tables)}." if tables else "All tables are distributed already.")


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy an SQLite database into FILE while others write; for PostgreSQL use its own tools."""
    with closing(open_store(load_settings(os.environ))) as store:
        if store.engine.dialect.name != "sqlite":
            raise click.ClickException(
                "A PostgreSQL is backed up by the container `backup`: see docs/operations/backup.md"
            )
        if not Path(store.engine.url.database or "").is_file():
            raise click.ClickException("There is no database at DATABASE_URL")
        try:
            sqlite.back_up(store.engine, file)
        except FileExistsError:
            raise click.ClickException(f"{file} is there already: a backup writes over nothing") from None
        except OSError as error:
            raise click.ClickException(f"No backup was made: {error}") from None
    click.echo(f"Copied to {file}, {file.stat().st_size:,} bytes.")
