"""`factory organisation`: the tenants of the installation, from the command line."""

from __future__ import annotations

import click

from factory.adapters.access.password_hashes import PasswordHashes
from factory.cli.command_context import COMMAND_LINE, command_line, now, opened
from factory.domain.access.permissions import PLATFORM, ROLES, Actor
from factory.operations.access import organisations


@click.group()
def organisation() -> None:
    """Add and list organisations."""


@organisation.command()
@click.argument("organisation_id")
@click.option("--name", help="Default: the id.")
@click.option("--admin-email", help="Make an administrator of the organisation, and print the first password.")
@click.option("--admin-name", help="The administrator's name; default: the e-mail address.")
def add(organisation_id: str, name: str | None, admin_email: str | None, admin_name: str | None) -> None:
    """Add an organisation; nothing of another one is visible in it."""
    values = {
        "organisation_id": organisation_id,
        "name": name,
        "admin_email": admin_email,
        "admin_name": admin_name,
    }
    with opened() as (_, store):
        made = organisations.create_organisation(
            store=store, passwords=PasswordHashes(), values=values, by=Actor(COMMAND_LINE, PLATFORM, now())
        )
    click.echo(f"{made['organisation_id']} is there; it has no factory yet.", err=True)
    if "initial_password" in made:
        click.echo(made["initial_password"])


@organisation.command("second-factor")
@click.argument("organisation_id")
@click.argument("role", type=click.Choice(["none", *ROLES]))
def second_factor(organisation_id: str, role: str) -> None:
    """Require a second factor of the organisation's users from a role on; none ends that."""
    with opened() as (_, store):
        acting = store.acting_for(organisations.key_of(store=store, organisation_id=organisation_id))
        values = {"required_from": None if role == "none" else role}
        organisations.require_second_factor(store=acting, values=values, by=command_line(acting))
    click.echo(f"{organisation_id}: {'not required' if role == 'none' else f'required from {role} on'}.", err=True)


@organisation.command("list")
def list_() -> None:
    """List the organisations."""
    with opened() as (_, store):
        for one in organisations.list_organisations(store=store):
            click.echo(f"{one['organisation_id']}  {one['name']}")
