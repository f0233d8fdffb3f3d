"""The wall screen: it turns its own pages, names nobody, and lives on while the server does not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.sample import SETTLED, decimal, new_factory, open_view, period
from tests.servers import RunningServer

TURN_MS = 15_000


@pytest.fixture
def reader(reader: dict[str, Any]) -> dict[str, Any]:
    """Return a reader who looks at a large screen."""
    return {**reader, "viewport": {"width": 1920, "height": 1080}}


def turn_to(page: Any, n: int) -> None:
    """Let the time of one page pass; the dots say which is shown."""
    page.clock.fast_forward(TURN_MS)
    page.wait_for_selector(f".dots li:nth-child({n}).on", state="attached")


@pytest.mark.journey
def test_it_turns_its_pages_and_names_no_person(page: Any, server: RunningServer, complaints: list[str]) -> None:
    people = [worker["name"] for worker in server.request("GET", "/api/v1/workers/").body["data"]]
    stations = [station["name"] for station in server.request("GET", "/api/v1/workstations/").body["data"]]
    page.clock.install()
    open_view(page, server, "view=wall&window=24h", ".figures")
    seen = [page.locator("body").inner_text()]
    assert page.locator(".dots li").count() == 4

    turn_to(page, 2)
    page.wait_for_selector(".stage .course canvas")
    seen.append(page.locator("body").inner_text())
    turn_to(page, 3)
    assert page.locator(".station strong").all_inner_texts() == stations
    seen.append(page.locator("body").inner_text())
    turn_to(page, 4)
    page.wait_for_selector(".stage .timeline canvas")
    seen.append(page.locator("body").inner_text())
    turn_to(page, 1)
    assert page.locator(".stage .figures").count() == 1

    assert [name for name in people for words in seen if name in words] == []
    assert complaints == []


def test_its_figures_are_those_of_the_factory(page: Any, server: RunningServer) -> None:
    factory = server.request("GET", f"/api/v1/metrics/factory?{period(window=False)}").body["data"]

    open_view(page, server, f"view=wall&{period()}", ".figures")

    assert page.locator(".figures .value").all_inner_texts() == [
        f"{decimal(factory['pooled_utilization_percentage'])} %",
        f"{factory['total_production_count']:,}",
        decimal(factory["average_production_rate"]),
        f"{decimal(factory['coverage_percentage'])} %",
    ]


def test_it_outlives_a_restart_of_the_server(page: Any, server: RunningServer) -> None:
    page.clock.install()
    open_view(page, server, "view=wall&window=24h", ".figures")
    shown = page.locator(".figures").inner_text()

    server.kill()
    turn_to(page, 2)
    page.wait_for_selector("#banner.urgent:visible")
    turn_to(page, 3)
    turn_to(page, 4)
    turn_to(page, 1)
    assert page.locator(".figures .value").first.inner_text() in shown

    server.start()
    page.clock.fast_forward(TURN_MS)
    page.wait_for_selector("#banner:not(.urgent)", state="attached")
    page.wait_for_selector(SETTLED)


def test_escape_leaves_it(page: Any, server: RunningServer) -> None:
    open_view(page, server, "view=wall&window=24h", ".figures")

    page.keyboard.press("Escape")
    page.wait_for_selector(f"{SETTLED} .tile")

    assert "view=overview" in page.url
    page.keyboard.press("Escape")
    page.go_back()
    page.wait_for_selector(f"{SETTLED} .wall")


def test_a_factory_without_stations_has_no_empty_pages(page: Any, server: RunningServer, complaints: list[str]) -> None:
    bare = new_factory(server, "bare")
    page.clock.install()
    open_view(page, server, f"view=wall&window=24h&factory={bare}", ".figures")
    assert page.locator(".dots li").count() == 3

    turn_to(page, 2)
    turn_to(page, 3)

    assert "No workstations yet." in page.locator(".stage").inner_text()
    turn_to(page, 1)
    assert complaints == []
