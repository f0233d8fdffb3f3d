"""`factory person`: what is stored about one person, and erasing it."""

import sys

import click
import msgspec

from factory.cli.command_context import command_line, factory_option, opened
from factory.operations.privacy.erase import erase_worker
from factory.operations.privacy.export import export_person


@click.group()
def person() -> None:
    """Take out all data about a person, or erase who it is about."""


@person.command()
@click.argument("worker_id")
@factory_option
def export(worker_id: str, factory: str) -> None:
    """Write everything that is stored about a worker to the standard output, a JSON object a line.

    It is noted in the audit trail.
    """
    with opened() as (_, store):
        for row in export_person(store=store, factory=factory, worker_id=worker_id, by=command_line(store)):
            sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")
    sys.stdout.buffer.flush()


@person.command()
@click.argument("worker_id")
@factory_option
@click.confirmation_option(prompt="It cannot be undone. Erase?")
def erase(worker_id: str, factory: str) -> None:
    """Give a worker a random id and no name; the figures stay. Prints the new id.

    Events of the old id are refused from then on, until it is registered anew.
    """
    with opened() as (_, store):
        click.echo(erase_worker(store=store, factory=factory, worker_id=worker_id, by=command_line(store)))
