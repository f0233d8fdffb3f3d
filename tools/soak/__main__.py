"""`python -m tools.soak`: events for half an hour, faults from a seed, and the proof that nothing is wrong after it."""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psutil

from tools.soak.faults import Fault, Saboteur
from tools.soak.memory import Growth, MemoryWatch
from tools.soak.plant import Plant
from tools.soak.proof import differences, misplaced
from tools.soak.senders import Answer, Batches, PlantClock, Reader, SinglePosts

CLIENTS = 8
RECOVERS_SECONDS = 30.0
LEAST_MINUTES_OF_MEMORY = 10.0
"""In a shorter run the growth of memory is told and not judged."""


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def main() -> int:
    """0 when all held."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak")
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("SOAK_MINUTES") or 30))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SOAK_SEED") or random.randrange(10_000)))
    parser.add_argument(
        "--rate", type=float, default=90.0, help="events a second: four fifths alone, a fifth in batches"
    )
    parser.add_argument("--report", type=Path, default=Path("var") / "soak" / "report.md")
    parser.add_argument("--keep", action="store_true", help="keep the logs")
    given = parser.parse_args()
    for program in ("nginx", "redis-server"):
        if shutil.which(program) is None:
            print(f"{program} is needed; Debian's package nginx-light or redis-server has it", file=sys.stderr)
            return 2
    # PostgreSQL and NGINX run as another user where we are root, and must be able to enter it.
    directory = Path(tempfile.mkdtemp(prefix="factory-soak-"))
    directory.chmod(0o755)
    say(f"{given.minutes:g} minutes, seed {given.seed}, logs in {directory}")
    plant = Plant(directory)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that processes and the disk do not stay
    try:
        problems, report = _soak(plant, directory, given.minutes, given.seed, given.rate)
    finally:
        plant.close()
        if not given.keep:
            shutil.rmtree(directory, ignore_errors=True)
    given.report.parent.mkdir(parents=True, exist_ok=True)
    given.report.write_text(report)
    print(report)
    return 1 if problems else 0


def _soak(plant: Plant, directory: Path, minutes: float, seed: int, rate: float) -> tuple[list[str], str]:
    plant.start()
    first = plant.backends[0].process
    assert first is not None
    ingest = plant.command("key", "add", "--name", "cameras", "--scope", "ingest").stdout.strip()
    read = plant.command("key", "add", "--name", "reader", "--scope", "admin").stdout.strip()
    over, quiet = threading.Event(), threading.Event()
    port, seconds = plant.nginx.port, minutes * 60
    clock = PlantClock(seconds)
    singles = [
        SinglePosts(port=port, key=ingest, number=n + 1, rate=0.8 * rate / CLIENTS, clock=clock, stop=over)
        for n in range(CLIENTS)
    ]
    batches = Batches(
        port=port,
        key=ingest,
        rate=0.2 * rate,
        seconds=seconds,
        spool=directory / "spool.ndjson",
        clock=clock,
        stop=over,
    )
    reader = Reader(port=port, key=read, senders=singles, stop=over)
    saboteur = Saboteur(plant, seed=seed, stop=quiet, pause=20, say=say)
    memory = MemoryWatch(first.pid, stop=over)
    began = time.monotonic()
    threads = [*singles, batches, reader, saboteur, memory]
    for thread in threads:
        thread.start()
    while time.monotonic() < began + seconds:
        time.sleep(min(60, max(0, began + seconds - time.monotonic())))
        say(f"{sum(len(one.acknowledged) for one in singles) + batches.sender.delivery.acknowledged:,} acknowledged")
    quiet.set()  # the last fault is repaired, then the senders bring what still waits
    saboteur.join()
    over.set()
    for thread in threads:
        thread.join(180)
    for one in singles:
        one.give_up.set()
    lasted = time.monotonic() - began
    say("all is repaired and delivered; computing everything anew")

    answers = [answer for client in [*singles, reader] for answer in client.client.answers]
    _judge(saboteur.faults, [answer for one in singles for answer in one.client.answers])
    events = [*(event for one in singles for event in one.acknowledged), *batches.made]
    growth = memory.growth()
    verified = plant.command("verify", check=False)
    statuses = plant.nginx.statuses()
    problems = [
        *([saboteur.error] if saboteur.error else []),
        *(f"{len(one.waiting)} events were never acknowledged" for one in singles if one.waiting),
        *([] if batches.all_acknowledged else [f"batches: {batches.sender.delivery}, {batches.error}"]),
        *(f"a sender was answered {wrong}" for one in singles for wrong in one.client.wrong[:5]),
        *(f"the reader was answered {wrong}" for wrong in reader.client.wrong[:5]),
        *(f"an answer missed what was acknowledged: {missed}" for missed in reader.missed[:5]),
        *(
            f"NGINX answered {status} {count} times"
            for status, count in statuses.items()
            if status >= 500 and status != 503
        ),
        *(f"{fault.name}: nothing was taken after the repair" for fault in saboteur.faults if fault.recovered is None),
        *(
            f"{fault.name}: nothing was taken for {fault.recovered - fault.repaired:.0f} s after the repair"
            for fault in saboteur.faults
            if fault.recovered is not None and fault.recovered - fault.repaired > RECOVERS_SECONDS
        ),
        *(
            f"disk full: nobody was answered 503, {fault.statuses}"
            for fault in saboteur.faults
            if fault.name == "disk full" and not fault.statuses.get(503)
        ),
        *misplaced(plant, read, events),
        *differences(plant, read, events),
        *([f"factory verify: {verified.stdout}{verified.stderr}"] if verified.returncode else []),
        *(
            f"{one.name} grew from {one.first:.0f} to {one.last:.0f} MB"
            for one in growth
            if minutes >= LEAST_MINUTES_OF_MEMORY and not one.is_flat
        ),
    ]
    return problems, _report(
        seed, lasted, events, batches, statuses, answers, saboteur.faults, growth, verified.stdout, problems, plant
    )


def _judge(faults: list[Fault], answers: list[Answer]) -> None:
    """Note what senders heard from the beginning of each fault to the first acknowledgement after its repair."""
    answers = sorted(answers)
    for fault in faults:
        later = (one.at for one in answers if one.at - one.seconds > fault.repaired and one.status in (200, 201))
        fault.recovered = next(later, None)
        heard = [one for one in answers if fault.began <= one.at <= (fault.recovered or fault.repaired)]
        fault.statuses = dict(Counter(one.status for one in heard))
        fault.slowest = max((one.seconds for one in heard), default=0.0)


def _report(
    seed: int,
    lasted: float,
    events: list[dict[str, object]],
    batches: Batches,
    statuses: dict[int, int],
    answers: list[Answer],
    faults: list[Fault],
    growth: list[Growth],
    verified: str,
    problems: list[str],
    plant: Plant,
) -> str:
    times = sorted(answer.seconds for answer in answers if answer.status in (200, 201))
    disk = "768 MB ext4 of its own" if plant.disk.is_small else "the ordinary disk: filling it was left out"
    lines = [
        f"{time.strftime('%Y-%m-%d %H:%M')}, seed {seed}, {lasted / 60:.1f} minutes, {psutil.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / 1e9:.0f} GB of memory, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[2]:.0f} over the last quarter of an hour; "
        f"PostgreSQL's data on {disk}.",
        "",
        f"{len(events):,} events acknowledged, {len(batches.made):,} of them in batches, which also brought "
        f"{batches.sender.delivery.duplicates:,} twice: {len(events) / lasted:.0f} a second. Answers that acknowledged "
        f"took {times[len(times) // 2] * 1000:.0f} ms in the middle, 99 % at most "
        f"{times[len(times) * 99 // 100]:.2f} s, the slowest {times[-1]:.1f} s. Statuses at NGINX: "
        + ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items()))
        + ".",
        "",
        "| after min | fault | lasted s | taken again after s | answers to single posts meanwhile | slowest s |",
        "|---|---|---|---|---|---|",
        *(
            f"| {(fault.began - faults[0].began) / 60:.1f} | {fault.name} | {fault.repaired - fault.began:.1f} | "
            f"{'never' if fault.recovered is None else f'{fault.recovered - fault.repaired:.1f}'} | "
            + ", ".join(f"{status or 'none'}: {count}" for status, count in sorted(fault.statuses.items()))
            + f" | {fault.slowest:.1f} |"
            for fault in faults
        ),
        "",
        "| process of the backend that lived on | judged min | MB first | MB last | MB most | slope MB an hour |",
        "|---|---|---|---|---|---|",
        *(
            f"| {one.name} | {one.minutes:.0f} | {one.first:.1f} | {one.last:.1f} | {one.most:.1f} | "
            f"{one.slope_an_hour:+.1f} |"
            for one in growth
        ),
        "",
        f"`factory verify`: {verified.strip()}",
        "",
        "**All held.**" if not problems else "**Failed:**\n\n" + "\n".join(f"- {problem}" for problem in problems),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
