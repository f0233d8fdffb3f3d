"""`factory verify` and `factory rebuild`: derived rows against raw events."""

import click

from factory.cli.command_context import factory_option, now, opened, organisation_option
from factory.operations.derive.generation import rebuild_derived
from factory.operations.derive.verify import verify_derived
from factory.store.factories import DEFAULT_FACTORY


def _show(done: int, of: int) -> None:
    click.echo(f"\r{done} of {of} stretches", err=True, nl=done == of)


@click.command()
@organisation_option
@click.option("--factory", metavar="ID", help="Only this factory; all of the organisation unless given.")
def verify(factory: str | None) -> None:
    """Recompute everything from the raw events and report every difference.

    Ends with 1 when there is any. Changes nothing that is shown; the server may serve meanwhile.
    """
    with opened() as (_, store):
        differences = verify_derived(store=store, factory=factory, now=now(), progress=_show)
    for difference in differences:
        click.echo(difference)
    if differences:
        raise click.ClickException(f"{len(differences)} differences; factory rebuild mends them")
    click.echo("Everything that is shown follows from the events.")


@click.command()
@factory_option
def rebuild(factory: str = DEFAULT_FACTORY) -> None:
    """Make everything that is derived anew from the raw events; the server may serve meanwhile."""
    with opened() as (_, store):
        rebuild_derived(store=store, factory=factory, now=now(), progress=_show)
    click.echo("Everything is derived anew.")
