"""`factory verify` and `factory rebuild`: compare derived rows with the raw events, or derive them anew."""

import click

from factory.cli.command_context import factory_option, now, opened, organisation_option
from factory.operations.derive.generation import rebuild_derived
from factory.operations.derive.verify import verify_derived, zone_data
from factory.store.factories import DEFAULT_FACTORY


def _show(done: int, of: int) -> None:
    click.echo(f"\r{done} of {of} stretches", err=True, nl=done == of)


@click.command()
@organisation_option
@click.option("--factory", "factory_id", metavar="ID", help="Only this factory; default: all of the organisation.")
def verify(factory_id: str | None) -> None:
    """Recompute everything from the raw events and report every difference, and the time zone data in use.

    Exits with 1 when there is any. No number changes; the server may serve meanwhile.
    """
    with opened() as (_, store):
        differences = verify_derived(store=store, factory_id=factory_id, now=now(), progress=_show)
        data = zone_data(store=store, factory_id=factory_id)
    for line in data:
        click.echo(line)
    for difference in differences:
        click.echo(difference)
    if differences:
        raise click.ClickException(f"{len(differences)} differences; factory rebuild mends them")
    click.echo("Everything that is shown follows from the events.")


@click.command()
@factory_option
def rebuild(factory_id: str = DEFAULT_FACTORY) -> None:
    """Derive everything anew from the raw events; the server may serve meanwhile."""
    with opened() as (_, store):
        rebuild_derived(store=store, factory_id=factory_id, now=now(), progress=_show)
    click.echo("Everything is derived anew.")
