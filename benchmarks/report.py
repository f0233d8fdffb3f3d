"""The report of a run: a table for people and JSON for programs."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGES = ("flask", "flask-restx", "gunicorn", "sqlalchemy", "psycopg2-binary", "msgspec", "numpy")


@dataclass
class Row:
    """One line of the table. `ratio` and `figure` are what the mark speaks of; nothing is asserted."""

    what: str
    store: str
    ours: str
    limit: str = ""
    ratio: float | None = None
    mark: str = ""
    met: bool | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    generator_share: float | None = None
    """Share of all cores that the load generator took."""
    peak_megabytes: float | None = None
    """The most that one server process, or the command, held."""
    details: dict[str, Any] = field(default_factory=dict)


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Turn seconds, in any order, into the fields of a Row in milliseconds."""
    ordered = sorted(seconds)
    return {
        f"p{share}_ms": round(ordered[min(len(ordered) * share // 100, len(ordered) - 1)] * 1000, 2)
        for share in (50, 95, 99)
    }


def about_machine(directory: Path) -> dict[str, Any]:
    """Describe the machine and the versions that the figures depend on."""
    names = [
        line.split(":")[1].strip() for line in _read("/proc/cpuinfo").splitlines() if line.startswith("model name")
    ]
    memory = next((int(line.split()[1]) for line in _read("/proc/meminfo").splitlines() if "MemTotal" in line), 0)
    return {
        "cores": os.cpu_count(),
        "processor": names[0] if names else platform.processor(),
        "memory_gigabytes": round(memory / 2**20, 1),
        "system": platform.platform(),
        "file_system": _file_system(directory),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""


def _file_system(directory: Path) -> str:
    mounts = [line.split()[1:3] for line in _read("/proc/mounts").splitlines()]
    inside = [(len(place), kind) for place, kind in mounts if directory.resolve().is_relative_to(place)]
    return max(inside, default=(0, "unknown"))[1]


_HEADINGS = ("what", "store", "ours", "limit", "ratio", "mark", "", "p50 ms", "p95 ms", "p99 ms", "gen %", "MB")


def _cells(row: Row) -> tuple[str, ...]:
    def number(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    verdict = {None: "", True: "met", False: "MISSED"}[row.met]
    times = (number(value, ".1f") for value in (row.p50_ms, row.p95_ms, row.p99_ms))
    share = "" if row.generator_share is None else f"{row.generator_share * 100:.1f}"
    ratio, peak = number(row.ratio, ".2f"), number(row.peak_megabytes, ".0f")
    return (row.what, row.store, row.ours, row.limit, ratio, row.mark, verdict, *times, share, peak)


def table(rows: list[Row]) -> str:
    """Render the rows as an aligned table in Markdown."""
    lines = [_HEADINGS, *map(_cells, rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(_HEADINGS))]
    shown = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([shown[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *shown[1:]])


def write_json(directory: Path, scale: str, about: dict[str, Any], rows: list[Row]) -> Path:
    """Keep a run; the path of its file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{scale}.json"
    path.write_text(
        json.dumps({"scale": scale, "about": about, "rows": [asdict(row) for row in rows]}, indent=1) + "\n"
    )
    return path
