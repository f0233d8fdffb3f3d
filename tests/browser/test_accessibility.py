"""Every view by axe-core, in light and dark, and on screens from a small phone to a wall."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.sample import SETTLED, VIEWS, new_factory, open_view
from tests.servers import RunningServer

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

WIDTHS = {320: 640, 390: 844, 768: 1024, 1280: 800, 3840: 2160}
EMPTY = {"empty overview": "view=overview", "empty workers": "view=workers", "empty events": "view=events"}
"""Of a factory without any data."""
SHOWN = {
    **VIEWS,
    **EMPTY,
    "not found": "view=worker&id=W404",
}
REST = [name for name in SHOWN if name != "overview"]


@pytest.fixture
def reader(reader: dict[str, Any]) -> dict[str, Any]:
    """Colours are measured, so none may be on its way to another."""
    return {**reader, "reduced_motion": "reduce"}


def open_calm(page: Any, server: RunningServer, name: str) -> None:
    bare = f"&factory={new_factory(server, 'bare')}" if name in EMPTY else ""
    open_view(page, server, f"{SHOWN[name]}&window=24h{bare}")
    page.wait_for_load_state("networkidle")


def violations(page: Any, *rules: str) -> list[str]:
    """Return the faults that axe-core finds, by all its rules or some: the rule, and the elements that break it."""
    only = {"runOnly": list(rules)} if rules else {}
    found = axe.Axe().run(page, options={"resultTypes": ["violations"], **only}).response["violations"]
    return [f"{rule['id']}: {[node['target'] for node in rule['nodes']]}" for rule in found]


def check_both_schemes(page: Any) -> None:
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-theme=dark]")
    assert violations(page, "color-contrast") == []  # nothing else changes with the colours


@pytest.mark.parametrize("name", [pytest.param("overview", marks=pytest.mark.journey), *REST])
def test_a_view_is_accessible_in_light_and_dark(page: Any, server: RunningServer, name: str) -> None:
    open_calm(page, server, name)

    check_both_schemes(page)


def test_the_open_form_is_accessible(page: Any, server: RunningServer) -> None:
    open_calm(page, server, "events")
    page.get_by_role("button", name="Enter an event").click()
    page.get_by_role("button", name="Save event").click()  # refused: with its fields marked
    page.wait_for_selector("dialog [aria-invalid=true]")

    check_both_schemes(page)


def test_the_open_menu_and_ones_own_period_are_accessible(page: Any, server: RunningServer) -> None:
    open_calm(page, server, "overview")
    page.get_by_text("Custom", exact=True).click()
    page.wait_for_selector(f"{SETTLED} form.custom-period")
    page.get_by_role("button", name="Menu").click()
    page.locator("#menu button", has_text="Reload sample data").click()

    check_both_schemes(page)


def test_the_opened_tables_of_a_view_are_accessible(page: Any, server: RunningServer) -> None:
    open_calm(page, server, "worker")
    for summary in page.locator("summary").all():
        summary.click()

    check_both_schemes(page)


def test_figures_that_are_no_longer_fresh_are_accessible(page: Any, server: RunningServer) -> None:
    open_calm(page, server, "overview")
    page.route("**/api/v1/**", lambda route: route.abort())
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_selector("#banner.urgent")

    check_both_schemes(page)


def test_an_error_in_place_of_a_view_is_accessible(page: Any, server: RunningServer) -> None:
    page.route("**/api/v1/**", lambda route: route.abort())
    open_view(page, server, settled=".notice.failed")

    check_both_schemes(page)


@pytest.mark.parametrize("name", [pytest.param("overview", marks=pytest.mark.journey), *REST])
def test_nothing_sticks_out_of_the_screen(page: Any, server: RunningServer, name: str) -> None:
    open_calm(page, server, name)

    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert (width, page.evaluate("document.documentElement.scrollWidth")) == (width, width)


def test_the_menu_and_the_form_fit_a_small_phone(page: Any, server: RunningServer) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    open_calm(page, server, "events")

    page.get_by_role("button", name="Menu").click()
    assert inside(page, "#menu", 320)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Enter an event").click()
    assert inside(page, "dialog", 320)


def inside(page: Any, selector: str, width: int) -> bool:
    box = page.locator(selector).bounding_box()
    return bool(box["x"] >= 0 and box["x"] + box["width"] <= width)
