"""`factory audit`: the proof that nobody has touched the audit trail."""

from __future__ import annotations

import re

import click

from factory.cli.opened import opened
from factory.operations.read_audit import audit_heads, verify_audit

_ALL = "all"
_organisation = click.option(
    "--organisation", default=_ALL, show_default=True, metavar="ID", help="One organisation's trail only."
)


def _number_and_hash(_ctx: object, _param: object, value: str | None) -> tuple[int, bytes] | None:
    if value is None:
        return None
    parts = re.fullmatch("([0-9]{1,18}):([0-9a-f]{64})", value)
    if parts is None:
        raise click.BadParameter("must be NUMBER:HASH, as factory audit head prints it")
    return int(parts[1]), bytes.fromhex(parts[2])


@click.group()
def audit() -> None:
    """Prove the audit trail, or print what proves it later."""


@audit.command()
@_organisation
@click.option(
    "--head", callback=_number_and_hash, metavar="NUMBER:HASH", help="What factory audit head printed before."
)
def verify(organisation: str, head: tuple[int, bytes] | None) -> None:
    """Name each line that was altered, removed, added or moved; ends with 1 when there is any.

    Whoever may write to the database can write all of a chain anew, so that it holds. A head that was kept elsewhere
    finds that out.
    """
    if head is not None and organisation == _ALL:
        raise click.UsageError("--head is that of one organisation: name it with --organisation")
    with opened() as (_, store):
        faults = verify_audit(store=store, organisation=None if organisation == _ALL else organisation, kept=head)
    for fault in faults:
        click.echo(fault)
    if faults:
        raise click.ClickException("the audit trail is not as it was written")
    click.echo("The audit trail is as it was written.")


@audit.command()
@_organisation
def head(organisation: str) -> None:
    """Print the number and the hash of each trail's last line, to be kept where nobody of here may write."""
    with opened() as (_, store):
        heads = audit_heads(store=store, organisation=None if organisation == _ALL else organisation)
    for name, (number, hash_) in heads.items():
        click.echo(f"{name} {number}:{hash_.hex()}")
