"""The absolute end of a session, the list of one's sessions, and the end of single ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from tests.access.conftest import population_of
from tests.access.people import Browser, member, refusal, trail
from tests.conftest import Clock

from factory.domain.access.browsers import browser_of

SECOND, DAY = 1_000_000, 86_400_000_000
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1"


@pytest.fixture
def site(database_url: str, guarded: Callable[..., Iterator[Flask]]) -> Iterator[Flask]:
    yield from guarded(database_url, SESSION_MAX_DAYS="10")


@pytest.fixture
def moment(site: Flask) -> Clock:
    clock: Clock = site.extensions["factory"].clock
    return clock


def is_in(browser: Browser) -> bool:
    return bool(browser.ask("GET", "/workers/").status_code == 200)


def sessions_of(browser: Browser, path: str = "/session/list") -> list[dict[str, Any]]:
    answer = browser.ask("GET", path)
    assert answer.status_code == 200, answer.text
    return list(answer.json["data"])


def enter(site: Flask, email: str, address: str = "192.0.2.77", agent: str = FIREFOX) -> Browser:
    browser = Browser(site, address)
    body = {"email": email, "password": "a long sentence that only I know"}
    answer = browser.ask("POST", "/session/", body, User_Agent=agent)
    browser.token = answer.json["access_token"]
    return browser


def test_a_session_ends_after_its_greatest_age_however_much_it_is_used(site: Flask, moment: Clock) -> None:
    browser, began = enter(site, member(site).email), moment.now
    for day in (5, 9):
        moment.now = began + day * DAY
        assert browser.refresh().status_code == 200
    cookie = browser.client.get_cookie("factory_refresh", path="/api/v1/session")
    assert cookie is not None
    assert cookie.max_age == DAY // SECOND

    moment.now = began + 10 * DAY - 60 * SECOND
    assert browser.refresh().json["expires_in"] == 60
    moment.now = began + 10 * DAY
    assert refusal(browser.ask("GET", "/workers/")) == (401, "token_expired")
    assert refusal(browser.refresh()) == (401, "session_ended")


def test_a_session_begun_under_a_longer_limit_ends_too(site: Flask, moment: Clock) -> None:
    population = population_of(site)
    user = population.user(1, {"default": "viewer"})
    old = population.session(user, created_at=moment.now - 10 * DAY, expires_at=moment.now + 5 * DAY)
    browser = Browser(site)
    enter(site, member(site).email)
    browser.refresh_token = old.refresh_token
    from factory.operations.access.sessions import csrf_token

    csrf = csrf_token(site.extensions["factory"].auth_services, old.refresh_token)
    browser.client.set_cookie("factory_csrf", csrf)

    assert refusal(browser.refresh()) == (401, "session_ended")


def test_the_list_says_when_from_where_and_with_what(site: Flask, moment: Clock) -> None:
    user = member(site)
    first = enter(site, user.email)
    moment.now += 60 * SECOND
    enter(site, user.email, "2001:db8:1:2::3", SAFARI)
    enter(site, member(site).email)

    listed = sessions_of(first)

    assert [(one["network"], one["browser"], one["current"]) for one in listed] == [
        ("2001:db8:1::/48", "Safari, iOS", False),
        ("192.0.2.0/24", "Firefox, Windows", True),
    ]
    assert listed[1]["signed_in_at"] == "2026-01-15T12:00:00Z"
    assert listed[1]["expires_at"] == "2026-01-22T12:00:00Z"
    assert "192.0.2.77" not in str(listed)


def test_a_single_session_is_ended_by_its_user(site: Flask) -> None:
    user = member(site)
    own, lost, stranger = enter(site, user.email), enter(site, user.email), enter(site, member(site).email)
    [lost_id] = [one["session_id"] for one in sessions_of(lost) if one["current"]]

    assert refusal(stranger.ask("DELETE", f"/session/list/{lost_id}")) == (404, "session_not_found")
    assert own.ask("DELETE", f"/session/list/{lost_id}").status_code == 200

    assert [is_in(one) for one in (own, lost, stranger)] == [True, False, True]
    assert refusal(lost.refresh()) == (401, "session_ended")
    assert [one["current"] for one in sessions_of(own)] == [True]
    assert refusal(own.ask("DELETE", f"/session/list/{lost_id}")) == (404, "session_not_found")
    assert (user.email, "session.ended", user.email) in trail(site)


def test_an_administrator_lists_and_ends_the_sessions_of_users_in_scope(site: Flask) -> None:
    population_of(site).factory(1, "berlin")
    user = member(site, {"default": "viewer", "berlin": "viewer"})
    theirs = enter(site, user.email)
    boss, local = member(site, {"*": "admin"}), member(site, {"default": "admin"})
    elsewhere = member(site, {"*": "admin"}, organisation=population_of(site).organisation("globex"))
    path = f"/users/{user.user_id}/sessions"
    admin, part, foreign = (enter(site, one.email) for one in (boss, local, elsewhere))

    [listed] = sessions_of(admin, path)
    assert listed["current"] is False
    assert refusal(foreign.ask("GET", path)) == (404, "user_not_found")
    one = f"{path}/{listed['session_id']}"
    assert refusal(foreign.ask("DELETE", one)) == (404, "user_not_found")
    assert refusal(part.ask("DELETE", one)) == (403, "not_allowed")
    key = population_of(site).key(1, "default", "admin").text
    assert refusal(Browser(site).ask("DELETE", one, token=key)) == (403, "not_with_a_key")
    assert is_in(theirs)
    assert admin.ask("DELETE", one).status_code == 200
    assert not is_in(theirs)
    assert (boss.email, "session.ended", user.email) in trail(site)


def test_a_key_has_no_sessions(site: Flask) -> None:
    key = population_of(site).key(1, "default", "admin").text

    assert refusal(Browser(site).ask("GET", "/session/list", token=key)) == (403, "no_session")


@pytest.mark.parametrize(
    ("agent", "browser"),
    [
        (FIREFOX, "Firefox, Windows"),
        (SAFARI, "Safari, iOS"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36", "Chrome, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge, Windows"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Version/18.0 Safari/605.1.15", "Safari, macOS"),
        ("curl/8.5.0", ""),
        ("", ""),
    ],
)
def test_a_browser_is_named_by_its_kind(agent: str, browser: str) -> None:
    assert browser_of(agent) == browser
