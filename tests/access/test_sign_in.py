"""Sign-in with a password: who gets in, what a refusal tells, and how guessing is slowed down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select
from tests.access.conftest import population_of
from tests.access.people import HASHED, PASSWORD, Browser, User, member, refusal, trail
from tests.access.population import CHEAP_HASHES, SECRET_KEY
from tests.conftest import Clock, close_store, make_settings

from factory.cli.main import main
from factory.operations.access.lockout import delay_after
from factory.store.access_schema import sign_in_failures, users

SECOND = 1_000_000
WRONG = "not the password of anybody"


@pytest.fixture
def site(database_url: str, guarded: Callable[..., Iterator[Flask]]) -> Iterator[Flask]:
    yield from guarded(database_url)


@pytest.fixture
def run(database_url: str, site: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return the command line on the site's database."""
    for name, value in {"DATABASE_URL": database_url, "ACCESS": "required", "SECRET_KEY": SECRET_KEY}.items():
        monkeypatch.setenv(name, value)
    return lambda *words: CliRunner().invoke(main, list(words))


@pytest.fixture
def moment(site: Flask) -> Clock:
    clock: Clock = site.extensions["factory"].clock
    return clock


def refusal_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def row_of(site: Flask, email: str) -> Any:
    with site.extensions["factory_store"].system().snapshot() as tx:
        return tx.execute(select(users).where(users.c.email == email)).one()


def test_the_right_password_opens_what_the_role_allows(site: Flask) -> None:
    user = member(site)
    browser = Browser(site)

    answer = browser.sign_in(f"  {user.email.upper()} ")

    told = {"access_token", "token_type", "expires_in", "must_change_password", "must_set_up_second_factor"}
    assert answer.json.keys() == told
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 600)
    assert answer.headers["Cache-Control"] == "no-store"
    assert browser.ask("GET", "/workers/").status_code == 200
    assert row_of(site, user.email).last_sign_in_at == site.extensions["factory"].clock()
    assert trail(site) == [(user.email, "session.signed_in", user.email)]


def test_the_cookies_are_kept_from_scripts_and_from_other_sites(site: Flask) -> None:
    answer = Browser(site).sign_in(member(site).email)

    cookies = {text.partition("=")[0]: text.partition("; ")[2] for text in answer.headers.getlist("Set-Cookie")}
    assert cookies.keys() == {"factory_refresh", "factory_csrf", "factory_device"}
    assert "Max-Age=34560000; HttpOnly; Path=/api/v1/session; SameSite=Lax" in cookies["factory_device"]
    assert "HttpOnly; Path=/api/v1/session; SameSite=Strict" in cookies["factory_refresh"]
    assert "HttpOnly" not in cookies["factory_csrf"]
    assert "Path=/; SameSite=Strict" in cookies["factory_csrf"]
    assert not any("Secure" in text for text in cookies.values())


def test_over_tls_the_cookies_are_secure(site: Flask) -> None:
    body = {"email": member(site).email, "password": PASSWORD}
    answer = site.test_client().post("/api/v1/session/", json=body, base_url="https://localhost")

    assert answer.status_code == 200
    sent = answer.headers.getlist("Set-Cookie")
    assert all("; Secure;" in text for text in sent)
    assert {text.partition("=")[0] for text in sent} == {
        "__Secure-factory_refresh",
        "__Host-factory_csrf",
        "__Secure-factory_device",
    }
    [host] = [text for text in sent if text.startswith("__Host-")]
    assert "; Path=/;" in host
    assert "Domain" not in host


def test_over_tls_a_session_that_another_host_planted_is_not_taken(site: Flask) -> None:
    attacker, victim = member(site), site.test_client()
    stolen = Browser(site)
    stolen.sign_in(attacker.email)
    refresh, csrf = stolen.refresh_token, stolen.client.get_cookie("factory_csrf")
    assert refresh is not None
    assert csrf is not None
    planted = f"factory_refresh={refresh}; factory_csrf={csrf.value}"

    answer = victim.post(
        "/api/v1/session/refresh",
        headers={"Cookie": planted, "X-CSRF-Token": csrf.value},
        base_url="https://localhost",
    )

    assert refusal_of(answer) == (401, "session_ended")


