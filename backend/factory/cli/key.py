"""`factory key`: API keys from the command line."""

from __future__ import annotations

from typing import Any

import click

from factory.cli.command_context import command_line, factory_option, opened
from factory.domain.access.permissions import SCOPES
from factory.operations.access import api_keys
from factory.operations.access.authenticate import KEY_PREFIX


@click.group()
def key() -> None:
    """Make, list, replace and revoke the API keys of a factory."""


@key.command()
@factory_option
@click.option("--name", required=True, help="What the key is for, such as a camera's name.")
@click.option("--scope", type=click.Choice(list(SCOPES)), default="ingest", show_default=True)
@click.option("--expires-in-days", type=click.IntRange(1, api_keys.MAX_EXPIRY_DAYS), help="No expiry unless given.")
def add(factory_id: str, name: str, scope: str, expires_in_days: int | None) -> None:
    """Make a key and print only the key on standard output; it cannot be shown again."""
    values = {"name": name, "scope": scope, "expires_in_days": expires_in_days}
    with opened() as (_, store):
        made = api_keys.create_key(store=store, factory_id=factory_id, values=values, by=command_line(store))
    _tell(made)


@key.command("list")
@factory_option
def list_(factory_id: str) -> None:
    """List the factory's keys, including ended ones."""
    with opened() as (_, store):
        keys = api_keys.list_keys(store=store, factory_id=factory_id)
    for one in keys:
        ends = f"ends {one['expires_at']}" if one["expires_at"] else "without end"
        state = f"revoked {one['revoked_at']}" if one["revoked_at"] else ends
        used = f"used {one['last_used_at']}" if one["last_used_at"] else "never used"
        maker = f"made by {one['created_by']}" if one["created_by"] else "maker unknown"
        click.echo(f"{KEY_PREFIX}{one['key_id']}  {one['scope']:<6}  {state}  {used}  {maker}  {one['name']}")


@key.command()
@factory_option
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, api_keys.MAX_OVERLAP_HOURS),
    default=api_keys.DEFAULT_OVERLAP_HOURS,
    show_default=True,
    help="How long the old key stays valid.",
)
@click.argument("key_id")
def rotate(factory_id: str, overlap_hours: int, key_id: str) -> None:
    """Replace a key by a new one of the same name and scope, and print that."""
    values = {"overlap_hours": overlap_hours}
    with opened() as (_, store):
        made = api_keys.rotate_key(
            store=store, factory_id=factory_id, key_id=_bare(key_id), values=values, by=command_line(store)
        )
    _tell(made)


@key.command()
@factory_option
@click.argument("key_id")
def revoke(factory_id: str, key_id: str) -> None:
    """End a key now; running servers follow within ACCESS_CACHE_SECONDS."""
    with opened() as (_, store):
        api_keys.revoke_key(store=store, factory_id=factory_id, key_id=_bare(key_id), by=command_line(store))
    click.echo(f"{KEY_PREFIX}{_bare(key_id)} is revoked.", err=True)


def _bare(key_id: str) -> str:
    """Return the id of a key, given as id or as whole key."""
    return key_id.removeprefix(KEY_PREFIX)[:12]


def _tell(made: dict[str, Any]) -> None:
    ends = f"until {made['expires_at']}" if made["expires_at"] else "without end"
    told = f"{made['name']}: {made['scope']} in factory {made['factory_id']}, {ends}. It is shown this once:"
    click.echo(told, err=True)
    click.echo(made["key"])
