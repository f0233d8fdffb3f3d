"""Each role's view of the page, with what it is told instead of persons, against a server that asks who one is."""

from __future__ import annotations

from typing import Any

import pytest
from tests.browser.access import SECOND, address, api, enter, sign_in_over_http
from tests.browser.access import headers as bearing
from tests.browser.sample import SETTLED, open_view
from tests.servers import RunningServer

WORKSTATIONS = ".listing tbody tr"


@pytest.fixture(scope="module")
def server(secured_server: RunningServer) -> RunningServer:
    return secured_server


@pytest.fixture
def refusals(page: Any) -> list[str]:
    """Return the questions that the server refused after the sign-in."""
    found: list[str] = []

    def note(response: Any) -> None:
        if response.status in {401, 403, 404}:
            found.append(f"{response.status} {response.url}")

    page.on("response", note)
    return found


def views(page: Any) -> list[str]:
    return [name.strip() for name in page.locator("nav.views a:visible").all_inner_texts()]


def administration(page: Any) -> list[str]:
    page.get_by_role("button", name="Menu").click()
    found: list[str] = page.locator("#menu nav a").all_inner_texts()
    page.keyboard.press("Escape")
    return found


def test_a_wall_screen_shows_the_wall_and_asks_for_nothing_else(
    page: Any, server: RunningServer, refusals: list[str]
) -> None:
    enter(page, server, "wall", "view=workers", ".wall .figures")
    page.wait_for_load_state("networkidle")

    assert page.locator("body[data-view=wall]").count() == 1
    assert refusals == []
    page.get_by_role("link", name="Leave").click()
    page.wait_for_selector("body[data-view=account] .facts")
    assert views(page) == []


@pytest.mark.journey
def test_who_may_not_see_persons_sees_workstations_and_why_figures_are_missing(
    page: Any, server: RunningServer, refusals: list[str]
) -> None:
    names = [worker["name"] for worker in api(server, "GET", "/workers/", role="admin")["data"]]
    enter(page, server, "viewer", "window=24h", ".tile")
    page.wait_for_load_state("networkidle")

    assert views(page) == ["Overview", "Workstations", "Compare"]
    assert page.locator(".timeline").count() == 0
    assert administration(page) == []
    assert page.locator(".not-working-now").count() == 0
    assert page.get_by_role("radio", name="Workers").count() == 0
    for view, settled in [("overview", ".tile"), ("workstations", WORKSTATIONS), ("compare", ".comparison")]:
        open_view(page, server, f"view={view}&window=24h", settled)
        assert [name for name in names if name in page.locator("body").inner_text()] == []
        assert page.get_by_role("button", name="CSV").count() == 0
    open_view(page, server, "view=workstation&id=S1&window=24h", ".tile")
    page.wait_for_load_state("networkidle")
    assert refusals == []


def test_withheld_figures_are_neither_unknown_nor_zero(page: Any, server: RunningServer) -> None:
    rows = api(server, "GET", "/metrics/workstations?from=2020-01-01T00:00:00Z", role="viewer")["data"]
    token = sign_in_over_http(server, address("viewer"))
    assert server.request("GET", "/api/v1/metrics/workstations", None, bearing(token)).status == 200
    assert rows
    enter(page, server, "viewer", "view=workstations&window=24h", WORKSTATIONS)

    withheld = page.locator(WORKSTATIONS, has_text="withheld").first
    assert withheld.get_by_text("withheld", exact=True).count() > 3
    assert page.locator("tfoot").get_by_text("withheld").count() > 0
    assert page.locator("#withheld").inner_text().startswith("You see figures of whole days")


def test_who_sees_no_persons_begins_with_the_last_whole_day(page: Any, server: RunningServer) -> None:
    enter(page, server, "viewer", "", ".tile")

    assert page.get_by_role("radio", name="Yesterday").is_checked()
    assert page.locator(".tile", has_text="Workers now").get_by_text("withheld", exact=True).count() == 1


def test_a_chart_of_nothing_but_what_is_withheld_is_a_sentence(page: Any, server: RunningServer) -> None:
    enter(page, server, "viewer", "", ".tile")
    for view in ("view=overview&window=today", "view=workstation&id=S1&window=today"):
        open_view(page, server, view, ".tile")
        sentence = page.locator(".course .chart").first.get_by_text("You see figures of whole days")
        sentence.wait_for()
        assert page.locator(".course .plot").first.is_hidden()


@pytest.mark.journey
def test_present_states_are_shown_on_a_wall_where_the_plant_wants_it(page: Any, server: RunningServer) -> None:
    enter(page, server, "admin", "view=settings", ".form")
    page.get_by_label("Present states").select_option("true")
    page.get_by_role("button", name="Save changes").click()
    page.get_by_text("Saved").wait_for()
    try:
        made = api(server, "GET", "/audit/?action=factory.changed", role="admin")["data"][0]
        assert made["detail"] == {"live_states": {"before": False, "after": True}}
        states = api(server, "GET", "/metrics/now", role="wall")["data"]["workstations"]
        assert None not in {row["state"] for row in states}
    finally:
        api(server, "PATCH", "/factories/default", {"live_states": False}, role="admin")
    states = api(server, "GET", "/metrics/now", role="wall")["data"]["workstations"]
    assert {row["state"] for row in states} == {None}


@pytest.mark.parametrize("view", ["workers", "events", "worker&id=W1"])
def test_a_view_of_persons_says_why_it_is_closed(page: Any, server: RunningServer, view: str) -> None:
    enter(page, server, "viewer", f"view={view}", ".notice.forbidden")

    assert "Individual people are not shown here" in page.locator(".notice").inner_text()