def test_over_tls_a_session_is_refreshed_and_ended_by_its_own_cookies(site: Flask) -> None:
    client, tls = site.test_client(), {"base_url": "https://localhost"}
    client.post("/api/v1/session/", json={"email": member(site).email, "password": PASSWORD}, **tls)
    csrf = client.get_cookie("__Host-factory_csrf")
    assert csrf is not None

    refreshed = client.post("/api/v1/session/refresh", headers={"X-CSRF-Token": csrf.value}, **tls)
    assert refreshed.status_code == 200
    token = {"Authorization": f"Bearer {refreshed.get_json()['access_token']}"}
    assert client.delete("/api/v1/session/", headers=token, **tls).status_code == 200
    assert client.get_cookie("__Host-factory_csrf") is None
    assert client.get_cookie("__Secure-factory_refresh", path="/api/v1/session") is None
    assert client.get_cookie("__Secure-factory_device", path="/api/v1/session") is not None


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


def test_a_success_clears_the_own_failures_though_another_organisation_has_the_address(site: Flask) -> None:
    user = member(site)
    twin(site, user.email)
    for _ in range(10):
        Browser(site).sign_in(user.email, WRONG)
        assert Browser(site).sign_in(user.email).status_code == 200


def test_signing_in_to_one_organisation_is_no_failure_in_the_other(site: Flask) -> None:
    user = member(site)
    twin(site, user.email)

    for password in [OWN] * 6 + [PASSWORD] * 6 + [OWN]:
        assert Browser(site).sign_in(user.email, password).status_code == 200


@pytest.mark.parametrize("how", ["api", "command"])
def test_the_own_administrator_ends_a_lock_out_though_another_organisation_has_the_address(
    site: Flask, how: str, run: Callable[..., Result]
) -> None:
    user, boss = member(site), Browser(site)
    boss.sign_in(member(site, {"*": "admin"}).email)
    twin(site, user.email)
    for _ in range(6):
        Browser(site).sign_in(user.email, WRONG)

    if how == "api":
        first = boss.ask("PATCH", f"/users/{user.user_id}", {"reset_password": True}).json["data"]["initial_password"]
    else:
        first = run("user", "reset", user.email).stdout.strip()

    assert Browser(site).sign_in(user.email, first).status_code == 200


def test_each_of_many_organisations_signs_its_own_user_in(site: Flask) -> None:
    email = member(site).email
    for number in range(8):
        there = population_of(site).organisation(f"other{number}")
        hashed = CHEAP_HASHES.hash(f"the sentence of number {number}")
        member(site, {"*": "viewer"}, organisation=there, email=email, password_hash=hashed)

    for number in (0, 4, 5, 7):
        browser = Browser(site)
        assert browser.sign_in(email, f"the sentence of number {number}").status_code == 200
        described = browser.ask("GET", "/session/").json["data"]
        assert described["organisation"]["organisation_id"] == f"other{number}"


# A stranger


def lock_out(site: Flask, email: str, address: str = "192.0.2.66") -> None:
    """Somebody guesses at an address until nothing is taken from there."""
    for _ in range(5):
        assert refusal(Browser(site, address).sign_in(email, WRONG)) == (401, "bad_credentials")
    assert refusal(Browser(site, address).sign_in(email)) == (429, "locked_out")


@pytest.mark.parametrize(
    ("stranger", "user"),
    [("192.0.2.66", "192.0.2.1"), ("2001:db8:0:1::9", "2001:db8:0:2::9"), ("2001:db8::1", "192.0.2.1")],
)
def test_a_stranger_locks_out_the_own_network_only(site: Flask, stranger: str, user: str) -> None:
    email = member(site).email
    lock_out(site, email, stranger)

    assert Browser(site, user).sign_in(email).status_code == 200


def test_a_network_of_ipv6_is_one_place(site: Flask) -> None:
    email = member(site).email
    lock_out(site, email, "2001:db8::1")

    assert refusal(Browser(site, "2001:db8::2").sign_in(email)) == (429, "locked_out")


def test_a_known_device_goes_on_beside_a_stranger_of_the_same_network(site: Flask) -> None:
    user, colleague = member(site), member(site)
    browser = Browser(site)
    for one in (user, colleague, user):
        browser.sign_in(one.email)
        browser.ask("DELETE", "/session/")
    lock_out(site, user.email, browser.address)

    assert browser.sign_in(user.email).status_code == 200
    assert refusal(Browser(site).sign_in(user.email)) == (429, "locked_out")


