"""The pages of access by axe-core, in light and dark, and on screens from a small phone to a desk."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.access import enter, fill_in, newcomer
from tests.browser.test_accessibility import WIDTHS, check_both_schemes
from tests.servers import RunningServer

ADMINISTRATION = {
    "people": "view=people",
    "a new person": "view=people&add=new",
    "keys": "view=keys&add=new",
    "audit": "view=audit&window=24h",
    "settings": "view=settings",
    "account": "view=account",
    "organisation": "view=organisation&window=24h",
}


@pytest.fixture
def reader(reader: dict[str, Any]) -> dict[str, Any]:
    """Colours are measured, so none may be on its way to another."""
    return {**reader, "reduced_motion": "reduce"}


@pytest.fixture(scope="module")
def server(secured_server: RunningServer) -> RunningServer:
    return secured_server


def check_widths(page: Any) -> None:
    """Nothing sticks out of the screen."""
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert (width, page.evaluate("document.documentElement.scrollWidth")) == (width, width)


def test_signing_in_and_the_first_password_are_accessible(page: Any, server: RunningServer) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/")
    fill_in(page, "nobody@example.org", "wrong")
    page.wait_for_selector(".form-result.bad:visible")
    check_both_schemes(page)
    check_widths(page)

    fill_in(page, *newcomer(server))
    page.get_by_label("Repeat new password").wait_for()
    check_both_schemes(page)
    check_widths(page)


@pytest.mark.parametrize("name", ADMINISTRATION)
def test_a_view_is_accessible_and_fits(page: Any, server: RunningServer, name: str) -> None:
    enter(page, server, "admin", ADMINISTRATION[name])
    page.wait_for_load_state("networkidle")

    check_both_schemes(page)
    check_widths(page)


def test_the_menu_of_who_is_signed_in_is_accessible(page: Any, server: RunningServer) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    enter(page, server, "admin", "window=24h", ".tile")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Sign out everywhere").wait_for()

    check_both_schemes(page)
