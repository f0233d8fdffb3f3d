"""`factory user`: users from the command line, such as the first administrator."""

from __future__ import annotations

import sys
from typing import Any

import click

from factory.adapters.access.password_hashes import PasswordHashes
from factory.cli.command_context import command_line, opened, organisation_option
from factory.domain.access.addresses import lower_address
from factory.domain.access.passwords import fault_of_password
from factory.domain.access.permissions import EVERYWHERE, PLATFORM, ROLES
from factory.domain.errors import InvalidInput, NotFound
from factory.operations.access import users
from factory.operations.access.admin_scope import AdminScope
from factory.operations.access.authenticate import KEY_PREFIX
from factory.operations.access.organisations import names_of_organisation
from factory.store import Store

_ALL = AdminScope(everywhere=True)

operator_option = click.option("--operator", is_flag=True, help="A platform operator, outside all organisations.")


@click.group()
def user() -> None:
    """Add, list and change users."""


@user.command()
@organisation_option
@click.option("--email", required=True, help="Address for signing in.")
@click.option("--name", required=True)
@click.option("--role", type=click.Choice(list(ROLES)), help="The user's role.")
@click.option(
    "--factory",
    "factories",
    multiple=True,
    default=("everywhere",),
    show_default=True,
    metavar="ID",
    help="Factory of the role; may be repeated; or everywhere.",
)
@operator_option
@click.option("--password-stdin", is_flag=True, help="Read the first password from standard input.")
def add(
    email: str, name: str, role: str | None, factories: tuple[str, ...], operator: bool, password_stdin: bool
) -> None:
    """Add a user and print only the first password on standard output; it has to be changed at the first sign-in."""
    if operator == (role is not None):
        raise click.UsageError("Give either --role or --operator.")
    roles = {} if role is None else {EVERYWHERE if one == "everywhere" else one: role for one in factories}
    with opened() as (settings, store):
        store = store.acting_for(PLATFORM) if operator else store
        password = ""
        if password_stdin:
            password = sys.stdin.readline().rstrip("\r\n")
            fault = fault_of_password(
                password,
                min_length=settings.password_min_length,
                email=email,
                name=name,
                organisation=names_of_organisation(store=store),
            )
            if fault is not None:
                raise InvalidInput(f"The password {fault['message']}", code=fault["code"])
        values = {"email": email, "name": name, "roles": roles}
        made = users.create_user(
            store=store,
            passwords=PasswordHashes(),
            scope=_ALL,
            values=values,
            by=command_line(store),
            password=password,
        )
    click.echo(f"{made['email']} may sign in; the first password has to be changed then.", err=True)
    if not password_stdin:
        click.echo(made["initial_password"])


@user.command("list")
@organisation_option
@operator_option
def list_(operator: bool) -> None:
    """List the users with their roles."""
    with opened() as (_, store):
        store = store.acting_for(PLATFORM) if operator else store
        for one in users.list_users(store=store, organisation=command_line(store).organisation, scope=_ALL):
            roles = ", ".join(f"{role} in {_place(factory_id)}" for factory_id, role in one["roles"].items())
            state = "disabled" if one["disabled"] else f"last sign-in {one['last_sign_in_at'] or 'never'}"
            click.echo(f"{one['email']}  {one['name']}  {'operator' if operator else roles or 'no role'}  {state}")


@user.command()
@organisation_option
@operator_option
@click.argument("email")
def reset(email: str, operator: bool) -> None:
    """Print a new first password for a user, remove the second factor and end a lockout."""
    changed = _change(email, operator, {"reset_password": True, "reset_totp": True})
    click.echo(changed["initial_password"])


@user.command()
@organisation_option
@operator_option
@click.option("--end-keys", is_flag=True, help="Also end the API keys that the user made.")
@click.argument("email")
def disable(email: str, operator: bool, end_keys: bool) -> None:
    """Disable a user, end all their sessions, and list the API keys that they made."""
    changed = _change(email, operator, {"disabled": True, "end_keys": end_keys})
    click.echo(f"{email} cannot sign in any more.")
    for key in changed["keys_made"]:
        state = "ended" if key["ended"] else "still valid"
        click.echo(f"{KEY_PREFIX}{key['key_id']}  {key['scope']:<6}  {state}  {key['factory_id']}  {key['name']}")


@user.command()
@organisation_option
@operator_option
@click.argument("email")
def enable(email: str, operator: bool) -> None:
    """Let a disabled user sign in again."""
    _change(email, operator, {"disabled": False})
    click.echo(f"{email} may sign in.")


def _change(email: str, operator: bool, values: dict[str, Any]) -> dict[str, Any]:
    with opened() as (_, store):
        store = store.acting_for(PLATFORM) if operator else store
        return users.update_user(
            store=store,
            passwords=PasswordHashes(),
            scope=_ALL,
            user_id=_user_id(store, email),
            values=values,
            by=command_line(store),
        )


def _user_id(store: Store, email: str) -> str:
    everybody = users.list_users(store=store, organisation=command_line(store).organisation, scope=_ALL)
    for one in everybody:
        if one["email"] == lower_address(email):
            return str(one["user_id"])
    raise NotFound("There is no user of this e-mail address", code="user_not_found")


def _place(factory_id: str) -> str:
    return "all factories" if factory_id == EVERYWHERE else factory_id