def test_a_device_is_known_for_its_own_users_only_and_is_counted_by_itself(site: Flask) -> None:
    user, insider = member(site), member(site)
    theirs = Browser(site)
    theirs.sign_in(insider.email)
    lock_out(site, user.email, theirs.address)
    assert refusal(theirs.sign_in(user.email)) == (429, "locked_out")

    own = Browser(site, "192.0.2.2")
    own.sign_in(user.email)
    for _ in range(5):
        assert refusal(own.sign_in(user.email, WRONG)) == (401, "bad_credentials")
    assert refusal(own.sign_in(user.email)) == (429, "locked_out")
    assert Browser(site, own.address).sign_in(user.email).status_code == 200


@pytest.mark.parametrize("text", ["", "x", "a" * 12 + ".0", "a" * 12 + "." + "0" * 32, "a" * 12 + ("." + "0" * 32) * 9])
def test_an_invented_device_is_not_known(site: Flask, text: str) -> None:
    user, browser = member(site), Browser(site)
    lock_out(site, user.email, browser.address)
    browser.client.set_cookie("factory_device", text, path="/api/v1/session")

    assert refusal(browser.sign_in(user.email)) == (429, "locked_out")


def test_many_networks_are_counted_together_and_a_known_device_goes_on(site: Flask, moment: Clock) -> None:
    user = member(site)
    known = Browser(site)
    known.sign_in(user.email)
    for network in range(20):
        for _ in range(5):
            assert Browser(site, f"198.51.100.{network}").sign_in(user.email, WRONG).status_code == 401

    locked = Browser(site, "203.0.113.9").sign_in(user.email)
    assert (refusal(locked), locked.headers["Retry-After"]) == ((429, "locked_out"), "30")
    assert known.sign_in(user.email).status_code == 200
    moment.now += 30 * SECOND
    assert Browser(site, "203.0.113.9").sign_in(user.email).status_code == 200


def with_second_factor(site: Flask, user: User) -> pyotp.TOTP:
    browser = Browser(site, "203.0.113.77")
    browser.sign_in(user.email)
    secret = browser.ask("POST", "/session/totp", {"password": PASSWORD}).json["data"]["secret"]
    codes, clock = pyotp.TOTP(secret), site.extensions["factory"].clock
    code = codes.at(clock.now // SECOND)
    assert browser.ask("POST", "/session/totp/confirm", {"code": code}).status_code == 200
    clock.now += 60 * SECOND
    return codes


def test_a_second_factor_is_a_way_round_a_lock_out(site: Flask, moment: Clock) -> None:
    user = member(site)
    codes = with_second_factor(site, user)
    lock_out(site, user.email, "192.0.2.1")
    code = codes.at(moment.now // SECOND)

    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for password, sent in ((PASSWORD, wrong), (WRONG, wrong), (WRONG, code), (PASSWORD, None)):
        assert refusal(Browser(site).sign_in(user.email, password, code=sent)) == (429, "locked_out")
    assert Browser(site).sign_in(user.email, code=code).status_code == 200
    assert refusal(Browser(site, "192.0.2.3").sign_in(user.email, code=code)) == (401, "code_required")  # used


def test_codes_are_not_guessed_during_a_lock_out(site: Flask, moment: Clock) -> None:
    user = member(site)
    codes = with_second_factor(site, user)
    lock_out(site, user.email, "192.0.2.1")
    code = codes.at(moment.now // SECOND)

    for number in range(1, 6):
        wrong = f"{(int(code) + number) % 1_000_000:06}"
        assert refusal(Browser(site).sign_in(user.email, code=wrong)) == (429, "locked_out")
    assert refusal(Browser(site).sign_in(user.email, code=code)) == (429, "locked_out")


def test_during_a_lock_out_a_signed_in_user_changes_the_password(site: Flask) -> None:
    user, browser = member(site), Browser(site)
    browser.sign_in(user.email)
    lock_out(site, user.email, browser.address)

    body = {"old_password": PASSWORD, "new_password": "another long sentence of mine"}
    assert browser.ask("POST", "/session/password", body).status_code == 200
    assert Browser(site).sign_in(user.email, body["new_password"]).status_code == 200


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
        rows = tx.execute(select(sign_in_failures)).all()
    assert [(len(row.digest), row.failures) for row in rows] == [(32, 5), (32, 5)]  # here, and of all networks

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
