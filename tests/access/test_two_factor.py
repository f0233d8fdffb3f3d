"""One-time codes: set up, asked for, used once, taken away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select
from tests.access.people import PASSWORD, Browser, User, member, refusal, trail
from tests.access.population import SECRET_KEY
from tests.conftest import NOON, Clock

from factory.adapters.access.one_time_codes import OneTimeCodes
from factory.store.access_schema import users

SECOND = 1_000_000
STEP = 30 * SECOND


@pytest.fixture
def site(database_url: str, guarded: Callable[..., Iterator[Flask]]) -> Iterator[Flask]:
    yield from guarded(database_url)


@pytest.fixture
def moment(site: Flask) -> Clock:
    clock: Clock = site.extensions["factory"].clock
    return clock


class App:
    """An authenticator app whose clock can be off."""

    def __init__(self, secret: str, moment: Clock) -> None:
        self.totp, self.moment = pyotp.TOTP(secret), moment

    def code(self, off: int = 0) -> str:
        return self.totp.at(self.moment.now // SECOND + off)


@pytest.fixture
def user(site: Flask) -> User:
    return member(site)


@pytest.fixture
def phone(site: Flask, user: User, moment: Clock) -> App:
    """Return the app of a user who has set up a second factor half a minute ago."""
    browser = Browser(site)
    browser.sign_in(user.email)
    told = browser.ask("POST", "/session/totp", {"password": PASSWORD}).json["data"]
    app = App(told["secret"], moment)
    assert told["uri"].startswith("otpauth://totp/")
    assert told["secret"] in told["uri"]
    answer = browser.ask("POST", "/session/totp/confirm", {"code": app.code()})
    assert answer.json["data"]["totp_enabled"] is True
    moment.now += STEP
    return app


def test_a_sign_in_asks_for_a_code(site: Flask, user: User, phone: App) -> None:
    assert refusal(Browser(site).sign_in(user.email)) == (401, "code_required")
    assert refusal(Browser(site).sign_in(user.email, "wrong")) == (401, "bad_credentials")
    browser = Browser(site)
    assert browser.sign_in(user.email, code=phone.code()).status_code == 200
    assert browser.ask("GET", "/session/").json["data"]["user"]["totp_enabled"] is True


def test_a_code_serves_once_and_none_before_it(site: Flask, user: User, phone: App) -> None:
    before = phone.code(-30)
    used = phone.code()
    assert Browser(site).sign_in(user.email, code=used).status_code == 200

    for code in (used, before):
        assert refusal(Browser(site).sign_in(user.email, code=code)) == (401, "code_required")


def test_one_code_of_two_browsers_at_once_lets_one_in(site: Flask, user: User, phone: App) -> None:
    start, statuses, code = threading.Barrier(4), [], phone.code()

    def enter() -> None:
        browser = Browser(site)
        start.wait()
        statuses.append(browser.sign_in(user.email, code=code).status_code)

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 401, 401, 401]


def test_a_moved_clock_takes_the_codes_of_the_real_time() -> None:
    day = 86_400 * SECOND
    moved = OneTimeCodes(SECRET_KEY, issuer="test", clock_ahead=-400 * day)
    secret, encrypted = moved.new_secret()
    phone = pyotp.TOTP(secret)

    assert moved.step_of(encrypted, phone.at(NOON // SECOND), now=NOON - 400 * day) == NOON // (30 * SECOND)
    assert moved.step_of(encrypted, phone.at(NOON // SECOND), now=NOON) is None


@pytest.mark.parametrize(("off", "status"), [(-60, 401), (30, 200), (60, 401)])
def test_the_phones_clock_may_be_one_step_off(site: Flask, user: User, phone: App, off: int, status: int) -> None:
    assert Browser(site).sign_in(user.email, code=phone.code(off)).status_code == status


def test_the_code_of_the_set_up_does_not_serve_again(site: Flask, user: User, phone: App) -> None:
    assert refusal(Browser(site).sign_in(user.email, code=phone.code(-30))) == (401, "code_required")


@pytest.mark.parametrize("code", ["000", "abcdef", "1234567", "١٢٣٤٥٦", " "])
def test_what_is_no_code_is_refused(site: Flask, user: User, phone: App, code: str) -> None:
    assert refusal(Browser(site).sign_in(user.email, code=code)) == (401, "code_required")


def test_wrong_codes_lock_out_and_the_password_alone_does_not_clear_them(site: Flask, user: User, phone: App) -> None:
    wrong = f"{(int(phone.code()) + 1) % 1_000_000:06}"
    for _ in range(5):
        assert refusal(Browser(site).sign_in(user.email)) == (401, "code_required")
        assert refusal(Browser(site).sign_in(user.email, code=wrong)) == (401, "code_required")

    assert refusal(Browser(site).sign_in(user.email, code=phone.code())) == (429, "locked_out")


def test_asking_for_the_code_does_not_count(site: Flask, user: User, phone: App) -> None:
    for _ in range(10):
        assert refusal(Browser(site).sign_in(user.email)) == (401, "code_required")
    assert Browser(site).sign_in(user.email, code=phone.code()).status_code == 200


def test_before_it_is_confirmed_no_code_is_asked_for(site: Flask, user: User) -> None:
    browser = Browser(site)
    browser.sign_in(user.email)
    browser.ask("POST", "/session/totp", {"password": PASSWORD})
    wrong = browser.ask("POST", "/session/totp/confirm", {"code": "12345x"})

    assert refusal(wrong) == (400, "wrong_code")
    assert wrong.json["errors"][0]["field"] == "code"
    assert Browser(site).sign_in(user.email).status_code == 200


def test_setting_up_and_taking_away_ask_for_the_password(site: Flask, user: User, phone: App) -> None:
    browser = Browser(site)
    browser.sign_in(user.email, code=phone.code())

    assert refusal(browser.ask("DELETE", "/session/totp", {"password": "wrong"})) == (401, "bad_credentials")
    assert refusal(browser.ask("POST", "/session/totp", {"password": "wrong"})) == (401, "bad_credentials")
    assert refusal(browser.ask("POST", "/session/totp", {"password": PASSWORD})) == (409, "already_enabled")
    assert refusal(browser.ask("POST", "/session/totp/confirm", {"code": "123456"})) == (409, "nothing_to_confirm")
    assert browser.ask("DELETE", "/session/totp", {"password": PASSWORD}).json["data"] == {"totp_enabled": False}
    assert Browser(site).sign_in(user.email).status_code == 200
    assert [line[1] for line in trail(site)].count("user.changed") == 2


def test_the_secret_is_stored_encrypted(site: Flask, user: User, phone: App) -> None:
    with site.extensions["factory_store"].system().snapshot() as tx:
        row: Any = tx.execute(select(users).where(users.c.email == user.email)).one()

    assert phone.totp.secret.encode() not in row.totp_secret
    assert len(row.totp_secret) > 80


def test_an_administrator_takes_a_lost_second_factor_away(site: Flask, user: User, phone: App) -> None:
    admin = Browser(site)
    admin.sign_in(member(site, {"*": "admin"}).email)

    changed = admin.ask("PATCH", f"/users/{user.user_id}", {"reset_totp": True})

    assert changed.json["data"]["totp_enabled"] is False
    assert Browser(site).sign_in(user.email).status_code == 200
