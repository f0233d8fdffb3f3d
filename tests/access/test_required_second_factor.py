"""A second factor that the installation or the organisation requires, and the codes for who has lost it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pyotp
import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select
from tests.access.conftest import population_of
from tests.access.people import DEFAULT, PASSWORD, Browser, User, member, refusal, trail
from tests.access.population import SECRET_KEY
from tests.conftest import Clock

from factory.cli.main import main
from factory.domain.access.second_factor import is_required
from factory.store.access_schema import recovery_codes

SECOND = 1_000_000
REQUIRED = (403, "second_factor_required")


@pytest.fixture
def site(database_url: str, guarded: Callable[..., Iterator[Flask]]) -> Iterator[Flask]:
    yield from guarded(database_url, ACCESS_CACHE_SECONDS="0")


@pytest.fixture
def strict(fresh_database: Callable[[str], str], guarded: Callable[..., Iterator[Flask]]) -> Iterator[Flask]:
    yield from guarded(fresh_database("sqlite"), SECOND_FACTOR="manager")


@pytest.fixture
def moment(site: Flask) -> Clock:
    clock: Clock = site.extensions["factory"].clock
    return clock


def signed_in(site: Flask, user: User, **more: Any) -> Browser:
    browser = Browser(site)
    assert browser.sign_in(user.email, **more).status_code == 200
    return browser


def set_up(site: Flask, browser: Browser) -> tuple[pyotp.TOTP, list[str]]:
    """Set up a second factor; return the app, a minute later, and the recovery codes."""
    clock = site.extensions["factory"].clock
    codes = pyotp.TOTP(browser.ask("POST", "/session/totp", {"password": PASSWORD}).json["data"]["secret"])
    answer = browser.ask("POST", "/session/totp/confirm", {"code": codes.at(clock.now // SECOND)})
    assert answer.status_code == 200, answer.text
    clock.now += 60 * SECOND
    return codes, answer.json["data"]["recovery_codes"]


def is_in(browser: Browser) -> bool:
    return bool(browser.ask("GET", "/metrics/factory").status_code == 200)


@pytest.mark.parametrize(
    ("settings", "roles", "is_operator", "needed"),
    [
        (["off", None], ["admin"], False, False),
        (["manager", None], ["supervisor", "viewer"], False, False),
        (["manager", None], ["viewer", "manager"], False, True),
        (["manager", "off"], ["admin"], False, True),
        (["off", "viewer"], ["viewer"], False, True),
        (["admin", "supervisor"], ["supervisor"], False, True),
        (["wall", None], ["wall"], False, True),
        (["wall", None], [], False, False),
        (["admin", None], [], True, True),
        (["off", None], [], True, False),
    ],
)
def test_the_stricter_setting_holds_for_the_greatest_role(
    settings: list[str | None], roles: list[str], is_operator: bool, needed: bool
) -> None:
    assert is_required(settings, roles, is_operator=is_operator) is needed


def test_who_needs_a_second_factor_sets_it_up_before_anything_else(strict: Flask) -> None:
    browser = Browser(strict)
    answer = browser.sign_in(member(strict, {"default": "viewer", "*": "manager"}).email)
    assert answer.json["must_set_up_second_factor"] is True

    for method, path in (("GET", "/metrics/factory"), ("GET", "/factories/"), ("POST", "/events/")):
        assert refusal(browser.ask(method, path, {} if method == "POST" else None)) == REQUIRED
    assert browser.ask("GET", "/session/").json["data"]["user"]["must_set_up_second_factor"] is True
    set_up(strict, browser)
    assert is_in(browser)
    assert browser.ask("GET", "/session/").json["data"]["user"]["must_set_up_second_factor"] is False
    assert browser.refresh().json["must_set_up_second_factor"] is False


def test_smaller_roles_and_keys_need_none(strict: Flask) -> None:
    assert is_in(signed_in(strict, member(strict, {"*": "supervisor"})))
    key = population_of(strict).key(DEFAULT, "default", "admin").text
    assert Browser(strict).ask("GET", "/metrics/factory", token=key).status_code == 200


def test_a_required_second_factor_is_not_taken_away(strict: Flask) -> None:
    browser = signed_in(strict, member(strict, {"*": "admin"}))
    set_up(strict, browser)

    assert refusal(browser.ask("DELETE", "/session/totp", {"password": PASSWORD})) == REQUIRED
    assert is_in(browser)


def test_an_organisation_requires_it_of_its_own_users_at_once(site: Flask) -> None:
    there = population_of(site).organisation("globex")
    population_of(site).factory(there, "default")
    boss, viewer = member(site, {"*": "admin"}), signed_in(site, member(site, {"*": "viewer"}))
    theirs = signed_in(site, member(site, {"*": "admin"}, organisation=there))
    admin = signed_in(site, boss)

    changed = admin.ask("PATCH", "/users/second-factor", {"required_from": "viewer"})

    assert changed.json["data"] == {"required_from": "viewer", "installation": "off"}
    assert (boss.email, "organisation.changed", "default") in trail(site)
    assert [refusal(one.ask("GET", "/metrics/factory")) for one in (admin, viewer)] == [REQUIRED, REQUIRED]
    assert is_in(theirs)
    for browser in (admin, viewer):
        set_up(site, browser)
    assert is_in(viewer)
    assert admin.ask("PATCH", "/users/second-factor", {"required_from": None}).json["data"]["required_from"] is None
    assert is_in(signed_in(site, member(site, {"*": "manager"})))


@pytest.mark.parametrize("body", [{}, {"required_from": "off"}, {"required_from": "boss"}, {"required_from": 1}])
def test_a_bad_requirement_is_a_400(site: Flask, body: Any) -> None:
    admin = signed_in(site, member(site, {"*": "admin"}))

    assert admin.ask("PATCH", "/users/second-factor", body).status_code == 400
    assert admin.ask("GET", "/users/second-factor").json["data"]["required_from"] is None


def test_an_administrator_of_one_factory_requires_nothing(site: Flask) -> None:
    local = signed_in(site, member(site, {"default": "admin"}))

    answer = local.ask("PATCH", "/users/second-factor", {"required_from": "wall"})
    assert refusal(answer) == (403, "not_allowed")


def test_the_command_line_requires_it(site: Flask, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"DATABASE_URL": database_url, "ACCESS": "required", "SECRET_KEY": SECRET_KEY}.items():
        monkeypatch.setenv(name, value)
    browser = signed_in(site, member(site, {"*": "viewer"}))

    assert CliRunner().invoke(main, ["organisation", "second-factor", "default", "wall"]).exit_code == 0
    assert refusal(browser.ask("GET", "/metrics/factory")) == REQUIRED
    assert CliRunner().invoke(main, ["organisation", "second-factor", "default", "none"]).exit_code == 0
    assert is_in(browser)
    assert CliRunner().invoke(main, ["organisation", "second-factor", "nowhere", "none"]).exit_code == 1


# Recovery codes


def test_a_recovery_code_serves_once_in_place_of_the_app(site: Flask) -> None:
    user = member(site)
    _, codes = set_up(site, signed_in(site, user))
    assert len(set(codes)) == 10
    assert all(re.fullmatch("[a-z2-9]{5}-[a-z2-9]{5}", code) for code in codes)

    browser = signed_in(site, user, code=codes[3])
    assert browser.ask("GET", "/session/").json["data"]["user"]["recovery_codes_left"] == 9
    assert refusal(Browser(site).sign_in(user.email, code=codes[3])) == (401, "code_required")
    typed = f" {codes[4].upper().replace('-', ' ')} "
    assert Browser(site).sign_in(user.email, code=typed).status_code == 200
    assert trail(site).count((user.email, "user.changed", user.email)) == 3  # set up, two used


def test_a_recovery_code_is_a_way_round_a_lock_out(site: Flask) -> None:
    user = member(site)
    _, codes = set_up(site, signed_in(site, user))
    for _ in range(6):
        Browser(site).sign_in(user.email, "not the password of anybody")

    assert refusal(Browser(site).sign_in(user.email, code="aaaaa-aaaaa")) == (429, "locked_out")
    assert Browser(site).sign_in(user.email, code=codes[0]).status_code == 200


def test_recovery_codes_are_stored_as_hashes_that_need_the_secret_key(site: Flask) -> None:
    _, codes = set_up(site, signed_in(site, member(site)))

    with site.extensions["factory_store"].system().snapshot() as tx:
        rows = tx.execute(select(recovery_codes)).all()
    assert {len(row.code_hash) for row in rows} == {32}
    assert not any(code.encode() in bytes(row.code_hash) for row in rows for code in codes)


def test_new_recovery_codes_replace_all_and_ask_for_the_password(site: Flask) -> None:
    user = member(site)
    browser = signed_in(site, user)
    assert refusal(browser.ask("POST", "/session/totp/recovery-codes", {"password": PASSWORD})) == (
        409,
        "no_second_factor",
    )
    _, old = set_up(site, browser)
    assert browser.ask("POST", "/session/totp/recovery-codes", {"password": "wrong"}).status_code == 401

    new = browser.ask("POST", "/session/totp/recovery-codes", {"password": PASSWORD}).json["data"]["recovery_codes"]

    assert not set(old) & set(new)
    assert refusal(Browser(site).sign_in(user.email, code=old[0])) == (401, "code_required")
    assert Browser(site).sign_in(user.email, code=new[0]).status_code == 200


@pytest.mark.parametrize("by", ["user", "administrator"])
def test_recovery_codes_end_with_the_second_factor(site: Flask, by: str) -> None:
    user = member(site)
    browser = signed_in(site, user)
    _, codes = set_up(site, browser)

    if by == "user":
        assert browser.ask("DELETE", "/session/totp", {"password": PASSWORD}).status_code == 200
    else:
        boss = signed_in(site, member(site, {"*": "admin"}))
        assert boss.ask("PATCH", f"/users/{user.user_id}", {"reset_totp": True}).status_code == 200
    with site.extensions["factory_store"].system().snapshot() as tx:
        assert tx.execute(select(recovery_codes)).all() == []
    again = signed_in(site, user)
    set_up(site, again)
    assert refusal(Browser(site).sign_in(user.email, code=codes[0])) == (401, "code_required")
