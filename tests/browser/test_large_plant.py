"""The page with a hundred people at 32 stations: everything is there, and fits a phone, a desk and a wall."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser.databases import copy, once_a_run, run_command
from tests.browser.sample import open_view
from tests.servers import RunningServer

pytestmark = pytest.mark.system

WEDNESDAY_NOON = {"CLOCK_AT": "2026-11-25T12:00:00Z", "DEMO_MODE": "true"}
SCREENS = {"phone": (390, 844), "desk": (1280, 800), "wall": (1920, 1080), "large wall": (3840, 2160)}
VIEWS = {
    "overview": "view=overview&window=24h",
    "timeline": "view=overview&window=shift",
    "workers": "view=workers&window=24h",
    "workstations": "view=workstations&window=24h",
    "worker": "view=worker&id=P001&window=24h",
    "workstation": "view=workstation&id=ST-07&window=24h",
    "compare": "view=compare&a=P001&b=P002&window=24h",
    "events": "view=events&window=24h",
    "wall": "view=wall",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    def fill(database: Path) -> None:
        run_command(database, "seed", "--plant", "large", **WEDNESDAY_NOON)

    directory = tmp_path_factory.mktemp("large")
    database = copy(once_a_run(tmp_path_factory, "large", fill), directory)
    with RunningServer(database, directory / "server.log", **WEDNESDAY_NOON) as running:
        yield running


@pytest.mark.parametrize("name", VIEWS)
def test_nothing_sticks_out_of_any_screen(page: Any, server: RunningServer, complaints: list[str], name: str) -> None:
    open_view(page, server, VIEWS[name])

    found = {}
    for screen, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        found[screen] = page.evaluate("document.documentElement.scrollWidth")

    assert found == {screen: width for screen, (width, _) in SCREENS.items()}
    assert complaints == []


def test_two_who_are_named_alike_are_told_apart_where_no_id_is_beside_the_name(
    page: Any, server: RunningServer
) -> None:
    open_view(page, server, VIEWS["overview"], ".timeline-name")

    names = page.locator(".timeline-name").all_inner_texts()
    waiting = page.locator(".not-working-now .who").all_inner_texts()

    assert "Ada Adler (P001)" in names
    assert "Ben Adler" in names
    assert "Ada Adler" not in {*names, *waiting}
