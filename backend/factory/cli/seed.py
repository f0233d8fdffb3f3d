"""`factory seed`: the sample data."""

import click

from factory.cli.opened import factory_option, now, opened
from factory.operations.seed_demo import SAMPLE_SEED, seed_demo


@click.command()
@factory_option
@click.option("--seed", default=SAMPLE_SEED, show_default=True, help="Another seed makes another sample.")
@click.option("--if-empty", is_flag=True, help="Do nothing where the factory has events.")
def seed(factory: str, seed: int, if_empty: bool) -> None:
    """Replace a factory's data with two weeks of sample data up to now."""
    with opened() as (_, store):
        loaded = seed_demo(store=store, factory=factory, now=now(), seed=seed, if_empty=if_empty)
    if loaded["replaced"]:
        click.echo(
            f"Loaded {loaded['events']} events of {loaded['workers']} workers at {loaded['workstations']} workstations."
        )
    else:
        click.echo("The factory has events: nothing was changed.")
