"""`factory db`: the database schema."""

import os
from contextlib import closing

import click

from factory.settings import load_settings
from factory.store import distribution, migrations, open_store


@click.group()
def db() -> None:
    """Bring the database schema up to date, or compare it."""


@db.command()
def upgrade() -> None:
    """Apply every migration that is missing; safe while other processes start or serve."""
    with closing(open_store(load_settings(os.environ))) as store:
        migrations.upgrade(store)
    click.echo("The database schema is up to date.")


@db.command()
def check() -> None:
    """Fail when the schema is behind, or differs from what the code declares."""
    with closing(open_store(load_settings(os.environ))) as store:
        problems = migrations.check(store)
    if problems:
        raise click.ClickException("\n".join(problems))
    click.echo("The database schema is what the code declares.")


@db.command()
def distribute() -> None:
    """Distribute the tables of a PostgreSQL with Citus by factory; on its coordinator, while no server runs."""
    with closing(open_store(load_settings(os.environ))) as store:
        tables = distribution.distribute(store)
    click.echo(f"Distributed: {', '.join(tables)}." if tables else "All tables are distributed already.")
