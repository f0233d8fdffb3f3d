"""Signing in, staying in and going out, in a browser against a server that asks who one is."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.browser.access import ENTERED, PASSWORD, address, api, enter, enter_as, fill_in, newcomer, somebody
from tests.servers import RunningServer

KEPT = "async () => (await caches.keys()).includes('data') ? (await (await caches.open('data')).keys()).length : 0"
REFRESH = "**/api/v1/session/refresh"


@pytest.fixture(scope="module")
def server(secured_server: RunningServer) -> RunningServer:
    return secured_server


@pytest.fixture
def reader(reader: dict[str, Any]) -> dict[str, Any]:
    """With the service worker: what it keeps is part of who is signed in."""
    return {**reader, "service_workers": "allow"}


def front(server: RunningServer, query: str = "") -> str:
    return f"http://127.0.0.1:{server.port}/?{query}"


def wait_until_kept(page: Any) -> None:
    """Until the service worker has answers on its disk."""
    for _ in range(100):
        if page.evaluate(KEPT) > 3:
            return
        page.wait_for_timeout(100)
    raise AssertionError("nothing was kept")


def menu(page: Any) -> Any:
    page.get_by_role("button", name="Menu").click()
    return page.locator("#menu")


@pytest.mark.journey
def test_who_signs_in_gets_the_view_that_was_asked_for(page: Any, server: RunningServer) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(front(server, "view=workstations&window=24h"))
    page.wait_for_selector(".sign-in")
    assert page.locator("#title").inner_text() == "Sign in"
    assert page.get_by_label("E-mail address").evaluate("(input) => input === document.activeElement")
    assert page.locator("nav a:visible").count() == 0
    assert not any("/metrics/" in one for one in asked)

    fill_in(page, address("manager"), PASSWORD)

    page.wait_for_selector(".listing tbody tr")
    assert "view=workstations" in page.url
    reader = menu(page).get_by_role("region", name="Signed-in user")
    assert "The manager" in reader.inner_text()
    assert "Manager" in reader.inner_text()


def test_the_fields_are_for_password_managers(page: Any, server: RunningServer) -> None:
    page.goto(front(server))

    assert page.get_by_label("E-mail address").get_attribute("autocomplete") == "username"
    assert page.get_by_label("Password").get_attribute("autocomplete") == "current-password"


def test_a_wrong_password_is_told_and_the_right_one_still_works(page: Any, server: RunningServer) -> None:
    page.goto(front(server))

    fill_in(page, address("viewer"), "not this one")
    page.get_by_text("The e-mail address or the password is wrong.").wait_for()
    fill_in(page, address("viewer"), PASSWORD)

    page.wait_for_selector(ENTERED.replace("#view > *", ".tile"))


def test_the_page_stays_while_the_service_worker_is_installed(
    page: Any, server: RunningServer, complaints: list[str]
) -> None:
    page.goto(front(server))
    page.get_by_label("E-mail address").fill("somebody")
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function("navigator.serviceWorker.controller")
    page.wait_for_timeout(500)

    assert page.get_by_label("E-mail address").input_value() == "somebody"
    assert complaints == []


def test_nothing_is_sent_while_a_field_is_empty(page: Any, server: RunningServer) -> None:
    page.goto(front(server))

    fill_in(page, address("viewer"), "")

    assert page.get_by_label("Password").get_attribute("aria-invalid") == "true"
    assert page.get_by_text("Please fill this in.").is_visible()


def test_who_failed_too_often_is_told_how_long_to_wait(page: Any, server: RunningServer) -> None:
    page.goto(front(server))
    told = page.locator(".form-result.bad")
    for _ in range(12):
        fill_in(page, "stranger@example.org", "a guess")
        page.wait_for_selector(".form .button:enabled")
        told.wait_for()
        if "Too many attempts" in told.inner_text():
            break

    assert told.inner_text().startswith("Too many attempts. Please wait ")
    assert " s," in told.inner_text() or " min" in told.inner_text()


@pytest.mark.journey
def test_the_first_password_has_to_be_replaced(page: Any, server: RunningServer) -> None:
    page.goto(front(server))
    fill_in(page, *newcomer(server))
    page.get_by_text("Somebody else chose your password.").wait_for()
    assert page.locator("#title").inner_text() == "Choose a password"

    new, again = page.get_by_label("New password", exact=True), page.get_by_label("Repeat new password")
    new.fill("short")
    again.fill("shorter")
    page.get_by_role("button", name="Change password").click()
    page.get_by_text("The two passwords do not match.").wait_for()
    again.fill("short")
    page.get_by_role("button", name="Change password").click()
    page.get_by_text("This password is too short.").wait_for()
    new.fill(PASSWORD)
    again.fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()

    page.wait_for_selector(f"body:not([data-view=sign-in]) {ENTERED}")
    page.reload()
    page.wait_for_selector(f"body:not([data-view=sign-in]) {ENTERED}")


@pytest.mark.journey
def test_signing_out_leaves_nothing_behind(page: Any, server: RunningServer) -> None:
    enter(page, server, "supervisor", "window=24h", ".tile")
    wait_until_kept(page)
    asked: list[str] = []

    menu(page).get_by_role("button", name="Sign out", exact=True).click()

    page.wait_for_selector(".sign-in")
    assert page.evaluate(KEPT) == 0
    # What stays names the device, so that a stranger's guesses do not lock its users out, and nobody on it.
    kept = [cookie["name"] for cookie in page.context.cookies() if cookie["name"].startswith("factory_")]
    assert kept == ["factory_device"]
    assert page.evaluate("localStorage.getItem('session')") is None
    page.route("**/api/v1/**", lambda route: (asked.append(route.request.url), route.abort()))
    page.goto(front(server, "window=24h"))
    page.get_by_text("The server is not responding.").wait_for()
    assert page.locator(".tile").count() == 0
    assert [one for one in asked if "/session/" not in one] == []


def test_without_the_server_who_is_signed_in_sees_what_was_kept(page: Any, server: RunningServer) -> None:
    enter(page, server, "supervisor", "window=24h", ".tile")
    wait_until_kept(page)
    server.kill()
    try:
        page.goto(front(server, "window=24h"))

        page.wait_for_selector("#banner.urgent:visible")
        assert "saved on this device" in page.locator("#banner").inner_text()
        assert page.locator(".tile").count() > 0
    finally:
        server.start()


def test_what_tells_of_people_is_kept_nowhere(page: Any, server: RunningServer) -> None:
    enter(page, server, "admin", "window=24h", ".tile")
    wait_until_kept(page)
    for view in ["people", "keys", "audit", "account"]:
        page.goto(front(server, f"view={view}"))
        page.wait_for_selector(f"body[data-view={view}] {ENTERED}")

    names = page.evaluate(
        "async () => (await (await caches.open('data')).keys()).map(({ url }) => decodeURIComponent(url))"
    )

    assert len(names) > 0
    assert [one for one in names if any(f"/{what}/" in one for what in ["session", "users", "keys", "audit"])] == []


def test_a_refused_token_is_renewed_once_for_all_questions(page: Any, server: RunningServer) -> None:
    enter(page, server, "viewer", "window=24h", ".tile")
    renewals: list[str] = []
    page.on("request", lambda request: renewals.append(request.url) if "/session/refresh" in request.url else None)
    refused: list[str] = []

    def refuse(route: Any) -> None:
        if len(refused) < 3:
            refused.append(route.request.headers["authorization"])
            body = '{"error": "expired", "code": "token_expired", "status": 401}'
            route.fulfill(status=401, content_type="application/json", body=body)
        else:
            route.continue_()

    page.context.route("**/api/v1/metrics/**", refuse)
    with page.expect_response(REFRESH) as renewed:
        page.evaluate("dispatchEvent(new Event('online'))")
    assert renewed.value.status == 200
    page.wait_for_selector("main[aria-busy=false] .tile")

    page.wait_for_selector("#banner", state="hidden")
    assert len(refused) == 3
    assert len(renewals) == 1


def test_a_token_is_renewed_before_it_ends(page: Any, server: RunningServer) -> None:
    page.clock.install()
    enter(page, server, "viewer", "window=24h", ".tile")

    with page.expect_response(REFRESH) as renewed:
        page.clock.fast_forward("59:00")

    assert renewed.value.status == 200
    page.wait_for_selector("main[aria-busy=false] .tile")


def test_two_tabs_do_not_sign_each_other_out(page: Any, server: RunningServer) -> None:
    enter(page, server, "viewer", "window=24h", ".tile")
    other = page.context.new_page()

    for _ in range(3):
        other.goto(front(server, "view=workstations&window=24h"), wait_until="commit")
        page.reload(wait_until="commit")
        page.wait_for_selector(".tile")
        other.wait_for_selector(".listing tbody tr")

    assert page.locator(".sign-in").count() == other.locator(".sign-in").count() == 0


def test_who_signs_out_in_one_tab_is_out_in_all(page: Any, server: RunningServer) -> None:
    enter(page, server, "viewer", "window=24h", ".tile")
    other = page.context.new_page()
    other.goto(front(server, "window=24h"))
    other.wait_for_selector(".tile")

    menu(page).get_by_role("button", name="Sign out everywhere").click()

    page.wait_for_selector(".sign-in")
    other.wait_for_selector(".sign-in")
    assert other.locator(".tile").count() == 0


def test_a_session_that_was_ended_elsewhere_asks_to_sign_in_again(page: Any, server: RunningServer) -> None:
    enter(page, server, "viewer", "view=workstations&window=24h", ".listing tbody tr")
    assert api(server, "DELETE", "/session/all", role="viewer")["status"] == "success"
    page.evaluate("dispatchEvent(new Event('online'))")

    page.wait_for_selector(".sign-in")
    assert page.evaluate(KEPT) == 0
    fill_in(page, address("viewer"), PASSWORD)
    page.wait_for_selector(".listing tbody tr")  # the place is the same


def test_a_second_factor_is_set_up_asked_for_and_taken_away(page: Any, server: RunningServer) -> None:
    pyotp = pytest.importorskip("pyotp")
    manager = somebody(server, "manager")
    enter_as(page, server, manager, "view=account", "#totp")
    card = page.locator("section[aria-labelledby=totp]")
    card.get_by_label("Password").fill(PASSWORD)
    card.get_by_role("button", name="Set up").click()
    secret = card.locator("code").inner_text().replace(" ", "")
    assert card.get_by_role("link").get_attribute("href").startswith("otpauth://totp/")
    codes = pyotp.TOTP(secret)
    card.get_by_label("Code").fill("000000")
    card.get_by_role("button", name="Switch on").click()
    card.locator(".fault:visible, .form-result.bad:visible").first.wait_for()
    card.get_by_label("Code").fill(codes.now())
    card.get_by_role("button", name="Switch on").click()
    card.get_by_text("Switched on.").wait_for()

    menu(page).get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_selector(".sign-in")
    assert page.get_by_label("Code").is_hidden()
    fill_in(page, manager, PASSWORD)
    page.get_by_text("Please enter the code as well.").wait_for()
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("This code is wrong.").wait_for()
    page.get_by_label("Code").fill(codes.at(int(time.time()) + 30))  # each code serves once: this is the next one
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_selector(f"body:not([data-view=sign-in]) {ENTERED}")

    page.goto(front(server, "view=account"))
    card.get_by_label("Password").fill(PASSWORD)
    card.get_by_role("button", name="Switch off").click()
    card.get_by_text("Switched off.").wait_for()


def test_a_password_is_changed_in_the_account(page: Any, server: RunningServer) -> None:
    other = "another sentence that only one person knows"
    enter_as(page, server, somebody(server, "supervisor"), "view=account", "#password")
    card = page.locator("section[aria-labelledby=password]")
    changes = [
        ("wrong", other, ":is(.form-result.bad, .fault):visible"),
        (PASSWORD, other, ".form-result.good"),
        (other, PASSWORD, ".form-result.good"),
    ]
    for old, new, told in changes:
        card.get_by_label("Current password").fill(old)
        card.get_by_label("New password", exact=True).fill(new)
        card.get_by_label("Repeat new password").fill(new)
        with page.expect_response("**/session/password"):
            card.get_by_role("button", name="Change password").click()
        card.locator(told).first.wait_for()

    page.reload()
    page.wait_for_selector(f"body[data-view=account] {ENTERED}")


@pytest.mark.parametrize(
    ("reason", "words"),
    [("unknown_user", "nobody here has that e-mail address"), ("<b>nonsense</b>", "with the provider failed")],
)
def test_a_sign_in_that_failed_at_the_provider_is_told(
    page: Any, server: RunningServer, reason: str, words: str
) -> None:
    page.goto(front(server, f"sign-in=failed&reason={reason}"))
    page.wait_for_selector(".sign-in")

    assert words in page.locator(".sign-in [role=alert]").first.inner_text()
