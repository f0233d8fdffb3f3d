"""The tiers of the tests, and the processor time that each case takes.

The first tier is every test that runs in this process, and the journeys: a few walks through the page and tasks of real
servers, marked `journey`. The others are marked by their directory, a few by themselves: `system` starts servers and
browsers, `stack` composes containers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent
SYSTEM = frozenset(
    ("browser", "deploy", "durability", "kubernetes", "monitoring", "nginx", "pipeline", "recovery", "scale", "tracing")
)
SHOWN = 25
MOST_SECONDS = 3.0
"""More than a case of the first tier should take, on a machine of two cores."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        directory = item.path.relative_to(TESTS).parts[0]
        if directory == "stack":
            item.add_marker("stack")
        elif directory in SYSTEM and item.get_closest_marker("journey") is None:
            item.add_marker("system")


def _seconds() -> float:
    """Return the processor time of this process and of the children that it has waited for."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    before = _seconds()
    try:
        return (yield)
    finally:
        item.user_properties.append(("cpu_seconds", _seconds() - before))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List the cases that took the most processor time; waiting and a busy machine do not count."""
    passed_and_failed = (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed"))
    taken = {
        report.nodeid: seconds
        for report in passed_and_failed
        if report.when == "call"
        for name, seconds in report.user_properties
        if name == "cpu_seconds"
    }
    if len(taken) < SHOWN:
        return
    terminalreporter.section(f"slowest {SHOWN} of {len(taken)} by processor time ({sum(taken.values()):.0f} s in all)")
    for nodeid, seconds in sorted(taken.items(), key=lambda pair: -pair[1])[:SHOWN]:
        mark = f"  over {MOST_SECONDS:.0f} s" if seconds > MOST_SECONDS else ""
        terminalreporter.write_line(f"{seconds:6.2f} s  {nodeid}{mark}")
