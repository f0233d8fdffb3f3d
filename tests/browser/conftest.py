"""Chromium, a page in it and what the page complained of, for tests against real servers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.browser.access import ACCESS, fill_with_people
from tests.browser.databases import copy, fill_with_sample, once_a_run
from tests.browser.sample import HOSTILE, UNSEEN
from tests.servers import RunningServer

from factory.domain.states.zone_rules import rules_of
from factory.operations.registry.factories import zone_answer

FRONTEND = Path(__file__).resolve().parents[2] / "frontend"
ALONE = Path(__file__).with_name("chromium_alone.py")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


@pytest.fixture(scope="session")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Run a server of open access with the sample data, and in it a worker with a hostile name who was never seen.

    All tests of the process share it: each has a factory of its own for what it changes.
    """
    directory = tmp_path_factory.mktemp("open")
    database = copy(once_a_run(tmp_path_factory, "sample", fill_with_sample), directory)
    with RunningServer(database, directory / "server.log", DEMO_MODE="true") as running:
        assert running.post_json("/api/v1/workers/", {"worker_id": UNSEEN, "name": HOSTILE}).status == 201
        yield running


@pytest.fixture(scope="module")
def server(open_server: RunningServer) -> RunningServer:
    """Return the server of the module's tests; a module may put another in its place."""
    return open_server


@pytest.fixture(scope="session")
def secured_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Run a server with sign-in: the sample data, a second factory without any, and a person of each role.

    All tests of the process share it: each has persons of its own for what ends with them.
    """
    directory = tmp_path_factory.mktemp("secured")

    def fill(database: Path) -> None:
        shutil.copy(once_a_run(tmp_path_factory, "sample", fill_with_sample), database)
        fill_with_people(database, directory / "filling.log")

    database = copy(once_a_run(tmp_path_factory, "people", fill), directory)
    with RunningServer(database, directory / "server.log", **ACCESS) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright for Python is not installed")
    # The same browser without what a window needs; it takes a third less of the processor.
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium-headless-shell)")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=ALONE, args=FLAGS, env={**os.environ, "CHROMIUM": chromium})
        yield running
        running.close()


@pytest.fixture
def complaints() -> list[str]:
    """Collect the browser's complaints: console errors, refused styles and scripts, exceptions."""
    return []


@pytest.fixture
def reader() -> dict[str, Any]:
    """Return the page's reader, as options of a browser context: an English reader at a desk.

    Without the service worker, which copies the whole page while a test runs, and answers in the server's place.
    """
    return {"locale": "en-GB", "viewport": {"width": 1280, "height": 800}, "service_workers": "block"}


@pytest.fixture
def page(browser: Any, complaints: list[str], reader: dict[str, Any]) -> Iterator[Any]:
    context = browser.new_context(**reader)
    opened = context.new_page()
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()


ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/Vancouver",
    "America/Santiago",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
)
LEARN = """async (zones) => {
  const { learnZone } = await import("/lib/zone.js");
  zones.forEach(learnZone);
}"""


def rules_of_zone(zone: str) -> dict[str, Any]:
    """Return what the route `time-zone` of a factory in the zone answers."""
    return zone_answer(rules_of(zone), 2036)


def learn_zones(page: Any) -> None:
    """Tell the modules of an open page the rules of ZONES, as the start of the page does for its factory."""
    page.evaluate(LEARN, [rules_of_zone(zone) for zone in ZONES])


@pytest.fixture(scope="module")
def modules(browser: Any) -> Iterator[Any]:
    """Yield a blank page that can import the front end's modules, without a server, and knows the rules of ZONES.

    Its reader is in Tokyo, where no factory is.
    """
    context = browser.new_context(locale="en-GB", timezone_id="Asia/Tokyo")
    blank = context.new_page()

    def answer(route: Any) -> None:
        path = urlsplit(route.request.url).path
        if path == "/":
            route.fulfill(content_type="text/html", body="<!doctype html><title>Blank</title>")
        else:
            route.fulfill(path=FRONTEND / path.lstrip("/"))

    blank.route("**/*", answer)
    blank.goto("http://factory.test/")
    learn_zones(blank)
    yield blank
    context.close()
