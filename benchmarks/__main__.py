"""Run the benchmarks: `python -m benchmarks [--quick | --full] [--only NAME] [--directory PLACE] [--growth]`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.access_rows import access_rows
from benchmarks.batch_rows import batch_rows
from benchmarks.bulk_rows import bulk_rows
from benchmarks.growth import growth_rows
from benchmarks.history_rows import history_rows
from benchmarks.report import Row, about_machine, table, write_json
from benchmarks.scale import SCALES, Scale
from benchmarks.single_rows import single_row
from benchmarks.stores import Database, open_stores

FAMILIES = ("batch", "single", "access", "bulk", "history")
RESULTS = Path("var/bench")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the product beside its limits.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_const", const="quick", dest="scale", help="under two minutes")
    size.add_argument(
        "--full", action="store_const", const="full", dest="scale", help="ten million events; under half an hour"
    )
    parser.add_argument("--only", action="append", choices=FAMILIES, help="one family of rows; may be repeated")
    parser.add_argument("--growth", action="store_true", help="instead: time and bytes against events and workers")
    parser.add_argument("--store", choices=("postgresql", "sqlite"), help="one store")
    parser.add_argument("--directory", type=Path, help="where the databases are made; a real disk")
    parser.set_defaults(scale="default")
    return parser.parse_args()


def _measure(
    families: list[str], names: list[str], stores: dict[str, Database], directory: Path, scale: Scale
) -> Iterator[list[Row]]:
    batch_rate = dict.fromkeys(names, float("nan"))
    if "batch" in families:
        for store in names:
            rows = batch_rows(store, stores[store], directory, scale)
            batch_rate[store] = rows[0].details["events_per_second"]
            yield rows
    if "single" in families:
        for store in names:
            yield [single_row(store, stores[store], directory, scale)]
    if "access" in families:
        for store in names:
            yield access_rows(store, stores[store], directory, scale)
    if "bulk" in families:
        for store in names:
            yield bulk_rows(store, stores[store], directory, scale, batch_rate[store])
    if "history" in families:
        for store in names:
            if store in scale.history_stores or len(names) == 1:
                yield history_rows(store, stores[store], directory, scale)


def main() -> None:
    asked = _arguments()
    scale = SCALES[asked.scale]
    names = [asked.store] if asked.store else ["postgresql", "sqlite"]
    began = time.monotonic()
    found: list[Row] = []
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
    with open_stores(asked.directory) as (directory, stores):
        about = about_machine(directory) | {"postgresql": stores["postgresql"].about()}  # type: ignore[union-attr]
        if about["file_system"] in ("tmpfs", "ramfs"):
            say("The databases are in memory, where no commit is durable: name a real disk with --directory.")
        if asked.growth:
            parts = growth_rows(names, stores, directory, scale)
        else:
            parts = _measure(asked.only or list(FAMILIES), names, stores, directory, scale)
        for rows in parts:
            found += rows
            for row in rows:
                say(f"{time.monotonic() - began:6.0f} s  {row.what} ({row.store}): {row.ours} {row.limit}")
    about["seconds"] = round(time.monotonic() - began)
    print("\n".join(f"{name}: {value}" for name, value in about.items()))
    print()
    print(table(found))
    print(f"\n{write_json(RESULTS, 'growth' if asked.growth else scale.name, about, found)}")


if __name__ == "__main__":
    main()
