"""`factory retain`: remove old raw events now."""

import click

from factory.cli.command_context import now, opened
from factory.domain.metrics.window import oldest_kept
from factory.domain.timestamp import format_timestamp
from factory.operations.derive.retention import retain as remove_events
from factory.store import factories


@click.command()
@click.option("--factory", "factory_id", metavar="ID", help="Only this factory; default: all, of every organisation.")
def retain(factory_id: str | None) -> None:
    """Remove the raw events older than RETENTION_DAYS.

    No number changes by it, and it cannot be undone. The server does it by itself, and may serve meanwhile. The next
    round completes an interrupted one.
    """
    with opened() as (settings, store):
        instant = now()
        before = oldest_kept(settings.retention_days, instant)
        if before is None:
            raise click.ClickException("RETENTION_DAYS is 0: nothing is removed.")
        with (store.system() if factory_id is None else store).snapshot() as tx:
            all_factories = factories.list_factories(tx) if factory_id is None else [factories.find(tx, factory_id)]
        for factory in all_factories:
            mine = store.acting_for(factory.organisation_key)
            removed = remove_events(store=mine, factory_id=factory.factory_id, before=before, now=instant)
            click.echo(f"{factory.factory_id}: {removed} raw events before {format_timestamp(before)} removed.")
