"""The page on paper: everything once, as wide as the sheet, in its colours, without what only a screen can use."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.sample import open_view, period
from tests.servers import RunningServer

pytestmark = pytest.mark.system

SHEET = 19 / 2.54 * 96
"""The width of a sheet (19 cm) in CSS pixels."""


def paper(page: Any) -> None:
    """Let the page think that it is printed, and stay so."""
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def style(page: Any, selector: str, name: str) -> str:
    return page.locator(selector).first.evaluate(f"node => getComputedStyle(node).{name}")


@pytest.fixture
def reader(reader: dict[str, Any]) -> dict[str, Any]:
    return {**reader, "viewport": {"width": 1920, "height": 1080}}


@pytest.mark.parametrize("query", ["view=overview", "view=worker&id=W1", "view=workstation&id=S1"])
def test_a_chart_is_as_wide_as_the_sheet_and_as_the_screen_again_afterwards(
    page: Any, server: RunningServer, query: str
) -> None:
    open_view(page, server, f"{query}&{period(2)}", ".uplot canvas")
    on_screen = page.locator(".uplot").first.evaluate("node => node.offsetWidth")

    paper(page)
    widths = page.locator(".uplot, .timeline canvas").evaluate_all("nodes => nodes.map((node) => node.offsetWidth)")
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")

    assert SHEET / 2 < max(widths) <= SHEET
    assert page.locator(".uplot").first.evaluate("node => node.offsetWidth") == on_screen


def test_no_control_and_no_banner_is_printed(page: Any, server: RunningServer) -> None:
    open_view(page, server, f"view=overview&{period(2)}", ".uplot canvas")

    paper(page)

    controls = "button:not(.timeline-name):visible, summary:visible, .banner:visible, nav:visible"
    assert page.locator(controls).count() == 0
    assert style(page, ".legend", "printColorAdjust") == "exact"


def test_a_list_begins_on_the_first_page_and_its_total_comes_once(page: Any, server: RunningServer) -> None:
    open_view(page, server, f"view=workers&{period(2)}", ".listing tbody tr")

    paper(page)

    assert style(page, ".card.listing", "breakInside") == "auto"
    assert style(page, ".listing tr", "breakInside") == "avoid"
    assert style(page, ".listing tfoot", "display") == "table-row-group"
    assert page.locator(".listing table").evaluate("node => node.offsetWidth <= node.closest('.card').offsetWidth")


def test_every_row_of_the_timeline_is_printed_beside_its_name(page: Any, server: RunningServer) -> None:
    page.set_viewport_size({"width": 1280, "height": 400})
    open_view(page, server, f"view=overview&{period(2)}", ".timeline canvas")

    paper(page)

    scroller = page.locator(".timeline-scroll")
    assert scroller.evaluate("node => node.scrollHeight - node.clientHeight") == 0
    assert page.locator(".timeline canvas").evaluate("node => node.offsetHeight") == scroller.evaluate(
        "node => node.clientHeight"
    )
    assert style(page, ".timeline-sticky", "contain") == "size"
