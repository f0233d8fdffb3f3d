"""Sessions: refreshed, ended, taken from a thief; and the password that ends them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from tests.access.conftest import population_of
from tests.access.people import DEFAULT, PASSWORD, Browser, User, member, refusal, trail
from tests.conftest import Clock

from factory.store.access.organisations import change

SECOND, DAY = 1_000_000, 86_400_000_000
NEW = "another long sentence of mine"


@pytest.fixture
def site(database_url: str, guarded: Callable[..., Iterator[Flask]]) -> Iterator[Flask]:
    yield from guarded(database_url)


@pytest.fixture
def moment(site: Flask) -> Clock:
    clock: Clock = site.extensions["factory"].clock
    return clock


@pytest.fixture
def user(site: Flask) -> User:
    return member(site, {"default": "supervisor"})


@pytest.fixture
def browser(site: Flask, user: User) -> Browser:
    browser = Browser(site)
    assert browser.sign_in(user.email).status_code == 200
    return browser


def is_in(browser: Browser) -> bool:
    return bool(browser.ask("GET", "/workers/").status_code == 200)


def test_an_access_token_lasts_ten_minutes_and_is_renewed(browser: Browser, moment: Clock) -> None:
    moment.now += 600 * SECOND - 1
    assert is_in(browser)
    moment.now += 1
    assert refusal(browser.ask("GET", "/workers/")) == (401, "token_expired")

    before = browser.refresh_token
    assert browser.refresh().status_code == 200
    assert browser.refresh_token != before
    assert is_in(browser)


def test_a_session_lasts_seven_days_from_its_last_use(browser: Browser, moment: Clock) -> None:
    for _ in range(3):
        moment.now += 7 * DAY - 1
        assert browser.refresh().status_code == 200

    moment.now += 7 * DAY
    assert refusal(browser.refresh()) == (401, "session_ended")
    assert browser.refresh_token is None


def test_a_token_that_comes_back_ends_the_session_for_thief_and_owner(
    site: Flask, user: User, browser: Browser, moment: Clock
) -> None:
    thief, stolen = Browser(site), browser.refresh_token
    csrf = browser.client.get_cookie("factory_csrf")
    assert csrf is not None
    browser.refresh()
    moment.now += 11 * SECOND

    thief.refresh_token = stolen or ""
    thief.client.set_cookie("factory_csrf", csrf.value)
    assert refusal(thief.refresh()) == (401, "session_ended")

    assert refusal(browser.ask("GET", "/workers/")) == (401, "session_ended")
    assert refusal(browser.refresh()) == (401, "session_ended")
    assert trail(site)[-1] == (user.email, "session.reused", user.email)
    assert [line[1] for line in trail(site)].count("session.reused") == 1


def test_an_older_token_than_the_predecessor_ends_the_session_at_once(site: Flask, browser: Browser) -> None:
    old = browser.refresh_token or ""
    browser.refresh()
    browser.refresh()

    browser.refresh_token = old
    assert refusal(browser.refresh()) == (401, "session_ended")


def test_a_token_that_was_made_up_ends_the_session_it_names(site: Flask, browser: Browser) -> None:
    session_id = (browser.refresh_token or "").partition(".")[0]
    browser.refresh_token = f"{session_id}.{'A' * 43}"

    assert refusal(browser.refresh()) == (401, "session_ended")
    assert trail(site)[-1][1] == "session.reused"


def test_after_a_lost_answer_the_same_successor_is_given_for_ten_seconds(browser: Browser, moment: Clock) -> None:
    before = browser.refresh_token or ""
    browser.refresh()
    successor = browser.refresh_token

    browser.refresh_token = before
    moment.now += 10 * SECOND
    assert browser.refresh().status_code == 200
    assert browser.refresh_token == successor
    assert is_in(browser)

    moment.now += 60 * SECOND
    assert browser.refresh().status_code == 200


def test_two_tabs_at_once_stay_signed_in(site: Flask, browser: Browser) -> None:
    token, csrf = browser.refresh_token or "", browser.client.get_cookie("factory_csrf")
    assert csrf is not None
    tabs, start, statuses = [Browser(site) for _ in range(4)], threading.Barrier(4), []
    for tab in tabs:
        tab.refresh_token = token
        tab.client.set_cookie("factory_csrf", csrf.value)

    def refresh(tab: Browser) -> None:
        start.wait()
        statuses.append(tab.refresh().status_code)

    threads = [threading.Thread(target=refresh, args=(tab,)) for tab in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 4
    assert len({tab.refresh_token for tab in tabs}) == 1
    assert tabs[0].refresh().status_code == 200


@pytest.mark.parametrize("csrf", ["", "made up", "é"])
def test_without_the_pages_own_header_nothing_is_refreshed(site: Flask, browser: Browser, csrf: str) -> None:
    before = browser.refresh_token
    assert refusal(browser.refresh(X_CSRF_Token=csrf)) == (403, "csrf_failed")
    assert browser.refresh_token == before
    assert is_in(browser)


def test_a_planted_csrf_cookie_does_not_fit(site: Flask, browser: Browser) -> None:
    other = Browser(site)
    other.sign_in(member(site).email)
    planted = other.client.get_cookie("factory_csrf")
    assert planted is not None
    browser.client.set_cookie("factory_csrf", planted.value)

    assert refusal(browser.refresh()) == (403, "csrf_failed")


def test_a_page_of_another_site_neither_refreshes_nor_signs_out(browser: Browser) -> None:
    for method, path in (("POST", "/session/refresh"), ("DELETE", "/session/"), ("DELETE", "/session/all")):
        csrf = browser.client.get_cookie("factory_csrf")
        assert csrf is not None
        answer = browser.ask(method, path, X_CSRF_Token=csrf.value, Origin="https://evil.example")
        assert refusal(answer) == (403, "foreign_origin")
    assert is_in(browser)


def test_without_a_cookie_there_is_no_session(site: Flask) -> None:
    assert refusal(Browser(site).refresh()) == (401, "session_ended")


@pytest.mark.parametrize("token", ["x", ".", "a.b", "\u00fc.\u00fc", "a" * 3000])
def test_a_cookie_that_names_nothing_is_refused(site: Flask, token: str) -> None:
    from factory.operations.access.sessions import csrf_token

    browser = Browser(site)
    browser.refresh_token = token
    services = site.extensions["factory"].auth_services

    assert refusal(browser.refresh(X_CSRF_Token=csrf_token(services, token)))[0] in (401, 403)


def test_signing_out_ends_this_session_and_no_other(site: Flask, user: User, browser: Browser) -> None:
    other = Browser(site)
    other.sign_in(user.email)
    token = browser.refresh_token or ""

    assert browser.ask("DELETE", "/session/").status_code == 200

    assert browser.refresh_token is None
    assert refusal(browser.ask("GET", "/workers/")) == (401, "session_ended")
    browser.refresh_token = token
    assert browser.refresh().status_code in (401, 403)
    assert is_in(other)
    assert trail(site)[-1] == (user.email, "session.signed_out", user.email)


def test_signing_out_everywhere_ends_all_of_the_user_and_nobody_elses(
    site: Flask, user: User, browser: Browser
) -> None:
    other, stranger = Browser(site), Browser(site)
    other.sign_in(user.email)
    stranger.sign_in(member(site).email)

    assert browser.ask("DELETE", "/session/all").status_code == 200

    assert [is_in(one) for one in (browser, other, stranger)] == [False, False, True]
    assert refusal(other.refresh()) == (401, "session_ended")


def test_another_password_ends_the_other_sessions_and_goes_on_with_this_one(
    site: Flask, user: User, browser: Browser
) -> None:
    other = Browser(site)
    other.sign_in(user.email)

    answer = browser.ask("POST", "/session/password", {"old_password": PASSWORD, "new_password": NEW})
    assert answer.status_code == 200
    browser.token = answer.json["access_token"]

    assert [is_in(browser), is_in(other)] == [True, False]
    assert refusal(other.refresh()) == (401, "session_ended")
    assert browser.refresh().status_code == 200
    assert refusal(Browser(site).sign_in(user.email, PASSWORD)) == (401, "bad_credentials")
    assert Browser(site).sign_in(user.email, NEW).status_code == 200


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "invalid_length"),
        ("x" * 1001, "invalid_text"),
        ("Password1234", "common_password"),
        ("aaaaaaaabbbbbbbb", "common_password"),
        ("Factory2026!", "common_password"),
        (PASSWORD, "same_password"),
    ],
)
def test_a_weak_password_is_refused(browser: Browser, password: str, code: str) -> None:
    answer = browser.ask("POST", "/session/password", {"old_password": PASSWORD, "new_password": password})

    assert refusal(answer) == (400, code)
    assert answer.json["errors"][0]["field"] == "new_password"
    assert password not in answer.text
    assert is_in(browser)


def test_a_password_has_more_than_the_words_of_the_person_and_the_organisation(site: Flask) -> None:
    store = site.extensions["factory_store"].system()
    with store.writing() as tx:
        change(tx, DEFAULT, {"name": "Zentralwerk Osterholz"})
    user = member(site, email="grace.hopper@example.org", name="Grace Brewster Hopper")
    browser = Browser(site)
    browser.sign_in(user.email)

    for password in (user.email.upper(), "grace brewster hopper", "Zentralwerk2026", "Osterholz1234"):
        answer = browser.ask("POST", "/session/password", {"old_password": PASSWORD, "new_password": password})
        assert refusal(answer) == (400, "personal_password")
    for password in ("grace.hopper", "gracehopper1"):  # common names
        answer = browser.ask("POST", "/session/password", {"old_password": PASSWORD, "new_password": password})
        assert refusal(answer) == (400, "common_password")


def test_guessing_the_old_password_locks_out_too(browser: Browser) -> None:
    body = {"old_password": "wrong", "new_password": NEW}
    for _ in range(5):
        assert refusal(browser.ask("POST", "/session/password", body)) == (401, "bad_credentials")

    assert refusal(browser.ask("POST", "/session/password", body)) == (429, "locked_out")


def test_until_the_first_password_is_changed_nothing_else_is_open(site: Flask) -> None:
    user = member(site, {"*": "admin"}, must_change_password=True)
    browser = Browser(site)
    assert browser.sign_in(user.email).json["must_change_password"] is True

    for method, path in (("GET", "/workers/"), ("GET", "/factories/"), ("GET", "/users/"), ("POST", "/workers/")):
        assert refusal(browser.ask(method, path, {} if method == "POST" else None)) == (403, "password_change_required")
    assert browser.ask("GET", "/session/").json["data"]["user"]["must_change_password"] is True
    answer = browser.ask("POST", "/session/password", {"old_password": PASSWORD, "new_password": NEW})
    assert answer.json["must_change_password"] is False
    browser.token = answer.json["access_token"]
    assert is_in(browser)


def test_the_session_says_what_its_user_may_do_where(site: Flask) -> None:
    population_of(site).factory(1, "berlin", person_views=False)
    population_of(site).factory(1, "celle")
    browser = Browser(site)
    browser.sign_in(member(site, {"default": "wall", "berlin": "manager"}).email)

    described = browser.ask("GET", "/session/").json["data"]

    assert [(one["factory_id"], one["role"], one["person_views"]) for one in described["factories"]] == [
        ("berlin", "manager", False),
        ("default", "wall", True),
    ]
    assert described["factories"][1]["permissions"] == ["figures"]
    assert (described["k_min"], described["operator"], described["providers"]) == (5, False, [])
    assert [one["factory_id"] for one in browser.ask("GET", "/factories/").json["data"]] == ["berlin", "default"]
    assert refusal(browser.ask("POST", "/factories/", {"factory_id": "new"})) == (403, "not_allowed")


def test_the_session_of_a_key_and_of_nobody(site: Flask) -> None:
    key = population_of(site).key(1, "default", "ingest").text
    described = Browser(site).ask("GET", "/session/", token=key).json["data"]
    assert described["user"] is None
    assert [(one["role"], one["permissions"]) for one in described["factories"]] == [(None, ["ingest"])]

    nobody = Browser(site).ask("GET", "/session/").json["data"]
    assert (nobody["access"], nobody["user"], nobody["organisation"], nobody["factories"]) == (
        "required",
        None,
        None,
        [],
    )
    assert refusal(Browser(site).ask("GET", "/session/", token="nonsense")) == (401, "invalid_token")


def test_a_key_has_no_session_to_end_and_no_password(site: Flask) -> None:
    key = population_of(site).key(1, "default", "admin").text
    for method, path, body in (
        ("DELETE", "/session/", None),
        ("DELETE", "/session/all", None),
        ("POST", "/session/password", {"old_password": "x", "new_password": "y"}),
        ("POST", "/session/totp", {"password": "x"}),
    ):
        assert refusal(Browser(site).ask(method, path, body, token=key)) == (403, "no_session")
