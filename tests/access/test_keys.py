"""Keys of machines: told once, stored as a hash, replaced with an overlap, ended at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from tests.access.conftest import population_of
from tests.access.population import DAY, HOUR, SECOND, Population
from tests.conftest import Clock

from factory.domain.access.permissions import DEFAULT_ORGANISATION

KEYS = "/api/v1/keys/"
EVENT = {"timestamp": "2026-01-15T11:00:00Z", "worker_id": "W1", "workstation_id": "S3", "event_type": "working"}
MINUTE = 60 * SECOND
BOSS = "boss@example.org"


@pytest.fixture
def app(database_url: str, guarded: Callable[..., Iterator[Flask]]) -> Iterator[Flask]:
    yield from guarded(database_url)


@pytest.fixture
def clock(app: Flask) -> Clock:
    found: Clock = app.extensions["factory"].clock
    return found


@pytest.fixture
def population(app: Flask) -> Population:
    return population_of(app)


@pytest.fixture
def admin(population: Population) -> dict[str, str]:
    """Headers of an administrator of the whole organisation."""
    return bearer(population.token(DEFAULT_ORGANISATION, {"*": "admin"}, email=BOSS))


def signed_in_later(population: Population, clock: Clock) -> dict[str, str]:
    """Return headers of another administrator, whose token is of the clock's present time."""
    population.now = clock.now
    return bearer(population.token(DEFAULT_ORGANISATION, {"*": "admin"}))


