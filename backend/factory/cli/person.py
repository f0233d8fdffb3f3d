"""`factory person`: export or erase the data about one person."""

import sys

import click
import msgspec

from factory.cli.command_context import command_line, factory_option, opened
from factory.operations.privacy.erase import erase_worker
from factory.operations.privacy.export import export_person


@click.group()
def person() -> None:
    """Export all data about a person, or erase the identity."""


@person.command()
@click.argument("worker_id")
@factory_option
def export(worker_id: str, factory_id: str) -> None:
    """Write all stored data about a worker to standard output, one JSON object per line.

    The export is recorded in the audit trail.
    """
    with opened() as (_, store):
        for row in export_person(store=store, factory_id=factory_id, worker_id=worker_id, by=command_line(store)):
            sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")
    sys.stdout.buffer.flush()


@person.command()
@click.argument("worker_id")
@factory_option
@click.confirmation_option(prompt="It cannot be undone. Erase?")
def erase(worker_id: str, factory_id: str) -> None:
    """Give a worker a random id and no name; the figures stay. Prints the new id.

    Events of the old id are refused from then on, until it is registered anew.
    """
    with opened() as (_, store):
        click.echo(erase_worker(store=store, factory_id=factory_id, worker_id=worker_id, by=command_line(store)))
