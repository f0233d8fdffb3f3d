"""`factory audit`: list and verify the audit trail."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from factory.cli.command_context import instant, opened, organisation_option
from factory.cli.user import operator_option
from factory.domain.access.permissions import PLATFORM
from factory.domain.privacy import Audience
from factory.operations.privacy.read_audit import Head, audit_heads, read_audit, verify_audit

_ALL = "all"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_organisation = click.option(
    "--organisation", default=_ALL, show_default=True, metavar="ID", help="One organisation's trail only."
)


def _head(_ctx: object, _param: object, value: str | None) -> Head | None:
    return None if value is None else _number_and_hash(value)


def _heads(_ctx: object, _param: object, file: Path | None) -> dict[str, Head] | None:
    if file is None:
        return None
    lines = [line.split() for line in file.read_text().splitlines()]
    if not lines or any(len(line) != 2 for line in lines):
        raise click.BadParameter("must hold lines as factory audit head prints them")
    return {name: _number_and_hash(head) for name, head in lines}


def _number_and_hash(value: str) -> Head:
    parts = re.fullmatch("([0-9]{1,18}):([0-9a-f]{64})", value)
    if parts is None:
        raise click.BadParameter("must be NUMBER:HASH, as factory audit head prints it")
    return int(parts[1]), bytes.fromhex(parts[2])


@click.group()
def audit() -> None:
    """List the audit trail, verify it, or print its head for a later verification."""


@audit.command("list")
@organisation_option
@operator_option
@click.option("--from", "start", callback=instant, metavar="TIME", help="Only lines from this instant on.")
@click.option("--to", "end", callback=instant, metavar="TIME", help="Only lines before this instant.")
@click.option("--actor", help="Only lines of this actor.")
@click.option("--action", help="Only this action; with a dot at its end, all that begin with it.")
@click.option("--subject", help="Only lines about this subject.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Most lines.")
def list_(operator: bool, **asked: Any) -> None:
    """Print the audit trail, newest first, one JSON object per line.

    With --operator it is the platform's: failed sign-ins by unknown addresses, and the operators. Where a factory shows
    no persons, workers have pseudonyms.
    """
    with opened() as (settings, store):
        readers = Audience(permitted=True, by_default=settings.shows_persons, k_min=settings.k_min)
        page = read_audit(
            store=store.acting_for(PLATFORM) if operator else store,
            audience=lambda _: readers,
            factory_ids=None,
            cursor=None,
            **asked,
        )
    for line in page.data:
        click.echo(json.dumps(line, ensure_ascii=False))


@audit.command()
@_organisation
@click.option("--head", callback=_head, metavar="NUMBER:HASH", help="Earlier output of factory audit head.")
@click.option("--heads", callback=_heads, type=_FILE, metavar="FILE", help="The same of all organisations.")
def verify(organisation: str, head: Head | None, heads: dict[str, Head] | None) -> None:
    """Name each line that was altered, removed, added or moved; exit with 1 when there is any.

    A writer of the database can make the whole chain anew, so that it verifies. A head kept elsewhere reveals that.
    """
    if head is not None and organisation == _ALL:
        raise click.UsageError("--head is that of one organisation: name it with --organisation")
    with opened() as (_, store):
        kept = heads if head is None else {**(heads or {}), organisation: head}
        faults = verify_audit(store=store, organisation=None if organisation == _ALL else organisation, kept=kept)
    for fault in faults:
        click.echo(fault)
    if faults:
        raise click.ClickException("the audit trail is not as it was written")
    click.echo("The audit trail is as it was written.")


@audit.command()
@_organisation
def head(organisation: str) -> None:
    """Print the number and hash of each trail's last line, to be kept away from writers of the database."""
    with opened() as (_, store):
        heads = audit_heads(store=store, organisation=None if organisation == _ALL else organisation)
    for name, (number, hash_) in heads.items():
        click.echo(f"{name} {number}:{hash_.hex()}")
