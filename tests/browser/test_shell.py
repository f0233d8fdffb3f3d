"""The frame around every view: fresh, stale and refused figures, the menu, and all of it by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.browser.sample import SETTLED, STARTED, UNSEEN, new_factory, open_view, poll
from tests.servers import RunningServer

UNITS = 1250
FIGURES = "**/api/v1/metrics/**"


@pytest.fixture(scope="module")
def floor(server: RunningServer) -> Callable[[str, int], str]:
    """Return a function that makes a factory in which W1 made units so many minutes ago, and returns its id."""

    def make(name: str, minutes: int) -> str:
        factory = new_factory(server, name, name=f"Plant {name}")
        now = datetime.now(timezone.utc)
        events = [
            {
                "timestamp": (now - timedelta(minutes=minutes + earlier)).isoformat(),
                "worker_id": "W1",
                "workstation_id": "S1",
                **event,
            }
            for earlier, event in [
                (30, {"event_type": "working"}),
                (0, {"event_type": "product_count", "count": UNITS}),
            ]
        ]
        assert server.post_json(f"/api/v1/events/batch?factory={factory}", events).status == 201
        return factory

    return make


def units(page: Any) -> str:
    return str(page.locator(".tile", has=page.get_by_text("Units", exact=True)).locator(".value").inner_text())


def menu(page: Any) -> Any:
    page.get_by_role("button", name="Menu").click()
    return page.locator("#menu")


@pytest.mark.journey
def test_when_the_server_is_away_the_page_says_so_keeps_the_figures_and_recovers(
    page: Any, server: RunningServer, floor: Callable[[str, int], str]
) -> None:
    open_view(page, server, f"window=24h&factory={floor('away', 1)}")
    assert page.locator("#banner").is_hidden()
    assert page.locator("#freshness.live").count() == 1

    page.route("**/api/v1/**", lambda route: route.abort())
    page.evaluate("dispatchEvent(new Event('online'))")

    page.wait_for_selector("#banner.urgent")
    banner = page.locator("#banner").inner_text()
    assert "The server is not responding. You see the figures as of " in banner
    assert "Trying again every 15 seconds." in banner
    assert page.locator("#freshness.live").count() == 0
    assert units(page) == f"{UNITS:,}"

    page.unroute("**/api/v1/**")
    poll(page)

    assert page.locator("#banner").is_hidden()
    assert page.locator("#freshness.live").count() == 1


def test_the_page_asks_again_by_itself(page: Any, server: RunningServer, floor: Callable[[str, int], str]) -> None:
    name = floor("polled", 1)
    page.clock.install()
    open_view(page, server, f"window=24h&factory={name}")
    event = {"timestamp": datetime.now(timezone.utc).isoformat(), "worker_id": "W1", "workstation_id": "S1"}
    posted = {**event, "event_type": "product_count", "count": 7}
    assert server.post_json(f"/api/v1/events/?factory={name}", posted).status == 201

    with page.expect_response("**/metrics/now?*"):
        page.clock.fast_forward(15_000)

    page.get_by_text(f"{UNITS + 7:,}", exact=True).first.wait_for()


def test_what_has_not_changed_is_not_sent_again(
    page: Any, server: RunningServer, floor: Callable[[str, int], str]
) -> None:
    name = floor("unchanged", 60)
    open_view(page, server, f"window=24h&factory={name}")

    assert poll(page).status == 304
    assert poll(page, f"/factories/{name}").status == 304
    assert units(page) == f"{UNITS:,}"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("factory=nowhere", "There is no factory with this id."),
        ("view=worker&id=W404", "There is no worker with this id."),
        ("view=workstation&id=S404", "There is no workstation with this id."),
    ],
)
def test_what_is_unknown_is_said_to_be_not_found(page: Any, server: RunningServer, query: str, sentence: str) -> None:
    open_view(page, server, query, ".notice.missing")

    assert page.locator(".notice h2").inner_text() == "Not found"
    assert page.locator(".notice p").inner_text() == sentence

    page.get_by_role("navigation").get_by_text("Events").click()
    page.wait_for_selector(f"{SETTLED} #view > *")
    assert "view=events" in page.url


# No route answers with 403 yet; the shape is that of every refusal.
def refuse(page: Any, path: str, status: int, code: str, message: str) -> None:
    body = {"error": message, "code": code, "status": status, "timestamp": "2026-01-01T00:00:00Z", "path": "/"}
    page.route(path, lambda route: route.fulfill(status=status, json=body))


@pytest.mark.parametrize("already_shown", [False, True])
def test_a_refusal_shows_no_figures(
    page: Any, server: RunningServer, floor: Callable[[str, int], str], *, already_shown: bool
) -> None:
    query = f"window=24h&factory={floor(f'refused-{already_shown}', 1)}"
    if already_shown:
        open_view(page, server, query)
    refuse(page, FIGURES, 403, "not_allowed", "You lack metrics:read")

    if already_shown:
        page.evaluate("dispatchEvent(new Event('online'))")
        page.wait_for_selector(".notice.forbidden")
    else:
        open_view(page, server, query, ".notice.forbidden")

    assert page.locator(".notice h2").inner_text() == "No permission"
    assert page.locator(".notice p").inner_text().startswith("You do not have permission for this.")
    assert page.locator(".tile").count() == 0


def test_a_failure_can_be_tried_again(page: Any, server: RunningServer, floor: Callable[[str, int], str]) -> None:
    refuse(page, FIGURES, 500, "internal_error", "The server met an error")
    open_view(page, server, f"window=24h&factory={floor('failed', 1)}", ".notice.failed")
    assert page.locator(".notice p").inner_text() == "The server met an error"

    page.unroute(FIGURES)
    page.get_by_role("button", name="Try again").click()

    page.wait_for_selector(f"{SETTLED} .tile")
    assert units(page) == f"{UNITS:,}"


def test_the_page_says_when_data_have_stopped_coming(
    page: Any, server: RunningServer, floor: Callable[[str, int], str]
) -> None:
    open_view(page, server, f"window=24h&factory={floor('silent', 120)}")

    assert page.locator("#banner").inner_text().startswith("No data for 2 h 0")
    assert page.locator("#banner").inner_text().endswith("Without events the states are unknown.")
    assert page.locator("#banner.urgent").count() == 0
    assert page.locator("#banner").get_attribute("role") == "status"
    assert page.locator("#freshness").get_attribute("role") is None

    open_view(page, server, f"window=24h&factory={floor('waiting', 20)}")
    told = page.locator("#banner").inner_text()
    assert re.match(
        r"No data for 2\d min: the newest event is from .*\. The states shown are the last known ones; from", told
    )

    open_view(page, server, f"window=24h&factory={floor('talking', 1)}")
    assert page.locator("#banner").is_hidden()


@pytest.mark.journey
def test_a_keyboard_reaches_the_figures_the_periods_and_the_menu(
    page: Any, server: RunningServer, floor: Callable[[str, int], str]
) -> None:
    open_view(page, server, f"window=24h&factory={floor('keys', 1)}")

    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the figures"
    assert page.locator(":focus").bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert page.locator("main:focus").count() == 1

    page.keyboard.press("Tab")
    assert page.locator("input[value='24h']:focus").count() == 1
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**window=week**")
    page.wait_for_selector(SETTLED)
    assert page.locator("input[value=week]:focus:checked").count() == 1  # fresh figures leave the focus alone

    page.get_by_role("button", name="Menu").focus()
    page.keyboard.press("Enter")
    page.locator("#menu").wait_for(state="visible")
    page.keyboard.press("Tab")
    assert page.locator("#factory:focus").count() == 1
    page.keyboard.press("Escape")
    page.locator("#menu").wait_for(state="hidden")
    assert page.get_by_role("button", name="Menu").evaluate("(node) => node === document.activeElement")


def test_going_to_another_view_takes_the_focus_along(
    page: Any, server: RunningServer, floor: Callable[[str, int], str]
) -> None:
    open_view(page, server, f"window=24h&factory={floor('focus', 1)}")

    page.get_by_role("navigation").get_by_role("link", name="Workers", exact=True).press("Enter")
    page.wait_for_selector(f"{SETTLED} .listing")

    page.wait_for_selector("main:focus")
    assert page.title() == "Workers · Plant focus"
    assert page.locator("[aria-current=page]").inner_text() == "Workers"


def test_another_factory_is_a_choice_of_the_menu(
    page: Any, server: RunningServer, floor: Callable[[str, int], str]
) -> None:
    open_view(page, server, f"view=worker&id=W1&window=today&factory={floor('north', 1)}")
    south = floor("south", 1)

    with page.expect_response(f"**/factories/{south}"):
        menu(page).get_by_label("Factory").select_option(south)
    page.wait_for_selector(f"{SETTLED} .tile")

    assert page.locator("#site").inner_text() == "Plant south"
    assert f"factory={south}" in page.url
    assert "id=W1" not in page.url


def test_the_appearance_follows_the_system_unless_it_is_chosen(page: Any, server: RunningServer) -> None:
    open_view(page, server)
    page.wait_for_selector("html[data-theme=light]")
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-theme=dark]")

    menu(page).get_by_label("Appearance").select_option("light")
    page.wait_for_selector("html[data-theme=light]")
    page.reload()
    page.wait_for_selector(SETTLED)
    assert page.locator("html").get_attribute("data-theme") == "light"

    menu(page).get_by_label("Appearance").select_option("system")
    page.wait_for_selector("html[data-theme=dark]")


def test_without_sample_data_nothing_offers_to_load_it(page: Any, tmp_path: Path) -> None:
    with RunningServer(f"sqlite:///{tmp_path / 'factory.db'}", tmp_path / "server.log") as server:
        open_view(page, server)

        with page.expect_response("**/demo/"):
            opened = menu(page)

        opened.locator("option", has_text="Default factory").wait_for(state="attached")
        assert opened.get_by_text("Reload sample data").count() == 0


def test_sample_data_are_loaded_after_a_question_and_the_page_says_what_happened(
    page: Any, server: RunningServer
) -> None:
    factory = new_factory(server, "sample")
    assert server.post_json(f"/api/v1/workers/?factory={factory}", {"worker_id": UNSEEN}).status == 201
    open_view(page, server, f"view=workers&window=24h&factory={factory}")
    assert page.locator(".listing tbody tr").count() == 1

    opened = menu(page)
    opened.get_by_role("button", name="Reload sample data").click()
    assert "This removes all events, workers and workstations" in opened.get_by_role("status").inner_text()
    with page.expect_response("**/demo/seed*") as answer:
        opened.get_by_role("button", name="Remove and reload").click()
    opened.get_by_text("Replaced:").wait_for()

    loaded = answer.value.json()["data"]
    assert f"{loaded['events']:,} events of 6 workers at 6 workstations" in opened.get_by_role("status").inner_text()
    page.wait_for_selector(f".listing:not(:has-text('{UNSEEN}'))")
    assert page.locator(".listing tbody tr").count() == 6

    refuse(page, "**/demo/seed*", 403, "not_allowed", "You lack factory:admin")
    opened.get_by_role("button", name="Reload sample data").click()
    opened.get_by_role("button", name="Remove and reload").click()
    opened.get_by_text("Nothing was changed: You do not have permission").wait_for()


def test_without_an_answer_nobody_knows_whether_the_data_were_replaced(page: Any, server: RunningServer) -> None:
    open_view(page, server, "window=24h", ".tiles")
    page.route("**/api/v1/demo/seed*", lambda route: route.abort())
    page.get_by_role("button", name="Menu").click()

    page.get_by_role("button", name="Reload sample data").click()
    page.get_by_role("button", name="Remove and reload").click()

    page.get_by_text("It is not known whether the data was replaced").wait_for()


@pytest.mark.parametrize(
    "query",
    [
        "window=custom",
        "window=custom&from=nonsense",
        "window=custom&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "window=toString",
        "view=constructor",
        "lang=toString",
        "view=worker",
        "view=workstation&id=",
    ],
)
def test_nonsense_in_the_address_is_left_out(
    page: Any, server: RunningServer, query: str, complaints: list[str]
) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/?{query}")
    page.wait_for_selector(f"{SETTLED} #view > *")

    assert page.locator(".notice").count() == 0
    assert page.locator("input[name=window]:checked").get_attribute("value") == "24h"
    if query.startswith("window=") and "view" not in query:
        assert "names no period that can be read" in page.locator("#periods .span").inner_text()
    assert complaints == []


def test_a_period_that_has_not_begun_is_not_called_now(page: Any, server: RunningServer) -> None:
    year = STARTED.year + 2
    page.goto(f"http://127.0.0.1:{server.port}/?window=custom&from={year}-01-01T00:00:00Z&to={year}-01-02T00:00:00Z")
    page.wait_for_selector(f"{SETTLED} .tiles")

    told = page.locator("#periods .span").inner_text()
    assert str(year) in told
    assert "now" not in told


NO_STORAGE = """
const refuse = () => { throw new DOMException("denied", "SecurityError"); };
for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"])
  Object.defineProperty(window, name, { get: refuse });