def test_a_supervisor_enters_events_and_takes_nothing_out(page: Any, server: RunningServer) -> None:
    enter(page, server, "supervisor", "view=events&window=24h", ".events")

    assert page.get_by_role("button", name="Enter an event").is_visible()
    assert page.get_by_role("button", name="CSV").count() == 0
    assert views(page) == ["Overview", "Workers", "Workstations", "Compare", "Events"]
    assert administration(page) == []


def test_a_manager_takes_out_what_is_recorded_first(page: Any, server: RunningServer) -> None:
    enter(page, server, "manager", "view=workers&window=24h", ".listing tbody tr")

    with page.expect_download(), page.expect_response("**/api/v1/exports/*") as recorded:
        page.get_by_role("button", name="CSV").click()

    assert recorded.value.status == 201
    made = api(server, "GET", "/audit/?action=export.made", role="admin")["data"][0]
    assert made["actor"] == address("manager")
    assert administration(page) == ["Settings"]


def test_a_file_that_cannot_be_recorded_is_not_made(page: Any, server: RunningServer) -> None:
    enter(page, server, "manager", "view=workers&window=24h", ".listing tbody tr")
    page.context.route("**/api/v1/exports/*", lambda route: route.abort())
    made: list[Any] = []
    page.on("download", lambda download: made.append(download))

    page.get_by_role("button", name="CSV").click()

    page.locator(".downloads .fault").get_by_text("The server is not responding.").wait_for()
    assert made == []


def test_all_factories_are_compared_and_each_opens(page: Any, server: RunningServer) -> None:
    enter(page, server, "admin", "window=24h", ".tile")
    page.get_by_role("link", name="Factories").click()
    page.wait_for_selector(".listing tbody tr")
    assert page.locator(".listing tbody th a").all_inner_texts() == ["Default factory", "Second plant"]

    page.get_by_role("link", name="Second plant").click()

    page.wait_for_selector(f"{SETTLED} .tile")
    assert f"factory={SECOND}" in page.url
    page.get_by_role("button", name="Menu").click()
    assert page.locator("#factory option").all_inner_texts() == ["Default factory", "Second plant"]


@pytest.mark.journey
def test_persons_can_be_hidden_in_the_settings(page: Any, server: RunningServer) -> None:
    enter(page, server, "admin", f"view=settings&factory={SECOND}", ".form")
    page.get_by_label("Name of the factory").fill("Second plant, hall 2")
    page.get_by_role("button", name="Add a shift").click()
    page.get_by_label("Name of the shift").last.fill("Short")
    page.get_by_label("Start of the shift").last.fill("09:00")
    page.get_by_label("End of the shift").last.fill("12:00")
    page.get_by_label("Single persons").select_option("Shown to nobody")
    page.get_by_role("button", name="Save changes").click()
    page.get_by_text("Save again to confirm").wait_for()
    page.get_by_role("button", name="Save changes").click()
    page.get_by_text("Saved.").wait_for()

    site = api(server, "GET", f"/factories/{SECOND}", role="admin")["data"]
    assert site["name"] == "Second plant, hall 2"
    assert site["shifts"][-1] == {"name": "Short", "start": "09:00", "end": "12:00"}
    assert site["person_views"] is False
    open_view(page, server, f"factory={SECOND}", ".tile")
    assert "Workers" not in views(page)
    page.goto(f"http://127.0.0.1:{server.port}/?view=settings&factory={SECOND}")
    page.get_by_label("Seconds without an event").fill("soon")
    page.get_by_role("button", name="Save changes").click()
    page.wait_for_selector("[name=state_timeout_seconds][aria-invalid=true]")
    api(server, "PATCH", f"/factories/{SECOND}", {"name": "Second plant", "person_views": True}, role="admin")


def test_settings_send_what_was_changed_and_nothing_else(page: Any, server: RunningServer) -> None:
    """The factory follows the installation in whether persons are shown, and goes on doing so."""
    api(server, "PATCH", f"/factories/{SECOND}", {"person_views": None}, role="admin")
    enter(page, server, "admin", f"view=settings&factory={SECOND}", ".form")
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request.post_data_json) if request.method == "PATCH" else None)
    save = page.get_by_role("button", name="Save changes")

    save.click()
    page.get_by_text("Nothing was changed.").wait_for()
    page.get_by_label("Start of the shift").first.fill("05:30")
    save.click()
    page.get_by_text("Saved.").wait_for()
    page.get_by_label("Name of the factory").fill("Second plant, hall 3")
    save.click()
    page.get_by_text("Saved.").wait_for()

    assert [sorted(body) for body in sent] == [["shifts"], ["name"]]
    assert api(server, "GET", f"/factories/{SECOND}", role="admin")["data"]["person_views"] is None
    api(server, "PATCH", f"/factories/{SECOND}", {"name": "Second plant", "person_views": True}, role="admin")


def test_open_access_is_said_until_it_is_understood(page: Any, open_server: RunningServer) -> None:
    open_view(page, open_server, "window=24h", ".tile")
    banner = page.get_by_role("complementary", name="Who can see this page")
    assert "anyone who can reach this address can see and change everything" in banner.inner_text()
    page.get_by_role("button", name="Menu").click()
    assert page.get_by_role("button", name="Sign out").count() == 0
    page.keyboard.press("Escape")

    banner.get_by_role("button", name="Understood").click()
    page.reload()

    page.wait_for_selector(f"{SETTLED} .tile")
    assert page.locator("#openness").is_hidden()
