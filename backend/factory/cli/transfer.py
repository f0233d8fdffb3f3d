"""`factory import` and `factory export`: read and write files of events."""

import gzip
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import click

from factory.adapters.events.event_file import read_batches, write_events
from factory.adapters.events.event_json import parse_lines
from factory.cli.command_context import command_line, factory_option, instant, now, opened
from factory.operations.events.export_file import export_events
from factory.operations.events.import_file import Delivery, import_events
from factory.operations.privacy.record_export import record_file
from factory.settings import Settings

_LINES_A_DELIVERY = 5000
_SHOWN_FAILURES = 20


def _deliveries(path: Path, settings: Settings) -> Iterator[Delivery]:
    for lines in read_batches(path, _LINES_A_DELIVERY):
        rules = settings.event_rules(now(), max_events=_LINES_A_DELIVERY)
        yield Delivery(parse_lines(lines.body, rules), lines.numbers, lines.refused, lines.bytes_read)


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@factory_option
def import_(file: Path, factory_id: str) -> None:
    """Store the events of an NDJSON or CSV file, gzipped or not, of any size.

    Run an interrupted import again to complete it. Refused lines are printed by their number, and the command exits
    with 1; the others are stored.

    A file that begins with a brace is NDJSON, one event per line. Any other is CSV in UTF-8: the first line names the
    fields in any case and order; cells are separated by a comma, semicolon, tab or bar. Other columns are ignored. A
    row that does not fit the first line is refused, whatever it holds.
    """
    # Lets the storing thread run soon beside those that read and derive.
    sys.setswitchinterval(0.0005)
    shown = 0
    result = None
    with opened() as (settings, store), click.progressbar(length=file.stat().st_size, file=sys.stderr) as bar:
        register = settings.unknown_entity_policy == "register"
        for result in import_events(
            store=store,
            factory_id=factory_id,
            deliveries=_deliveries(file, settings),
            clock=now,
            register_unknown=register,
        ):
            bar.update(result.bytes_read - bar.pos)
            for failure in result.failures[: max(_SHOWN_FAILURES - shown, 0)]:
                where = f"line {failure.index}" + (f", {failure.field}" if failure.field else "")
                click.echo(f"\n{where}: {failure.message} ({failure.code})", err=True)
            shown += len(result.failures)
    created, duplicates, failed = (0, 0, 0) if result is None else result[1:4]
    click.echo(f"{created} events stored, {duplicates} were there before, {failed} refused.")
    if failed:
        raise click.ClickException(f"{failed} events were refused")


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@factory_option
@click.option("--from", "start", callback=instant, metavar="TIME", help="Only events from this instant on.")
@click.option("--to", "end", callback=instant, metavar="TIME", help="Only events before this instant.")
def export(file: Path, factory_id: str, start: int | None, end: int | None) -> None:
    """Write the stored events, oldest first, as NDJSON, or CSV where the name ends in .csv or .csv.gz.

    A name that ends in .gz is gzipped; - is standard output. The file has the real ids of workers, whatever the
    factory's setting. The export is recorded in the audit trail.
    """
    with opened() as (_, store), ExitStack() as stack:
        events = export_events(store=store, factory_id=factory_id, start=start, end=end)
        form = "csv" if ".csv" in file.suffixes else "ndjson"
        record_file(store=store, factory_id=factory_id, view="events", format=form, rows=None, by=command_line(store))
        first = next(events, None)
        target: BinaryIO = sys.stdout.buffer if str(file) == "-" else stack.enter_context(file.open("wb"))
        if file.suffix == ".gz":
            target = stack.enter_context(gzip.GzipFile(fileobj=target, mode="wb", compresslevel=6))  # type: ignore[assignment]
        count = write_events(target, (e for some in ((first,) if first else (), events) for e in some), form)
    click.echo(f"{count} events written.", err=True)
