"""The page in a real browser against a real server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from tests.servers import RunningServer

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright for Python is not installed")

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("chromium is not installed (Debian: apt-get install chromium)", allow_module_level=True)

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server on SQLite with one worker who worked for an hour, and one who was never seen."""
    directory = tmp_path_factory.mktemp("page")
    with RunningServer(f"sqlite:///{directory / 'factory.db'}", directory / "server.log") as running:
        now = datetime.now(timezone.utc).replace(microsecond=0)
        seen = [
            ("W1", "S1", "working", now - timedelta(hours=3)),
            ("W1", "S1", "idle", now - timedelta(hours=2)),
            ("W1", "S1", "absent", now - timedelta(hours=1)),
        ]
        events: list[dict[str, Any]] = [
            {"timestamp": at.isoformat(), "worker_id": worker, "workstation_id": station, "event_type": kind}
            for worker, station, kind, at in seen
        ]
        events.append({**events[0], "event_type": "product_count", "count": 1250})
        assert running.post_json("/api/v1/events/batch", events).status == 201
        assert running.post_json("/api/v1/workers/", {"worker_id": "W2", "name": HOSTILE}).status == 201
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of: console errors, refused styles and scripts, exceptions."""
    return []


@pytest.fixture
def page(browser: Any, complaints: list[str]) -> Iterator[Any]:
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()


def open_page(page: Any, server: RunningServer, query: str = "?window=24h") -> None:
    page.goto(f"http://127.0.0.1:{server.port}/{query}")
    page.wait_for_selector("#workers tbody tr")


def tile(page: Any, label: str) -> str:
    return str(page.locator(".tile", has=page.locator(f"dt:text-is('{label}')")).locator(".value").inner_text())


def cells(page: Any, worker_id: str) -> dict[str, str]:
    """The worker's row by the headings of its columns."""
    headings = page.locator("#workers thead th").all_inner_texts()
    row = page.locator(
        "#workers tbody tr", has=page.locator(f".name:text-is('{worker_id}'), .detail:text-is('{worker_id}')")
    )
    return dict(zip(headings[1:], row.locator("td").all_inner_texts(), strict=True))


def test_the_figures_on_the_page_are_those_of_the_api(page: Any, server: RunningServer, complaints: list[str]) -> None:
    open_page(page, server)

    row = cells(page, "W1")

    assert (row["Working"], row["Idle"]) == ("1:00", "1:00")
    assert (row["Utilization"], row["Units"], row["Units / h"]) == ("50.0 %", "1,250", "1,250.0")
    assert (tile(page, "Utilization"), tile(page, "Units"), tile(page, "Workers")) == ("50.0 %", "1,250", "1 / 2")
    assert complaints == []


def test_what_is_unknown_is_a_dash_and_no_zero(page: Any, server: RunningServer) -> None:
    open_page(page, server)

    row = cells(page, "W2")

    assert (row["Utilization"], row["Units / h"]) == ("–", "–")
    assert page.locator(".bar.none").count() >= 1


def test_another_period_asks_again_and_is_kept_in_the_address(page: Any, server: RunningServer) -> None:
    open_page(page, server)
    assert float(cells(page, "W1")["Unknown"].split(":")[0]) >= 20

    with page.expect_response("**/metrics/workers?*"):
        page.get_by_text("All", exact=True).click()
    page.wait_for_selector("main[aria-busy='false']")

    assert "window=all" in page.url
    assert cells(page, "W1")["Unknown"] == "0:00"


def test_periods_can_be_chosen_with_the_keyboard(page: Any, server: RunningServer) -> None:
    open_page(page, server)

    page.locator("input[value='24h']").focus()
    page.keyboard.press("ArrowRight")

    assert page.locator("input[value='7d']").is_checked()
    assert "window=7d" in page.url


def test_markup_in_a_name_stays_text(page: Any, server: RunningServer, complaints: list[str]) -> None:
    open_page(page, server)

    assert HOSTILE in page.locator("#workers .name").all_inner_texts()
    assert page.locator("#workers img").count() == 0
    assert page.title() == "Factory productivity"
    assert complaints == []


def test_when_the_server_is_away_the_page_says_so_keeps_the_figures_and_recovers(
    page: Any, server: RunningServer
) -> None:
    open_page(page, server)
    page.route("**/api/v1/**", lambda route: route.abort())

    page.get_by_text("7 days", exact=True).click()
    page.wait_for_selector("#banner:not([hidden])")

    assert "The server does not answer." in page.locator("#banner").inner_text()
    assert tile(page, "Units") == "1,250"

    page.unroute("**/api/v1/**")
    page.wait_for_selector("#banner", state="hidden", timeout=20_000)


def test_an_unknown_factory_is_named_as_such(page: Any, server: RunningServer) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/?factory=nowhere")
    page.wait_for_selector("#banner:not([hidden])")

    assert "Factory not found" in page.locator("#banner").inner_text()


@pytest.mark.parametrize(("width", "height"), [(320, 640), (390, 844), (768, 1024), (1280, 800), (3840, 2160)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_of_the_screen(
    browser: Any, server: RunningServer, width: int, height: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    open_page(page, server)

    sticking_out = page.evaluate("document.documentElement.scrollWidth - innerWidth")

    assert sticking_out <= 0
    context.close()


def test_the_local_day_begins_at_local_midnight_also_on_days_of_clock_changes(page: Any, server: RunningServer) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/")
    cases = [
        ("2026-03-29T10:00:00Z", "Europe/Berlin", "2026-03-28T23:00:00.000Z"),
        ("2026-10-25T22:30:00Z", "Europe/Berlin", "2026-10-24T22:00:00.000Z"),
        ("2026-11-01T20:00:00Z", "America/New_York", "2026-11-01T04:00:00.000Z"),
        ("2026-01-15T20:00:00Z", "Asia/Kolkata", "2026-01-15T18:30:00.000Z"),
        ("2026-09-06T15:00:00Z", "America/Santiago", "2026-09-06T04:00:00.000Z"),
    ]

    for now, zone, midnight in cases:
        found = page.evaluate(
            """async ([now, zone]) => {
              const { localMidnight } = await import("/lib/periods.js");
              return localMidnight(Date.parse(now), zone).toISOString();
            }""",
            [now, zone],
        )
        assert (zone, found) == (zone, midnight)