def made(client: FlaskClient, headers: dict[str, str], **body: Any) -> Any:
    answer = client.post(KEYS, json={"name": "Camera 7", "scope": "ingest", **body}, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.get_json()["data"]


def bearer(key: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {key if isinstance(key, str) else key['key']}"}


def sends(client: FlaskClient, key: Any) -> int:
    return client.post("/api/v1/events/", json=EVENT, headers=bearer(key)).status_code


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def stored(app: Flask) -> list[Any]:
    with app.extensions["factory_store"].system().snapshot() as tx:
        return list(tx.execute(text("SELECT * FROM api_keys ORDER BY api_key")))


def audited(app: Flask) -> list[tuple[str, str, str]]:
    with app.extensions["factory_store"].system().snapshot() as tx:
        rows = tx.execute(text("SELECT actor, action, subject FROM audit WHERE action LIKE 'key.%' ORDER BY number"))
        return [tuple(row) for row in rows]  # type: ignore[misc]


# Making


def test_a_key_is_told_once_and_stored_as_a_hash_of_256_random_bits(
    app: Flask, client: FlaskClient, admin: dict[str, str]
) -> None:
    key = made(client, admin)

    assert re.fullmatch(rf"fk_{key['key_id']}_[A-Za-z0-9_-]{{43}}", key["key"])
    secret = key["key"].split("_", 2)[2]
    [row] = stored(app)
    assert bytes(row.secret_hash) == hashlib.sha256(secret.encode()).digest()
    assert secret not in str(row)
    [listed] = client.get(KEYS, headers=admin).get_json()["data"]
    assert listed == {name: value for name, value in key.items() if name != "key"}
    assert listed == {
        "key_id": key["key_id"],
        "name": "Camera 7",
        "scope": "ingest",
        "factory_id": "default",
        "created_at": "2026-01-15T12:00:00Z",
        "expires_at": None,
        "last_used_at": None,
        "revoked_at": None,
        "created_by": BOSS,
    }


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_a_new_key_serves_at_once_in_either_header(client: FlaskClient, admin: dict[str, str], header: str) -> None:
    key = made(client, admin)["key"]

    headers = {header: f"Bearer {key}" if header == "Authorization" else key}
    assert client.post("/api/v1/events/", json=EVENT, headers=headers).status_code == 201


def test_both_headers_at_once_are_refused(client: FlaskClient, admin: dict[str, str]) -> None:
    key = made(client, admin)["key"]

    answer = client.post("/api/v1/events/", json=EVENT, headers={**bearer(key), "X-API-Key": key})
    assert code_of(answer) == (401, "two_credentials")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": 5}, "name"),
        ({"scope": None}, "scope"),
        ({"scope": "operator"}, "scope"),
        ({"scope": ["ingest"]}, "scope"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": -1}, "expires_in_days"),
        ({"expires_in_days": 3651}, "expires_in_days"),
        ({"expires_in_days": 10**30}, "expires_in_days"),
        ({"expires_in_days": "30"}, "expires_in_days"),
        ({"expires_in_days": True}, "expires_in_days"),
        ({"expires_in_days": 1.5}, "expires_in_days"),
    ],
)
def test_a_bad_key_is_a_400_and_makes_none(
    app: Flask, client: FlaskClient, admin: dict[str, str], body: dict[str, Any], field: str
) -> None:
    answer = client.post(KEYS, json={"name": "Camera", "scope": "ingest", **body}, headers=admin)

    assert answer.status_code == 400
    assert [fault["field"] for fault in answer.get_json()["errors"]] == [field]
    assert stored(app) == []
    assert audited(app) == []


def test_keys_are_made_in_the_acting_factory_and_act_there_alone(
    client: FlaskClient, population: Population, admin: dict[str, str]
) -> None:
    population.factory(DEFAULT_ORGANISATION, "berlin")
    key = made(client, {**admin, "X-Factory-ID": "berlin"}, scope="read")

    assert key["factory_id"] == "berlin"
    assert client.get(KEYS, headers=admin).get_json()["data"] == []
    assert client.get("/api/v1/metrics/factory", headers=bearer(key)).status_code == 200
    elsewhere = client.get("/api/v1/metrics/factory?factory=default", headers=bearer(key))
    assert code_of(elsewhere) == (404, "factory_not_found")


# Who may


@pytest.mark.parametrize("scope", ["ingest", "read"])
def test_a_key_of_a_small_scope_makes_and_sees_no_keys(
    app: Flask, client: FlaskClient, population: Population, scope: str
) -> None:
    key = population.key(DEFAULT_ORGANISATION, "default", scope)

    assert client.get(KEYS, headers=bearer(key.text)).status_code == 403
    assert client.post(KEYS, json={"name": "x", "scope": "admin"}, headers=bearer(key.text)).status_code == 403
    for method, path in (("DELETE", key.key_id), ("POST", f"{key.key_id}/rotate")):
        assert client.open(KEYS + path, method=method, json={}, headers=bearer(key.text)).status_code == 403
    assert len(stored(app)) == 1


def test_a_key_of_scope_admin_lists_and_revokes_keys_of_its_own_factory_only(
    app: Flask, client: FlaskClient, population: Population
) -> None:
    population.factory(DEFAULT_ORGANISATION, "berlin")
    theirs = population.key(DEFAULT_ORGANISATION, "berlin", "ingest")
    own = population.key(DEFAULT_ORGANISATION, "default", "ingest")
    key = bearer(population.key(DEFAULT_ORGANISATION, "default", "admin").text)

    body = {"name": "x", "scope": "ingest"}
    for where in ("?factory=berlin", "?factory=nowhere"):
        assert code_of(client.post(KEYS + where, json=body, headers=key)) == (404, "factory_not_found")
        assert code_of(client.get(KEYS + where, headers=key)) == (404, "factory_not_found")
    assert code_of(client.delete(KEYS + theirs.key_id, headers=key)) == (404, "key_not_found")
    assert [row.revoked_at for row in stored(app)] == [None, None, None]
    assert client.delete(KEYS + own.key_id, headers=key).status_code == 200


def test_a_key_makes_neither_keys_nor_users(app: Flask, client: FlaskClient, population: Population) -> None:
    key = population.key(DEFAULT_ORGANISATION, "default", "admin", expires_at=population.now + DAY)
    other = population.key(DEFAULT_ORGANISATION, "default", "ingest")
    user = population.user(DEFAULT_ORGANISATION, {"default": "viewer"})
    new = {"email": "child@example.org", "name": "Child", "roles": {"default": "admin"}}

    for method, path, body in (
        ("POST", "keys/", {"name": "child", "scope": "admin"}),
        ("POST", f"keys/{other.key_id}/rotate", {}),
        ("POST", f"keys/{key.key_id}/rotate", {}),
        ("POST", "users/", new),
        ("PATCH", f"users/{user.user_id}", {"roles": {"default": "admin"}}),
        ("PATCH", f"users/{user.user_id}", {"reset_password": True}),
        ("DELETE", f"users/{user.user_id}", None),
    ):
        answer = client.open(f"/api/v1/{path}", method=method, json=body, headers=bearer(key.text))
        assert code_of(answer) == (403, "not_with_a_key"), path
        assert "initial_password" not in answer.text
    assert len(stored(app)) == 2
    assert audited(app) == []
    listed = client.get("/api/v1/users/", headers=bearer(key.text)).get_json()["data"]
    assert [one["user_id"] for one in listed] == [user.user_id]


# Makers


def test_a_successor_is_made_by_who_rotates(client: FlaskClient, population: Population, admin: dict[str, str]) -> None:
    key = made(client, admin)
    second = {"Authorization": f"Bearer {population.token(DEFAULT_ORGANISATION, {'*': 'admin'}, email='two@x.org')}"}

    assert rotated(client, second, key)["created_by"] == "two@x.org"


def leaving(client: FlaskClient, population: Population) -> tuple[str, dict[str, Any]]:
    """Return the path of an administrator who made three keys, and the two in force by id."""
    user = population.user(DEFAULT_ORGANISATION, {"*": "admin"})
    theirs = {"Authorization": f"Bearer {population.session(user).token}"}
    population.factory(DEFAULT_ORGANISATION, "berlin")
    revoked = made(client, theirs)
    client.delete(KEYS + revoked["key_id"], headers=theirs)
    kept = [made(client, theirs, name="Camera 8")]
    body = {"name": "Camera 9", "scope": "read"}
    kept.append(client.post(f"{KEYS}?factory=berlin", json=body, headers=theirs).get_json()["data"])
    return f"/api/v1/users/{user.user_id}", {key["key_id"]: key for key in kept}


def works(client: FlaskClient, key: Any) -> bool:
    answer = client.get("/api/v1/session/", headers=bearer(key))
    return answer.status_code == 200


@pytest.mark.parametrize("how", ["disabled", "removed"])
@pytest.mark.parametrize("end", [False, True])
def test_who_leaves_leaves_a_list_of_keys_that_end_on_demand(
    app: Flask, client: FlaskClient, population: Population, admin: dict[str, str], how: str, end: bool
) -> None:
    path, keys = leaving(client, population)
    assert {one["key_id"] for one in client.get(path, headers=admin).get_json()["data"]["keys_made"]} == set(keys)

    if how == "disabled":
        answer = client.patch(path, json={"disabled": True, "end_keys": end}, headers=admin)
    else:
        answer = client.delete(f"{path}?end_keys={str(end).lower()}", headers=admin)

    listed = answer.get_json()["data"]["keys_made"]
    assert [(one["key_id"], one["factory_id"], one["ended"]) for one in listed] == [
        (key_id, factory, end) for key_id, factory in zip(keys, ("default", "berlin"), strict=True)
    ]
    assert [works(client, key) for key in keys.values()] == [not end, not end]
    revoked = [subject for actor, action, subject in audited(app) if (actor, action) == (BOSS, "key.revoked")]
    assert revoked == ([f"key:fk_{key_id}" for key_id in keys] if end else [])
    assert all(one["created_by"] for one in client.get(KEYS, headers=admin).get_json()["data"])


def test_an_administrator_of_one_factory_ends_no_keys_of_another(
    client: FlaskClient, population: Population, admin: dict[str, str]
) -> None:
    user = population.user(DEFAULT_ORGANISATION, {"default": "admin"})
    theirs = {"Authorization": f"Bearer {population.session(user).token}"}
    key = made(client, theirs)
    population.factory(DEFAULT_ORGANISATION, "berlin")
    path = f"/api/v1/users/{user.user_id}"
    elsewhere = {"Authorization": f"Bearer {population.token(DEFAULT_ORGANISATION, {'berlin': 'admin'})}"}
    client.patch(path, json={"roles": {"berlin": "viewer"}}, headers=admin)

    changed = client.patch(path, json={"disabled": True, "end_keys": True}, headers=elsewhere)

    assert changed.get_json()["data"]["keys_made"] == []
    assert works(client, key)


def test_a_user_who_gets_the_number_of_a_removed_one_has_not_made_their_keys(
    app: Flask, client: FlaskClient, population: Population, admin: dict[str, str]
) -> None:
    path, keys = leaving(client, population)
    client.delete(path, headers=admin)

    assert {row.created_by_user for row in stored(app)} == {None}
    assert len(keys) == 2


def test_an_administrator_of_one_factory_meets_no_key_of_another_organisation(
    app: Flask, client: FlaskClient, population: Population
) -> None:
    foreign = population.organisation("globex")
    population.factory(foreign, "default")
    theirs = population.key(foreign, "default", "admin")
    headers = bearer(population.token(DEFAULT_ORGANISATION, {"default": "admin"}))

    assert client.get(KEYS, headers=headers).get_json()["data"] == []
    for method, path in (("DELETE", theirs.key_id), ("POST", f"{theirs.key_id}/rotate")):
        assert code_of(client.open(KEYS + path, method=method, json={}, headers=headers)) == (404, "key_not_found")
    assert client.get(KEYS, headers=bearer(theirs.text)).get_json()["count"] == 1
    assert audited(app) == []


@pytest.mark.parametrize("key_id", ["%00", "x", "ABCDEFGHIJKL", "a" * 500, "'; DROP TABLE api_keys;--", "aaaaaaaaaaaa"])
def test_what_is_no_key_is_not_found(client: FlaskClient, admin: dict[str, str], key_id: str) -> None:
    assert code_of(client.delete(KEYS + key_id, headers=admin)) == (404, "key_not_found")
    assert code_of(client.post(f"{KEYS}{key_id}/rotate", json={}, headers=admin)) == (404, "key_not_found")


# Ending


def test_a_revoked_key_ends_at_once_though_it_was_just_used(client: FlaskClient, admin: dict[str, str]) -> None:
    key = made(client, admin)
    assert sends(client, key) == 201

    revoked = client.delete(KEYS + key["key_id"], headers=admin)

    assert revoked.status_code == 200
    assert revoked.get_json()["data"]["revoked_at"] == "2026-01-15T12:00:00Z"
    assert code_of(client.post("/api/v1/events/", json=EVENT, headers=bearer(key))) == (401, "invalid_key")
    assert client.get(KEYS, headers=admin).get_json()["data"] == [revoked.get_json()["data"]]


def test_revoking_twice_changes_and_records_nothing_more(
    app: Flask, client: FlaskClient, clock: Clock, admin: dict[str, str]
) -> None:
    key = made(client, admin)
    first = client.delete(KEYS + key["key_id"], headers=admin).get_json()["data"]
    clock.now += MINUTE

    assert client.delete(KEYS + key["key_id"], headers=admin).get_json()["data"] == first
    assert [action for _, action, _ in audited(app)] == ["key.created", "key.revoked"]


def test_a_key_ends_at_the_instant_it_was_to(
    client: FlaskClient, clock: Clock, population: Population, admin: dict[str, str]
) -> None:
    key = made(client, admin, expires_in_days=2)
    assert key["expires_at"] == "2026-01-17T12:00:00Z"

    clock.now += 2 * DAY - 1
    assert sends(client, key) == 201
    clock.now += 1
    assert code_of(client.post("/api/v1/events/", json=EVENT, headers=bearer(key))) == (401, "key_expired")


def test_the_last_use_is_kept_to_the_minute(client: FlaskClient, clock: Clock, admin: dict[str, str]) -> None:
    key = made(client, admin)

    def last_used() -> str:
        return str(client.get(KEYS, headers=admin).get_json()["data"][0]["last_used_at"])

    assert last_used() == "None"
    assert sends(client, key) == 201
    assert last_used() == "2026-01-15T12:00:00Z"
    clock.now += 30 * SECOND
    assert sends(client, key) == 200
    assert last_used() == "2026-01-15T12:00:00Z"
    clock.now += 31 * SECOND
    assert sends(client, key) == 200
    assert last_used() == "2026-01-15T12:01:01Z"


# Rotation


def rotated(client: FlaskClient, headers: dict[str, str], key: Any, **body: Any) -> Any:
    answer = client.post(f"{KEYS}{key['key_id']}/rotate", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.get_json()["data"]


def expiries(client: FlaskClient, headers: dict[str, str]) -> list[str | None]:
    return [key["expires_at"] for key in client.get(KEYS, headers=headers).get_json()["data"]]


def test_both_keys_serve_while_they_overlap_and_then_the_new_one_alone(
    client: FlaskClient, clock: Clock, population: Population, admin: dict[str, str]
) -> None:
    old = made(client, admin)
    new = rotated(client, admin, old, overlap_hours=1)

    assert (new["name"], new["scope"], new["expires_at"]) == ("Camera 7", "ingest", None)
    assert new["key"] != old["key"]
    assert (sends(client, old), sends(client, new)) == (201, 200)
    clock.now += HOUR - 1
    assert (sends(client, old), sends(client, new)) == (200, 200)
    clock.now += 1
    assert (sends(client, old), sends(client, new)) == (401, 200)


def test_the_overlap_is_a_day_unless_it_is_told(client: FlaskClient, admin: dict[str, str]) -> None:
    rotated(client, admin, made(client, admin))

    assert expiries(client, admin) == ["2026-01-16T12:00:00Z", None]


def test_without_overlap_the_old_key_ends_at_once(client: FlaskClient, admin: dict[str, str]) -> None:
    old = made(client, admin)
    assert sends(client, old) == 201
    new = rotated(client, admin, old, overlap_hours=0)

    assert (sends(client, old), sends(client, new)) == (401, 200)


def test_rotation_never_lengthens_the_old_key_and_the_new_one_lasts_as_long(
    client: FlaskClient, clock: Clock, population: Population, admin: dict[str, str]
) -> None:
    old = made(client, admin, expires_in_days=10)
    clock.now += 10 * DAY - HOUR
    admin = signed_in_later(population, clock)
    rotated(client, admin, old, overlap_hours=720)

    assert expiries(client, admin) == ["2026-01-25T12:00:00Z", "2026-02-04T11:00:00Z"]


def test_a_key_that_has_ended_is_not_rotated(
    app: Flask, client: FlaskClient, clock: Clock, population: Population, admin: dict[str, str]
) -> None:
    revoked, expired = made(client, admin), made(client, admin, expires_in_days=1)
    client.delete(KEYS + revoked["key_id"], headers=admin)
    clock.now += DAY
    admin = signed_in_later(population, clock)

    for key in (revoked, expired):
        answer = client.post(f"{KEYS}{key['key_id']}/rotate", json={}, headers=admin)
        assert code_of(answer) == (409, "key_has_ended")
    assert len(stored(app)) == 2


@pytest.mark.parametrize("hours", [-1, 721, 1.5, "24", True, [1]])
def test_a_bad_overlap_is_a_400_and_changes_nothing(
    app: Flask, client: FlaskClient, admin: dict[str, str], hours: Any
) -> None:
    key = made(client, admin)
    before = stored(app)

    answer = client.post(f"{KEYS}{key['key_id']}/rotate", json={"overlap_hours": hours}, headers=admin)

    assert answer.status_code == 400
    assert [fault["field"] for fault in answer.get_json()["errors"]] == ["overlap_hours"]
    assert stored(app) == before


# The trail


def test_every_change_is_in_the_trail_without_any_secret(
    app: Flask, client: FlaskClient, population: Population, admin: dict[str, str]
) -> None:
    machine = population.key(DEFAULT_ORGANISATION, "default", "admin")
    old = made(client, admin, scope="read")
    new = rotated(client, admin, old)
    client.delete(KEYS + new["key_id"], headers=bearer(machine.text))

    assert audited(app) == [
        (BOSS, "key.created", f"key:fk_{old['key_id']}"),
        (BOSS, "key.rotated", f"key:fk_{old['key_id']}"),
        (f"key fk_{machine.key_id}", "key.revoked", f"key:fk_{new['key_id']}"),
    ]
    with app.extensions["factory_store"].system().snapshot() as tx:
        trail = str(list(tx.execute(text("SELECT * FROM audit"))))
    for key in (machine.text, old["key"], new["key"]):
        assert key.split("_", 2)[2] not in trail


def test_a_key_whose_trail_cannot_be_written_is_not_made(
    app: Flask, client: FlaskClient, admin: dict[str, str]
) -> None:
    with app.extensions["factory_store"].system().writing() as tx:
        tx.execute(text("DELETE FROM audit_heads"))

    assert client.post(KEYS, json={"name": "x", "scope": "read"}, headers=admin).status_code == 500
    assert stored(app) == []


# The command line

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str) -> Run:
    from factory.cli.main import main

    def invoke(*arguments: str, expect: int = 0) -> Result:
        environment = {"DATABASE_URL": database_url, "ENVIRONMENT": "development", "LOG_LEVEL": "WARNING"}
        result = CliRunner().invoke(main, ["key", *arguments], env=environment)
        assert result.exit_code == expect, result.output
        return result

    return invoke


def test_the_command_line_makes_lists_replaces_and_revokes(app: Flask, client: FlaskClient, run: Run) -> None:
    made = run("add", "--name", "Camera 7", "--expires-in-days", "30")
    old = made.stdout.strip()
    assert re.fullmatch(r"fk_[a-z2-7]{12}_[A-Za-z0-9_-]{43}", old)
    assert "Camera 7: ingest in factory default" in made.stderr

    clock: Clock = app.extensions["factory"].clock
    key_id = old.split("_")[1]
    new = run("rotate", key_id, "--overlap-hours", "1").stdout.strip()
    run("revoke", f"fk_{new.split('_')[1]}")
    clock.now = stored(app)[0].created_at + MINUTE
    assert sends(client, old) == 201
    assert code_of(client.post("/api/v1/events/", json=EVENT, headers=bearer(new))) == (401, "invalid_key")
    first, second = run("list").stdout.splitlines()
    assert first.startswith(f"fk_{key_id}  ingest  ends ")
    assert "revoked" in second
    secrets = [key.split("_", 2)[2] for key in (old, new)]
    assert not any(secret in first + second for secret in secrets)
    assert [(actor, action) for actor, action, _ in audited(app)] == [
        ("command line", "key.created"),
        ("command line", "key.rotated"),
        ("command line", "key.revoked"),
    ]


def test_the_command_line_says_what_it_does_not_know(run: Run) -> None:
    assert "Key not found" in run("revoke", "fk_aaaaaaaaaaaa", expect=1).output
    assert "Factory not found" in run("add", "--name", "x", "--factory", "nowhere", expect=1).output
    assert "Invalid value for '--scope'" in run("add", "--name", "x", "--scope", "all", expect=2).output
