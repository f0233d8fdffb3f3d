"""Processes that prepare, wait for the word, run, and tell what they measured.

A child reads one JSON line, prepares, writes `ready`, waits for a line, runs, and writes one JSON line.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Result = dict[str, Any]


class Child:
    """A module of this package as a process, prepared and waiting."""

    def __init__(self, module: str, **given: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._say(json.dumps(given))
        self._hear()

    def go(self) -> None:
        """Give the word."""
        self._say("go")

    def result(self) -> Result:
        """Return what the child measured; wait until it is done."""
        line = self._hear()
        self._process.communicate()
        return dict(json.loads(line))

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}")
        return line


def run_together(children: list[Child]) -> list[Result]:
    """Give all the word at once and wait for all."""
    for child in children:
        child.go()
    return [child.result() for child in children]


def be_child(prepare: Callable[[Result], Callable[[], Result]]) -> None:
    """Run the child's side: `prepare` takes the arguments and returns the function to measure."""
    run = prepare(json.loads(sys.stdin.readline()))
    print("ready", flush=True)
    sys.stdin.readline()
    began, used = time.monotonic(), time.process_time()
    result = run()
    times = {"began": began, "ended": time.monotonic(), "cpu_seconds": time.process_time() - used}
    print(json.dumps({**times, **result}), flush=True)


def write_parts(path: Path, parts: Iterable[bytes]) -> Path:
    """Keep byte strings in a file for a child."""
    with path.open("wb") as file:
        for part in parts:
            file.write(struct.pack("<I", len(part)) + part)
    return path


def read_parts(path: str) -> list[bytes]:
    """Read the parts that write_parts kept."""
    data, place, parts = Path(path).read_bytes(), 0, []
    while place < len(data):
        (width,) = struct.unpack_from("<I", data, place)
        parts.append(data[place + 4 : place + 4 + width])
        place += 4 + width
    return parts
