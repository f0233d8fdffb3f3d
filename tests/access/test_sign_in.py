"""Sign-in with a password: who gets in, what a refusal tells, and how guessing is slowed down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import select
from tests.access.conftest import population_of
from tests.access.people import HASHED, PASSWORD, Browser, User, member, refusal, trail
from tests.access.population import CHEAP_HASHES
from tests.conftest import Clock, close_store, make_settings

from factory.operations.access.lockout import delay_after
from factory.store.access_schema import sign_in_failures, users

SECOND = 1_000_000
WRONG = "not the password of anybody"


@pytest.fixture
def site(database_url: str, guarded: Callable[..., Iterator[Flask]]) -> Iterator[Flask]:
    yield from guarded(database_url)


@pytest.fixture
def moment(site: Flask) -> Clock:
    clock: Clock = site.extensions["factory"].clock
    return clock


def row_of(site: Flask, email: str) -> Any:
    with site.extensions["factory_store"].system().snapshot() as tx:
        return tx.execute(select(users).where(users.c.email == email)).one()


def test_the_right_password_opens_what_the_role_allows(site: Flask) -> None:
    user = member(site)
    browser = Browser(site)

    answer = browser.sign_in(f"  {user.email.upper()} ")

    assert answer.json.keys() == {"access_token", "token_type", "expires_in", "must_change_password"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 600)
    assert answer.headers["Cache-Control"] == "no-store"
    assert browser.ask("GET", "/workers/").status_code == 200
    assert row_of(site, user.email).last_sign_in_at == site.extensions["factory"].clock()
    assert trail(site) == [(user.email, "session.signed_in", user.email)]


def test_the_cookies_are_kept_from_scripts_and_from_other_sites(site: Flask) -> None:
    answer = Browser(site).sign_in(member(site).email)

    cookies = {text.partition("=")[0]: text.partition("; ")[2] for text in answer.headers.getlist("Set-Cookie")}
    assert cookies.keys() == {"factory_refresh", "factory_csrf"}
    assert "HttpOnly; Path=/api/v1/session; SameSite=Strict" in cookies["factory_refresh"]
    assert "HttpOnly" not in cookies["factory_csrf"]
    assert "Path=/; SameSite=Strict" in cookies["factory_csrf"]
    assert not any("Secure" in text for text in cookies.values())


def test_over_tls_the_cookies_are_secure(site: Flask) -> None:
    body = {"email": member(site).email, "password": PASSWORD}
    answer = site.test_client().post("/api/v1/session/", json=body, base_url="https://localhost")

    assert answer.status_code == 200
    assert all("; Secure;" in text for text in answer.headers.getlist("Set-Cookie"))


def test_a_refusal_does_not_tell_whether_the_address_is_known(site: Flask) -> None:
    with_password, by_provider = member(site), member(site, password_hash=None)
    disabled = member(site, disabled=True)

    answers = [
        Browser(site).sign_in(email, password)
        for email, password in (
            (with_password.email, WRONG),
            ("nobody@example.org", WRONG),
            (by_provider.email, WRONG),
            (by_provider.email, PASSWORD),
            (disabled.email, PASSWORD),
        )
    ]

    for answer in answers:
        body = {name: answer.json[name] for name in ("error", "code", "status")}
        assert body == {
            "error": "The e-mail address or the password is wrong",
            "code": "bad_credentials",
            "status": 401,
        }
        assert "Set-Cookie" not in answer.headers


def test_an_unknown_address_costs_the_work_of_a_known_one(site: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    known = member(site)
    verified: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, hash: str, password: str) -> Any:
        verified.append(hash[:30])
        return verify(self, hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    for email in (known.email, "nobody@example.org"):
        Browser(site).sign_in(email, WRONG)

    assert len(verified) == 2
    assert verified[0] == verified[1]  # kind, version and parameters; the salt comes later


def test_failures_stand_in_the_trail_of_the_organisation_and_unknown_addresses_nowhere(site: Flask) -> None:
    user = member(site)
    Browser(site).sign_in(user.email, WRONG)
    Browser(site).sign_in("nobody@example.org", WRONG)

    assert trail(site) == [("anybody", "session.failed", user.email)]
    assert trail(site, 0) == [("anybody", "session.failed", "")]


def test_one_address_in_two_organisations_goes_where_its_password_fits(site: Flask) -> None:
    here = member(site)
    there = population_of(site).organisation("globex")
    other = CHEAP_HASHES.hash("another long sentence")
    member(site, {"*": "admin"}, organisation=there, email=here.email, password_hash=other)

    for password, organisation in ((PASSWORD, "default"), ("another long sentence", "globex")):
        browser = Browser(site)
        assert browser.sign_in(here.email, password).status_code == 200
        assert browser.ask("GET", "/session/").json["data"]["organisation"]["organisation_id"] == organisation


def test_a_hash_of_older_parameters_is_made_anew(site: Flask) -> None:
    user = member(site, password_hash=PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD))

    assert Browser(site).sign_in(user.email).status_code == 200

    stored = row_of(site, user.email).password_hash
    assert stored.split("$")[1:4] == HASHED.split("$")[1:4]
    assert Browser(site).sign_in(user.email).status_code == 200
    assert row_of(site, user.email).password_hash == stored


def test_a_composed_and_a_decomposed_umlaut_are_one_password(site: Flask) -> None:
    user = member(site, password_hash=CHEAP_HASHES.hash("Stra\u00dfenb\u00e4ume im Regen"))

    assert Browser(site).sign_in(user.email, "Stra\u00dfenba\u0308ume im Regen").status_code == 200


def test_the_delay_grows_from_the_fifth_failure_to_an_hour() -> None:
    seconds = [delay_after(failures) // SECOND for failures in range(14)]

    assert seconds == [0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert delay_after(10_000) == 3600 * SECOND


@pytest.mark.parametrize("known", [True, False])
def test_after_five_failures_nothing_is_tried_for_a_while(site: Flask, moment: Clock, known: bool) -> None:
    email = member(site).email if known else "nobody@example.org"
    for _ in range(5):
        assert refusal(Browser(site).sign_in(email, WRONG)) == (401, "bad_credentials")

    locked = Browser(site).sign_in(email, PASSWORD)
    assert refusal(locked) == (429, "locked_out")
    assert locked.headers["Retry-After"] == "30"

    moment.now += 29 * SECOND
    assert Browser(site).sign_in(email).headers["Retry-After"] == "1"
    moment.now += 1 * SECOND
    assert refusal(Browser(site).sign_in(email, WRONG)) == (401, "bad_credentials")
    assert Browser(site).sign_in(email, WRONG).headers["Retry-After"] == "60"


def test_success_clears_the_failures(site: Flask, moment: Clock) -> None:
    user = member(site)
    for _ in range(4):
        Browser(site).sign_in(user.email, WRONG)
    assert Browser(site).sign_in(user.email).status_code == 200
    for _ in range(4):
        assert refusal(Browser(site).sign_in(user.email, WRONG)) == (401, "bad_credentials")

    assert Browser(site).sign_in(user.email).status_code == 200


OWN = "a password of the other organisation"


def twin(site: Flask, email: str) -> tuple[User, Browser]:
    """Somebody of another organisation who gave a user the same address there, and its administrator, signed in."""
    there = population_of(site).organisation("globex")
    hashed = CHEAP_HASHES.hash(OWN)
    double = member(site, {"*": "viewer"}, organisation=there, email=email, password_hash=hashed)
    boss = Browser(site)
    boss.sign_in(member(site, {"*": "admin"}, organisation=there).email)
    return double, boss


def fail_four_times(site: Flask, email: str) -> None:
    for _ in range(4):
        assert refusal(Browser(site).sign_in(email, WRONG)) == (401, "bad_credentials")


def is_locked(site: Flask, email: str) -> bool:
    Browser(site).sign_in(email, WRONG)
    return refusal(Browser(site).sign_in(email, WRONG)) == (429, "locked_out")


def test_the_same_address_in_another_organisation_buys_no_guesses_by_signing_in(site: Flask) -> None:
    victim = member(site)
    twin(site, victim.email)
    fail_four_times(site, victim.email)

    assert Browser(site).sign_in(victim.email, OWN).status_code == 200

    assert is_locked(site, victim.email)


@pytest.mark.parametrize("disabled", [False, True])
def test_the_same_address_in_another_organisation_buys_no_guesses_by_a_new_password(
    site: Flask, disabled: bool
) -> None:
    victim = member(site)
    double, boss = twin(site, victim.email)
    fail_four_times(site, victim.email)

    changes = {"reset_password": True, "disabled": disabled}
    assert boss.ask("PATCH", f"/users/{double.user_id}", changes).status_code == 200

    assert is_locked(site, victim.email)


def test_the_same_address_in_another_organisation_buys_no_guesses_by_a_second_factor(site: Flask) -> None:
    victim = member(site)
    twin(site, victim.email)
    double = Browser(site)
    double.sign_in(victim.email, OWN)
    fail_four_times(site, victim.email)

    secret = double.ask("POST", "/session/totp", {"password": OWN}).json["data"]["secret"]
    code = pyotp.TOTP(secret).at(site.extensions["factory"].clock() // SECOND)
    assert double.ask("POST", "/session/totp/confirm", {"code": code}).status_code == 200

    assert is_locked(site, victim.email)


def test_a_lock_out_concerns_one_address(site: Flask) -> None:
    one, other = member(site), member(site)
    for _ in range(6):
        Browser(site).sign_in(one.email, WRONG)

    assert Browser(site).sign_in(other.email).status_code == 200


def test_failures_are_kept_under_a_digest_and_forgotten_after_a_day(site: Flask, moment: Clock) -> None:
    user = member(site)
    for _ in range(5):
        Browser(site).sign_in(user.email, WRONG)
    with site.extensions["factory_store"].system().snapshot() as tx:
        [row] = tx.execute(select(sign_in_failures)).all()
    assert (len(row.digest), row.failures) == (32, 5)

    moment.now += 86_401 * SECOND
    Browser(site).sign_in(user.email, WRONG)
    assert refusal(Browser(site).sign_in(user.email, WRONG)) == (401, "bad_credentials")
    assert Browser(site).sign_in(user.email).status_code == 200
    with site.extensions["factory_store"].system().snapshot() as tx:
        assert tx.execute(select(sign_in_failures)).all() == []


def test_many_attempts_at_once_get_no_more_guesses_than_one_after_the_other(site: Flask) -> None:
    user = member(site)
    start, codes = threading.Barrier(12), []

    def guess() -> None:
        browser = Browser(site)
        start.wait()
        codes.append(refusal(browser.sign_in(user.email, WRONG)))

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert codes.count((401, "bad_credentials")) == 5
    assert codes.count((429, "locked_out")) == 7


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_fields"),
        ({"email": "a@b.c"}, "missing_fields"),
        ({"email": "", "password": "x"}, "missing_fields"),
        ({"email": 5, "password": "x"}, "invalid_text"),
        ({"email": "a@b.c", "password": ["x"]}, "invalid_text"),
        ({"email": "a@b.c", "password": "x" * 1001}, "invalid_text"),
        ({"email": "a@b.c", "password": "x\x00y"}, "invalid_text"),
        ([], "not_an_object"),
    ],
)
def test_a_malformed_sign_in_is_refused_without_repeating_it(site: Flask, body: Any, code: str) -> None:
    answer = Browser(site).ask("POST", "/session/", body)

    assert refusal(answer) == (400, code)
    assert "xxx" not in answer.text


def test_a_page_of_another_site_cannot_sign_anybody_in(site: Flask) -> None:
    body = {"email": member(site).email, "password": PASSWORD}
    browser = Browser(site)

    assert refusal(browser.ask("POST", "/session/", body, Origin="https://evil.example")) == (403, "foreign_origin")
    assert refusal(browser.ask("POST", "/session/", body, Origin="null")) == (403, "foreign_origin")
    assert browser.ask("POST", "/session/", body, Origin="http://localhost").status_code == 200


def test_a_disabled_user_loses_access_at_once(site: Flask) -> None:
    user, admin = member(site), member(site, {"*": "admin"})
    browser, theirs = Browser(site), Browser(site)
    browser.sign_in(user.email)
    theirs.sign_in(admin.email)

    assert theirs.ask("PATCH", f"/users/{user.user_id}", {"disabled": True}).status_code == 200

    assert refusal(browser.ask("GET", "/workers/")) == (401, "session_ended")
    assert refusal(browser.refresh()) == (401, "session_ended")
    assert refusal(Browser(site).sign_in(user.email)) == (401, "bad_credentials")


def test_where_access_is_open_nobody_signs_in(fresh_database: Callable[[str], str]) -> None:
    from factory.app import create_app

    app = create_app(make_settings(fresh_database("sqlite")), clock=Clock())
    browser = Browser(app)
    described = browser.ask("GET", "/session/").json["data"]

    assert (described["access"], described["user"], described["operator"]) == ("open", None, False)
    assert described["organisation"]["organisation_id"] == "default"
    [factory] = described["factories"]
    assert (factory["factory_id"], factory["role"], factory["person_views"]) == ("default", "admin", True)
    assert "people" in factory["permissions"]
    for method, path, body in (
        ("POST", "/session/", {"email": "a@b.c", "password": "x"}),
        ("POST", "/session/refresh", None),
    ):
        assert refusal(browser.ask(method, path, body)) == (403, "access_is_open")
    assert refusal(browser.ask("DELETE", "/session/")) == (403, "no_session")
    close_store(app.extensions["factory_store"])
