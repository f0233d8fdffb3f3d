"""Users and organisations: who may make and change whom, by the API and by the command line."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from tests.access.conftest import population_of
from tests.access.people import PASSWORD, Browser, User, member, refusal, trail
from tests.access.population import CHEAP_HASHES, SECRET_KEY

from factory.cli.main import main

FIRST = re.compile("([a-z2-9]{5}-){3}[a-z2-9]{5}")


@pytest.fixture
def site(database_url: str, guarded: Callable[..., Iterator[Flask]]) -> Iterator[Flask]:
    for app in guarded(database_url):
        for factory in ("berlin", "celle"):
            population_of(app).factory(1, factory)
        yield app


def signed_in(site: Flask, user: User) -> Browser:
    browser = Browser(site)
    browser.token = population_of(site).session(user).token
    return browser


@pytest.fixture
def boss(site: Flask) -> Browser:
    """Sign in an administrator of the whole organisation."""
    return signed_in(site, member(site, {"*": "admin"}, email="boss@example.org"))


@pytest.fixture
def local(site: Flask) -> Browser:
    """Sign in an administrator of the factory `berlin` only, who is a viewer of another one."""
    return signed_in(site, member(site, {"berlin": "admin", "celle": "viewer"}, email="local@example.org"))


def new(email: str = "new@example.org", **roles: str) -> dict[str, Any]:
    return {"email": email, "name": "New", "roles": roles}


def test_a_new_user_gets_a_first_password_once(site: Flask, boss: Browser) -> None:
    answer = boss.ask("POST", "/users/", {"email": " New@Example.org", "name": "Néw", "roles": {"berlin": "viewer"}})

    made = answer.json["data"]
    first = made.pop("initial_password")
    assert answer.status_code == 201
    assert FIRST.fullmatch(first)
    assert made == {
        "user_id": made["user_id"],
        "email": "new@example.org",
        "name": "Néw",
        "roles": {"berlin": "viewer"},
        "disabled": False,
        "must_change_password": True,
        "totp_enabled": False,
        "last_sign_in_at": None,
    }
    assert boss.ask("GET", f"/users/{made['user_id']}").json["data"] == {**made, "keys_made": []}
    assert Browser(site).sign_in("new@example.org", first).json["must_change_password"] is True
    assert trail(site)[:2] == [
        ("boss@example.org", "user.created", "new@example.org"),
        ("boss@example.org", "role.changed", "new@example.org"),
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"email": None}, "missing_fields"),
        ({"email": "nobody"}, "invalid_email"),
        ({"email": "a b@c.d"}, "invalid_email"),
        ({"email": "a\r\nBcc: x@y.z"}, "invalid_email"),
        ({"email": f"{'a' * 60}@{'b' * 200}"}, "invalid_email"),
        ({"email": 5}, "invalid_email"),
        ({"name": ""}, "invalid_text"),
        ({"name": "x" * 201}, "invalid_text"),
        ({"roles": {"berlin": "king"}}, "invalid_role"),
        ({"roles": {"berlin": ["admin"]}}, "invalid_role"),
        ({"roles": ["admin"]}, "invalid_role"),
        ({"roles": {"nowhere": "admin"}}, "unknown_factory"),
    ],
    ids=str,
)
def test_what_is_no_user_is_refused(boss: Browser, change: dict[str, Any], code: str) -> None:
    answer = boss.ask("POST", "/users/", {**new(berlin="viewer"), **change})

    assert refusal(answer) == (400, code)
    assert [one["email"] for one in boss.ask("GET", "/users/").json["data"]] == ["boss@example.org"]


def test_an_address_is_there_once_in_an_organisation(site: Flask, boss: Browser) -> None:
    there = population_of(site).organisation("globex")
    member(site, {"*": "admin"}, organisation=there, email="new@example.org")

    assert boss.ask("POST", "/users/", new(berlin="viewer")).status_code == 201
    assert refusal(boss.ask("POST", "/users/", new("NEW@example.org", celle="viewer"))) == (409, "already_exists")


def test_another_organisations_users_are_not_there(site: Flask, boss: Browser) -> None:
    there = population_of(site).organisation("globex")
    foreign = member(site, {"*": "admin"}, organisation=there)

    for method, body in (("GET", None), ("PATCH", {"disabled": True}), ("DELETE", None)):
        assert refusal(boss.ask(method, f"/users/{foreign.user_id}", body)) == (404, "user_not_found")
    assert len(boss.ask("GET", "/users/").json["data"]) == 1


@pytest.mark.parametrize("role", ["wall", "viewer", "supervisor", "manager"])
def test_who_does_not_administer_sees_no_users(site: Flask, role: str) -> None:
    browser = signed_in(site, member(site, {"*": role}))

    assert refusal(browser.ask("GET", "/users/")) == (403, "not_allowed")


def test_an_administrator_of_one_factory_sees_its_users_and_their_roles_there(site: Flask, local: Browser) -> None:
    member(site, {"berlin": "viewer", "celle": "manager"}, email="both@example.org")
    other = member(site, {"celle": "viewer"}, email="celle@example.org")
    everywhere = member(site, {"*": "admin"}, email="boss@example.org")

    seen = {one["email"]: one["roles"] for one in local.ask("GET", "/users/").json["data"]}

    assert seen == {"both@example.org": {"berlin": "viewer"}, "local@example.org": {"berlin": "admin"}}
    for user in (other, everywhere):
        for method, body in (("GET", None), ("PATCH", {"roles": {"berlin": "viewer"}}), ("DELETE", None)):
            assert refusal(local.ask(method, f"/users/{user.user_id}", body)) == (404, "user_not_found")


def test_an_administrator_of_one_factory_gives_roles_there_only(site: Flask, local: Browser) -> None:
    assert local.ask("POST", "/users/", new("one@example.org", berlin="admin")).status_code == 201
    elsewhere = local.ask("POST", "/users/", new(celle="viewer"))
    nowhere = local.ask("POST", "/users/", new(nowhere="viewer"))
    assert refusal(elsewhere) == refusal(nowhere) == (400, "unknown_factory")
    assert elsewhere.json["error"] == nowhere.json["error"]
    assert refusal(local.ask("POST", "/users/", {**new(), "roles": {"*": "wall"}})) == (403, "not_allowed")
    assert refusal(local.ask("POST", "/users/", new())) == (400, "missing_field")


def test_roles_elsewhere_stay_when_those_of_one_factory_are_changed(site: Flask, boss: Browser, local: Browser) -> None:
    user = member(site, {"berlin": "viewer", "celle": "manager"})
    path = f"/users/{user.user_id}"

    assert local.ask("PATCH", path, {"roles": {"berlin": "admin"}}).json["data"]["roles"] == {"berlin": "admin"}
    assert boss.ask("GET", path).json["data"]["roles"] == {"berlin": "admin", "celle": "manager"}
    assert local.ask("PATCH", path, {"roles": {}}).json["data"]["roles"] == {}
    assert boss.ask("GET", path).json["data"]["roles"] == {"celle": "manager"}


@pytest.mark.parametrize(
    "change", [{"disabled": True}, {"name": "X"}, {"reset_password": True}, {"reset_totp": True}], ids=str
)
def test_who_has_roles_elsewhere_is_changed_by_who_administers_all_of_it(
    site: Flask, boss: Browser, local: Browser, change: dict[str, Any]
) -> None:
    totp = {"totp_secret": b"x", "totp_confirmed": True}
    both, here = member(site, {"berlin": "viewer", "celle": "wall"}, **totp), member(site, {"berlin": "viewer"}, **totp)

    assert refusal(local.ask("PATCH", f"/users/{both.user_id}", change)) == (403, "not_allowed")
    assert refusal(local.ask("DELETE", f"/users/{both.user_id}")) == (403, "not_allowed")
    assert local.ask("PATCH", f"/users/{here.user_id}", change).status_code == 200
    assert local.ask("DELETE", f"/users/{here.user_id}").status_code == 200
    assert boss.ask("PATCH", f"/users/{both.user_id}", change).status_code == 200


def test_another_role_counts_at_once(site: Flask, boss: Browser) -> None:
    user = member(site, {"*": "viewer"})
    theirs = signed_in(site, user)
    assert refusal(theirs.ask("POST", "/workers/", {"worker_id": "W1"})) == (403, "not_allowed")

    boss.ask("PATCH", f"/users/{user.user_id}", {"roles": {"*": "manager"}})
    assert theirs.ask("POST", "/workers/", {"worker_id": "W1"}).status_code == 201
    boss.ask("PATCH", f"/users/{user.user_id}", {"roles": {"berlin": "viewer"}})
    assert theirs.ask("GET", "/workers/?factory=default").status_code == 404


def test_a_reset_makes_a_first_password_ends_the_sessions_and_the_lock_out(site: Flask, boss: Browser) -> None:
    user = member(site)
    theirs = signed_in(site, user)
    for _ in range(5):
        Browser(site).sign_in(user.email, "wrong")
    assert refusal(Browser(site).sign_in(user.email)) == (429, "locked_out")

    first = boss.ask("PATCH", f"/users/{user.user_id}", {"reset_password": True}).json["data"]["initial_password"]

    assert refusal(theirs.ask("GET", "/workers/")) == (401, "session_ended")
    assert refusal(Browser(site).sign_in(user.email, PASSWORD)) == (401, "bad_credentials")
    assert Browser(site).sign_in(user.email, first).json["must_change_password"] is True


def test_a_removed_user_is_gone_with_all_sessions(site: Flask, boss: Browser) -> None:
    user = member(site)
    theirs = signed_in(site, user)

    assert boss.ask("DELETE", f"/users/{user.user_id}").status_code == 200

    assert refusal(theirs.ask("GET", "/workers/")) == (401, "session_ended")
    assert refusal(Browser(site).sign_in(user.email)) == (401, "bad_credentials")
    assert refusal(boss.ask("DELETE", f"/users/{user.user_id}")) == (404, "user_not_found")
    assert ("boss@example.org", "user.removed", user.email) in trail(site)


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("DELETE", None),
        ("PATCH", {"disabled": True}),
        ("PATCH", {"roles": {"*": "manager"}}),
        ("PATCH", {"roles": {"berlin": "admin"}}),
        ("PATCH", {"roles": {}}),
    ],
    ids=str,
)
def test_the_last_administrator_stays(site: Flask, boss: Browser, method: str, change: Any) -> None:
    member(site, {"*": "admin"}, disabled=True)
    mine = boss.ask("GET", "/session/").json["data"]["user"]["user_id"]
    before = trail(site)

    assert refusal(boss.ask(method, f"/users/{mine}", change)) == (409, "last_administrator")
    assert trail(site) == before
    assert boss.ask("PATCH", f"/users/{mine}", {"name": "Still here"}).status_code == 200

    member(site, {"*": "admin"})
    assert boss.ask(method, f"/users/{mine}", change).status_code == 200


def test_two_administrators_who_remove_each_other_at_once_leave_one(site: Flask) -> None:
    users = [member(site, {"*": "admin"}) for _ in range(2)]
    browsers, start, statuses = [signed_in(site, user) for user in users], threading.Barrier(2), []

    def remove(browser: Browser, other: User) -> None:
        start.wait()
        statuses.append(browser.ask("DELETE", f"/users/{other.user_id}").status_code)

    threads = [threading.Thread(target=remove, args=pair) for pair in zip(browsers, reversed(users), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses.count(200) == 1, statuses
    assert set(statuses) <= {200, 401, 409}


def test_an_address_cannot_be_changed(site: Flask, boss: Browser) -> None:
    user = member(site)
    assert refusal(boss.ask("PATCH", f"/users/{user.user_id}", {"email": "x@y.z"})) == (400, "read_only")
    assert refusal(boss.ask("PATCH", f"/users/{user.user_id}", {"disabled": "yes"})) == (400, "invalid_boolean")


# Organisations


@pytest.fixture
def operator(site: Flask) -> Browser:
    return signed_in(site, member(site, {}, organisation=0, email="operator@example.org"))


def test_an_operator_makes_an_organisation_with_its_administrator(site: Flask, operator: Browser) -> None:
    body = {"organisation_id": "globex", "name": "Globex", "admin_email": "Hank@globex.example"}
    answer = operator.ask("POST", "/organisations/", body)

    assert answer.status_code == 201
    first = answer.json["data"]["initial_password"]
    browser = Browser(site)
    browser.sign_in("hank@globex.example", first)
    changed = browser.ask("POST", "/session/password", {"old_password": first, "new_password": PASSWORD})
    browser.token = changed.json["access_token"]
    assert browser.ask("POST", "/factories/", {"factory_id": "default"}).status_code == 201
    assert [one["factory_id"] for one in browser.ask("GET", "/factories/").json["data"]] == ["default"]
    assert [one["email"] for one in browser.ask("GET", "/users/").json["data"]] == ["hank@globex.example"]
    assert trail(site, 0) == [("operator@example.org", "organisation.created", "globex")]
    assert [line[1] for line in trail(site, 2)] == [
        "organisation.created",
        "user.created",
        "role.changed",
        "session.signed_in",
        "user.changed",
        "factory.created",
    ]


def test_organisations_are_listed_named_and_unique(site: Flask, operator: Browser) -> None:
    operator.ask("POST", "/organisations/", {"organisation_id": "globex"})

    listed = operator.ask("GET", "/organisations/").json["data"]
    assert [one["organisation_id"] for one in listed] == ["default", "globex"]
    assert refusal(operator.ask("POST", "/organisations/", {"organisation_id": "globex"})) == (409, "already_exists")
    assert refusal(operator.ask("POST", "/organisations/", {"organisation_id": "platform"})) == (409, "already_exists")
    for wrong in ("a b", True, 7, ["x"]):
        assert refusal(operator.ask("POST", "/organisations/", {"organisation_id": wrong})) == (400, "invalid_id")
    assert refusal(operator.ask("POST", "/organisations/", {"name": "x"})) == (400, "missing_fields")
    assert operator.ask("PATCH", "/organisations/globex", {"name": "Globex AG"}).json["data"]["name"] == "Globex AG"
    for unknown in ("none", "platform"):
        assert refusal(operator.ask("PATCH", f"/organisations/{unknown}", {})) == (404, "organisation_not_found")


def test_an_operator_sees_nothing_in_an_organisation(operator: Browser, boss: Browser) -> None:
    for path in ("/workers/", "/metrics/factory", "/factories/default", "/keys/"):
        assert operator.ask("GET", path).status_code == 404, path
    assert refusal(operator.ask("GET", "/users/")) == (403, "not_allowed")
    assert operator.ask("GET", "/factories/").json["data"] == []
    assert operator.ask("POST", "/factories/", {"factory_id": "x"}).status_code == 403
    assert operator.ask("GET", "/session/").json["data"]["operator"] is True
    assert refusal(boss.ask("GET", "/organisations/")) == (403, "not_allowed")


# Factories


def test_what_changes_in_a_factory_stands_in_the_trail(site: Flask, boss: Browser) -> None:
    lines = trail(site)
    boss.ask("POST", "/factories/", {"factory_id": "dresden"})
    for change in ({"name": "Dresden"}, {"time_zone": "Europe/Berlin"}, {"person_views": False}, {"name": "Dresden"}):
        assert boss.ask("PATCH", "/factories/dresden", change).status_code == 200

    assert trail(site)[len(lines) :] == [
        ("boss@example.org", action, "dresden") for action in ("factory.created", *["factory.changed"] * 3)
    ]
    details = [line["detail"] for line in boss.ask("GET", "/audit/?action=factory.changed").json["data"]]
    assert details == [
        {"person_views": {"before": None, "after": False}},
        {"time_zone": {"before": "UTC", "after": "Europe/Berlin"}},
        {"name": {"before": "dresden", "after": "Dresden"}},
    ]


def test_whether_persons_are_shown_can_be_said_and_left_to_the_option(boss: Browser) -> None:
    for value in (False, True, None):
        answer = boss.ask("PATCH", "/factories/berlin", {"person_views": value})
        assert answer.json["data"]["person_views"] is value
    assert refusal(boss.ask("PATCH", "/factories/berlin", {"person_views": "no"})) == (400, "invalid_boolean")
    boss.ask("PATCH", "/factories/berlin", {"person_views": False})
    boss.ask("PATCH", "/factories/berlin", {"name": "Berlin"})
    assert boss.ask("GET", "/factories/berlin").json["data"]["person_views"] is False


# The command line


@pytest.fixture
def run(database_url: str, site: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("ACCESS", "required")
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    monkeypatch.setattr("factory.cli.user.PasswordHashes", lambda: CHEAP_HASHES)
    monkeypatch.setattr("factory.cli.organisation.PasswordHashes", lambda: CHEAP_HASHES)
    return lambda *words, **more: CliRunner().invoke(main, list(words), **more)


def add(*words: str) -> tuple[str, ...]:
    return ("user", "add", "--email", "ada@example.org", "--name", "Ada Lovelace", *words)


def test_the_first_administrator_is_made_at_the_command_line(site: Flask, run: Callable[..., Result]) -> None:
    made = run(*add("--role", "admin"))

    assert made.exit_code == 0, made.output
    first = made.stdout.strip()
    assert FIRST.fullmatch(first)
    assert Browser(site).sign_in("ada@example.org", first).json["must_change_password"] is True
    assert trail(site)[0] == ("command line", "user.created", "ada@example.org")
    assert "admin in all factories" in run("user", "list").stdout
    assert run(*add("--role", "admin")).exit_code == 1


def test_a_role_in_some_factories_and_a_password_that_is_read(site: Flask, run: Callable[..., Result]) -> None:
    words = add("--role", "viewer", "--factory", "berlin", "--factory", "celle", "--password-stdin")

    for weak in ("short", "Password1234!", "lovelace-ada-1"):
        assert run(*words, input=f"{weak}\n").exit_code == 1
    made = run(*words, input=f"{PASSWORD}\n")
    assert (made.exit_code, made.stdout) == (0, "")
    browser = Browser(site)
    browser.sign_in("ada@example.org")
    described = browser.ask("GET", "/session/").json["data"]
    assert {one["factory_id"]: one["role"] for one in described["factories"]} == {"berlin": "viewer", "celle": "viewer"}
    assert run(*add("--role", "viewer", "--factory", "nowhere")).exit_code == 1


def test_users_are_reset_disabled_and_enabled(site: Flask, run: Callable[..., Result]) -> None:
    run(*add("--role", "viewer"))
    first = run("user", "reset", "Ada@example.org").stdout.strip()

    assert Browser(site).sign_in("ada@example.org", first).status_code == 200
    assert run("user", "disable", "ada@example.org").exit_code == 0
    assert Browser(site).sign_in("ada@example.org", first).status_code == 401
    assert run("user", "enable", "ada@example.org").exit_code == 0
    assert Browser(site).sign_in("ada@example.org", first).status_code == 200
    assert run("user", "reset", "nobody@example.org").exit_code == 1


def test_a_user_who_is_reset_at_the_command_line_is_not_locked_out_any_more(
    site: Flask, run: Callable[..., Result]
) -> None:
    run(*add("--role", "viewer"))
    for _ in range(6):
        Browser(site).sign_in("ada@example.org", "a wrong one")

    first = run("user", "reset", "ada@example.org").stdout.strip()

    assert Browser(site).sign_in("ada@example.org", first).status_code == 200


def test_organisations_and_operators_are_made_at_the_command_line(site: Flask, run: Callable[..., Result]) -> None:
    made = run("organisation", "add", "globex", "--name", "Globex", "--admin-email", "hank@globex.example")

    assert Browser(site).sign_in("hank@globex.example", made.stdout.strip()).status_code == 200
    assert run("organisation", "list").stdout.splitlines() == ["default  Default organisation", "globex  Globex"]
    assert run(*add("--organisation", "globex", "--role", "viewer")).exit_code == 0
    assert "hank@globex.example" in run("user", "list", "--organisation", "globex").stdout
    assert "globex" not in run("user", "list").stdout
    operator = run("user", "add", "--email", "op@example.org", "--name", "Op", "--operator")
    assert Browser(site).sign_in("op@example.org", operator.stdout.strip()).status_code == 200
    assert "op@example.org" in run("user", "list", "--operator").stdout
    assert run("user", "list", "--organisation", "nowhere").exit_code == 1
    assert run(*add("--operator", "--role", "admin")).exit_code == 2


def test_commands_that_act_in_a_factory_take_an_organisation(site: Flask, run: Callable[..., Result]) -> None:
    there = population_of(site).organisation("globex")
    population_of(site).factory(there, "line")

    assert run("seed", "--organisation", "globex", "--factory", "line").exit_code == 0
    assert run("seed", "--factory", "line").exit_code == 1
    assert run("verify", "--organisation", "globex").exit_code == 0
