"""`factory simulate`: send a live stream of events to any server."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import click

from factory.adapters.events.event_sender import EventSender, SendingRefused
from factory.adapters.events.event_spool import EventSpool, SpoolInUse
from factory.cli.command_context import now
from factory.domain.sample.simulated_stream import SimulatedStream
from factory.operations.simulate_live import Disturbance, simulate_live

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _duration(text: str) -> float:
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)?", text.strip())
    if found is None:
        raise click.BadParameter(f"'{text}' is no length of time such as 90s, 5m or 1h")
    return float(found[1]) * _UNITS[found[2] or "s"]


def _duration_option(_: Any, __: Any, text: str | None) -> float | None:
    return None if text is None else _duration(text)


def _rate_option(_: Any, __: Any, text: str) -> float:
    number, _slash, unit = text.partition("/")
    try:
        rate = float(number) / _duration(f"1{unit or 's'}")
    except ValueError:
        raise click.BadParameter(f"'{text}' is no rate such as 50/s or 3000/m") from None
    if not 0 < rate <= 1_000_000:
        raise click.BadParameter("a rate is more than 0 and at most 1000000/s")
    return rate


def _share_option(_: Any, __: Any, text: str) -> float:
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise click.BadParameter(f"'{text}' is no share such as 5% or 0.05")
    return share


def _outage_option(_: Any, __: Any, text: str | None) -> tuple[float, float]:
    if text is None:
        return 0.0, 0.0
    lasts, slash, every = text.partition("/")
    if not slash or not 0 < _duration(lasts) < _duration(every):
        raise click.BadParameter(f"'{text}' is not of the form 5m/1h: five minutes in every hour")
    return _duration(lasts), _duration(every)


class _ProgressLine:
    """One line on stderr, rewritten twice a second on a terminal and written every ten seconds elsewhere."""

    def __init__(self, sender: EventSender) -> None:
        self._sender = sender
        self._begin = self._last = time.monotonic()
        self._live = sys.stderr.isatty()

    def __call__(self, made: int) -> None:
        if time.monotonic() - self._last >= (0.5 if self._live else 10.0):
            self.write(made)

    def write(self, made: int) -> None:
        self._last = time.monotonic()
        counts, waits = self._sender.delivery, self._sender.waits
        rate = made / max(0.001, self._last - self._begin)
        line = (
            f"made {made:,} ({rate:,.0f}/s)  sent {counts.sent:,}  acknowledged {counts.acknowledged:,}  "
            f"duplicates {counts.duplicates:,}  failed {counts.failed:,}  stored {self._sender.stored:,}"
        )
        if counts.dropped:
            line += f"  dropped {counts.dropped:,}"
        if not self._sender.connected:
            line += "  (connection cut by --outage)"
        elif waits:
            line += f"  (server away, next try in {waits:.0f} s)"
        click.echo(f"\r\x1b[K{line}" if self._live else line, err=True, nl=not self._live)

    def end(self, made: int) -> None:
        self.write(made)
        if self._live:
            click.echo(err=True)


@contextmanager
def _stop_on_signal() -> Iterator[Event]:
    """Yield an event set by SIGINT and SIGTERM; a second SIGINT ends the program at once."""
    stop = Event()

    def ask(number: int, _: Any) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@click.command()
@click.option("--url", default="http://localhost:5000", show_default=True, help="The server.")
@click.option(
    "--factory", "factory_id", metavar="ID", help="The factory of the events; default: that of the key, else `default`."
)
@click.option(
    "--api-key",
    envvar="FACTORY_API_KEY",
    metavar="KEY",
    help="For a server that requires one. Better in FACTORY_API_KEY: others see the arguments of a command.",
)
@click.option("--workers", type=click.IntRange(1, 100_000), default=20, show_default=True)
@click.option("--rate", callback=_rate_option, default="10/s", show_default=True, help="Such as 50/s or 3000/m.")
@click.option(
    "--late", callback=_share_option, default="0%", show_default=True, help="Share delivered up to 2 min late."
)
@click.option("--duplicates", callback=_share_option, default="0%", show_default=True, help="Share delivered twice.")
@click.option("--outage", callback=_outage_option, help="5m/1h: cut the connection for 5 minutes in every hour.")
@click.option("--duration", callback=_duration_option, help="Such as 90s or 2h. Without it: until Ctrl-C.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the random stream.")
@click.option("--batch-size", type=click.IntRange(1, 10_000), default=500, show_default=True)
@click.option("--spool", type=click.Path(dir_okay=False, path_type=Path), help="File for undelivered events.")
@click.option(
    "--spool-limit", type=click.IntRange(0), default=1_000_000, show_default=True, help="Most events in the spool."
)
def simulate(
    url: str,
    factory_id: str | None,
    api_key: str | None,
    workers: int,
    rate: float,
    late: float,
    duplicates: float,
    outage: tuple[float, float],
    duration: float | None,
    seed: int,
    batch_size: int,
    spool: Path | None,
    spool_limit: int,
) -> None:
    """Post a live stream of events to a server.

    While the server is away or answers with Retry-After, events are stored on disk and sent again, also by the
    next run. The exit code is 1 when an event was refused, dropped or is still stored.
    """
    name = re.sub(r"[^A-Za-z0-9.]+", "-", f"{url.partition('//')[2]}-{factory_id or 'default'}").strip("-")
    try:
        events = EventSpool(spool or Path("var") / f"simulate-{name}.ndjson", limit=spool_limit)
    except (SpoolInUse, OSError) as error:
        raise click.ClickException(f"the spool cannot be opened: {error}; choose another with --spool") from error
    try:
        sender = EventSender(url=url, factory_id=factory_id, spool=events, api_key=api_key, batch_size=batch_size)
    except ValueError as error:
        events.close()
        raise click.UsageError(str(error)) from error
    progress = _ProgressLine(sender)
    try:
        with _stop_on_signal() as stop:
            made = simulate_live(
                stream=SimulatedStream(seed=seed, workers=workers, run=uuid4().hex[:12]),
                sender=sender,
                rate=rate,
                duration=duration,
                disturbance=Disturbance(late, duplicates, *outage),
                seed=seed,
                now=now(),
                monotonic=time.monotonic,
                wait=stop.wait,
                progress=progress,
            )
        progress.end(made)
    except SendingRefused as error:
        raise click.ClickException(str(error)) from error
    finally:
        stored = sender.stored
        sender.close()
        events.close()
        if stored:
            click.echo(f"{stored:,} events wait in {events.path}; the next run sends them", err=True)
    if sender.delivery.first_failure:
        click.echo(f"first refusal: {sender.delivery.first_failure}", err=True)
    if stored or sender.delivery.failed or sender.delivery.dropped:
        raise SystemExit(1)