Object.defineProperty(navigator, "serviceWorker", { get: refuse });
"""


def test_without_storage_the_page_works_and_remembers_nothing(page: Any, server: RunningServer) -> None:
    page.add_init_script(NO_STORAGE)
    open_view(page, server, "window=24h")

    assert page.locator(".tile").count() > 3
    page.get_by_role("button", name="Understood").click()
    assert page.locator("#openness").is_hidden()
    menu(page).locator("#theme").select_option("dark")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    open_view(page, server, "view=workers")
    assert page.locator("tbody tr").count() > 3


@pytest.mark.parametrize(
    ("language", "sentence"), [("en-GB", "This browser is too old"), ("de-DE", "Dieser Browser ist zu alt")]
)
def test_a_browser_that_is_too_old_is_told_so(page: Any, server: RunningServer, language: str, sentence: str) -> None:
    page.add_init_script("delete AbortSignal.any")
    page.add_init_script(f"Object.defineProperty(navigator, 'language', {{ get: () => '{language}' }})")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"http://127.0.0.1:{server.port}/")

    page.wait_for_selector(f"#banner:visible:has-text('{sentence}')")
    assert [url for url in asked if "/api/" in url] == [], "the page began"


def test_unchanged_figures_are_as_of_the_last_time_that_the_server_said_so(
    page: Any, server: RunningServer, floor: Callable[[str, int], str]
) -> None:
    factory = floor("unchanged", 60)
    at = datetime.now(timezone.utc)
    window = f"window=custom&from={(at - timedelta(hours=3)).strftime('%Y-%m-%dT%H:%M:%SZ')}"
    window += f"&to={(at - timedelta(minutes=10)).strftime('%Y-%m-%dT%H:%M:%SZ')}"
    open_view(page, server, f"{window}&factory={factory}")
    first = page.locator("#freshness").inner_text()
    page.wait_for_timeout(2_100)

    assert poll(page, "/metrics/factory").status == 304
    assert page.locator("#freshness").inner_text() != first
