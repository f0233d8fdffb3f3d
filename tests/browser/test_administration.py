"""People, keys and the audit trail in a browser: what is done there holds at the server."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.access import HOME, SECOND, address, api, enter
from tests.servers import RunningServer

SHOWN = ".administration table tbody tr"


@pytest.fixture(scope="module")
def server(secured_server: RunningServer) -> RunningServer:
    return secured_server


def user(server: RunningServer, email: str) -> Any:
    return next((one for one in api(server, "GET", "/users/", role="admin")["data"] if one["email"] == email), None)


@pytest.mark.journey
def test_a_person_is_added_changed_and_removed(page: Any, server: RunningServer) -> None:
    email = "grace@example.org"
    enter(page, server, "admin", "view=people", SHOWN)
    page.get_by_role("link", name="Add a person").click()
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_selector("[aria-invalid=true], .form-result.bad:visible")
    page.get_by_label("Name", exact=True).fill("Grace")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Role: Default factory").select_option("viewer")
    page.get_by_role("button", name="Add", exact=True).click()
    password = page.locator(".secret code").inner_text()
    assert server.post_json("/api/v1/session/", {"email": email, "password": password}).status == 200
    assert user(server, email)["roles"] == {HOME: "viewer"}

    page.get_by_role("link", name="Grace", exact=True).click()
    page.get_by_role("heading", name="Grace").wait_for()
    page.get_by_label("Role: Default factory").select_option("supervisor")
    page.get_by_label("Role: Second plant").select_option("wall")
    page.get_by_label("Disabled").check()
    page.get_by_role("button", name="Save changes").click()
    page.get_by_text("Saved.").wait_for()
    changed = user(server, email)
    assert (changed["roles"], changed["disabled"]) == ({HOME: "supervisor", "second": "wall"}, True)

    page.get_by_role("button", name="Reset password").click()
    page.get_by_role("button", name="Reset and end all sessions").click()
    page.get_by_text("The password has been reset.").wait_for()
    assert page.locator(".secret code").inner_text() != password

    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Remove for good").click()
    page.wait_for_selector(".administration table:not(:has-text('Grace'))")
    assert user(server, email) is None


def test_the_panel_of_a_person_has_an_address(page: Any, server: RunningServer) -> None:
    known = user(server, address("viewer"))

    enter(page, server, "admin", f"view=people&id={known['user_id']}", "#panel")

    assert page.locator("#panel").inner_text() == f"The viewer · {address('viewer')}"
    assert page.locator("#panel:focus").count() == 1
    page.get_by_role("link", name="Close").click()
    page.wait_for_selector("#panel", state="detached")


@pytest.mark.journey
def test_a_key_is_made_followed_by_another_and_revoked(page: Any, server: RunningServer) -> None:
    def opens(key: str) -> int:
        return server.request("GET", "/api/v1/metrics/factory", None, {"X-API-Key": key}).status

    enter(page, server, "admin", "view=keys&add=new", ".administration .form")
    page.get_by_label("Name", exact=True).fill("Camera 7")
    page.get_by_label("Scope").select_option("read")
    page.get_by_role("button", name="Create", exact=True).click()
    first = page.locator(".secret code").inner_text()
    assert first.startswith("fk_")
    assert opens(first) == 200
    page.get_by_role("link", name="Close").click()
    page.wait_for_selector(".secret", state="detached")

    page.get_by_role("link", name="Camera 7").click()
    page.get_by_label("The old key stays valid for").select_option("0")
    page.get_by_role("button", name="Make a successor").click()
    second = page.locator(".secret code").inner_text()
    assert second != first
    assert opens(second) == 200

    page.goto(f"http://127.0.0.1:{server.port}/?view=keys&id={second.split('_')[1]}")
    page.get_by_role("button", name="Revoke", exact=True).click()
    page.get_by_role("button", name="Revoke at once").click()
    page.wait_for_selector("#panel", state="detached")
    page.get_by_text("revoked").first.wait_for()
    rows = {row["key_id"]: row for row in api(server, "GET", "/keys/", role="admin")["data"]}
    assert rows[second.split("_")[1]]["revoked_at"] is not None


def test_the_audit_trail_is_filtered_by_the_address(page: Any, server: RunningServer) -> None:
    server.post_json("/api/v1/session/", {"email": address("viewer"), "password": "not this one"})
    enter(page, server, "admin", "view=audit&window=24h", SHOWN)
    page.get_by_label("Action", exact=True).fill("session.failed")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**action=session.failed**")
    page.wait_for_selector("main[aria-busy=false]:not(:has-text('user.created'))")

    actions = page.locator(f"{SHOWN} td:nth-child(3)").all_inner_texts()
    assert actions
    assert set(actions) == {"session.failed"}


def test_older_entries_follow(page: Any, server: RunningServer) -> None:
    for n in range(90):
        api(server, "PATCH", f"/factories/{SECOND}", {"state_timeout_seconds": 300 + n}, role="admin")
    enter(page, server, "admin", "view=audit&window=24h", SHOWN)
    before = page.locator(SHOWN).count()

    page.get_by_role("button", name="Show older entries").click()

    page.wait_for_function(f"() => document.querySelectorAll('{SHOWN}').length > {before}")
    numbers = [int(one) for one in page.locator(f"{SHOWN} th small").all_inner_texts()]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == len(numbers)
