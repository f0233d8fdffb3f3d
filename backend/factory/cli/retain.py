"""`factory retain`: remove old raw events now."""

import click

from factory.cli.command_context import now, opened
from factory.domain.metrics.window import oldest_kept
from factory.domain.timestamp import format_timestamp
from factory.operations.derive.retention import retain as remove_events
from factory.store import factories


@click.command()
@click.option("--factory", metavar="ID", help="Only this factory; default: all, of every organisation.")
def retain(factory: str | None) -> None:
    """Remove the raw events older than RETENTION_DAYS.

    No number changes by it, and it cannot be undone. The server does it by itself, and may serve meanwhile. The next
    round completes an interrupted one.
    """
    with opened() as (settings, store):
        instant = now()
        before = oldest_kept(settings.retention_days, instant)
        if before is None:
            raise click.ClickException("RETENTION_DAYS is 0: nothing is removed.")
        with (store.system() if factory is None else store).snapshot() as tx:
            sites = factories.list_factories(tx) if factory is None else [factories.find(tx, factory)]
        for site in sites:
            mine = store.acting_for(site.organisation_key)
            removed = remove_events(store=mine, factory=site.factory_id, before=before, now=instant)
            click.echo(f"{site.factory_id}: {removed} raw events before {format_timestamp(before)} removed.")
