"""`factory seed`: load the sample data."""

import os

import click

from factory.cli.command_context import command_line, factory_option, now, opened
from factory.domain.sample.sample_roster import PLANTS
from factory.operations.registry.seed_demo import SAMPLE_SEED, seed_demo
from factory.settings import load_settings


@click.command()
@factory_option
@click.option(
    "--plant",
    type=click.Choice(list(PLANTS)),
    default="small",
    show_default=True,
    help="small: 6 workers at 6 stations, two weeks; large: 100 workers at 32 stations in three shifts, one week.",
)
@click.option("--seed", default=SAMPLE_SEED, show_default=True, help="Another seed makes another sample.")
@click.option("--if-empty", is_flag=True, help="Do nothing if the factory has any data.")
@click.option("--replace", is_flag=True, help="Remove the factory's data first.")
def seed(factory_id: str, plant: str, seed: int, if_empty: bool, replace: bool) -> None:
    """Fill a factory with sample data of its last days, up to now.

    A factory that has workers, workstations or events is refused without --replace, and so is every
    factory with ENVIRONMENT=production.
    """
    if if_empty and replace:
        raise click.UsageError("--if-empty and --replace exclude each other.")
    if load_settings(os.environ).environment == "production":
        raise click.ClickException("Sample data is not for production: nothing was changed.")
    with opened() as (_, store):
        by = command_line(store)
        loaded = seed_demo(
            store=store,
            factory_id=factory_id,
            now=now(),
            by=by,
            plant=PLANTS[plant],
            seed=seed,
            if_empty=not replace,
        )
    if loaded["replaced"]:
        click.echo(
            f"Loaded {loaded['events']} events of {loaded['workers']} workers at {loaded['workstations']} workstations."
        )
    elif if_empty:
        click.echo("The factory has data: nothing was changed.")
    else:
        raise click.ClickException("The factory has data: nothing was changed; --replace removes it.")
