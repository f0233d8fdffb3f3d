"""The audit trail: who reads it, that nothing of it can be changed, and that whoever does it all the same is found."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from tests.access.conftest import population_of
from tests.access.population import Population
from tests.conftest import NOON, make_settings

from factory.domain.access.permissions import DEFAULT_ORGANISATION, Actor
from factory.operations.audit_trail import record
from factory.store import Store, open_store
from factory.store.engine.postgresql import TENANT

MINUTE = 60_000_000
SEVEN = 7
Tamper = Callable[[Connection], None]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with closing(open_store(make_settings(database_url))) as opened:
        yield opened


def actor(name: str = "anna@example.org", *, now: int = NOON, organisation: int = DEFAULT_ORGANISATION) -> Actor:
    return Actor(name=name, organisation=organisation, now=now, address="192.0.2.7", request_id="request-1")


def write(store: Store, *actions: str, by: Actor | None = None, **more: Any) -> None:
    for action in actions:
        with store.writing() as tx:
            record(tx, by or actor(), action, **more)


def write_seven(store: Store) -> None:
    for number in range(1, SEVEN + 1):
        by = actor(f"user-{number}@example.org", now=NOON + number)
        write(store, "key.created", by=by, factory_key=1, subject=f"key:{number}", detail={"scope": "read"})


# Reading


@pytest.fixture
def app(database_url: str, guarded: Callable[[str], Iterator[Flask]]) -> Iterator[Flask]:
    yield from guarded(database_url)


@pytest.fixture
def people(app: Flask) -> Population:
    return population_of(app)


def get(app: Flask, token: str, query: str = "") -> Any:
    answer = app.test_client().get(f"/api/v1/audit/{query}", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def test_a_line_tells_who_did_what_to_what_and_when(app: Flask, people: Population) -> None:
    write(people.store, "key.created", factory_key=1, subject="key:abc", detail={"scope": "read"})
    answer = get(app, people.token(DEFAULT_ORGANISATION, {"*": "admin"}))

    [line] = answer["data"]
    assert len(line.pop("hash")) == 64
    assert line == {
        "number": 1,
        "at": "2026-01-15T12:00:00Z",
        "actor": "anna@example.org",
        "action": "key.created",
        "factory_id": "default",
        "subject": "key:abc",
        "detail": {"scope": "read"},
        "address": "192.0.2.7",
        "request_id": "request-1",
    }
    assert (answer["status"], answer["count"], answer["next_cursor"]) == ("success", 1, None)


def test_lines_come_newest_first_in_pages(app: Flask, people: Population) -> None:
    write_seven(people.store)
    token = people.token(DEFAULT_ORGANISATION, {"*": "admin"})
    seen, query = [], "?limit=3"
    while True:
        page = get(app, token, query)
        seen.append([line["number"] for line in page["data"]])
        if page["next_cursor"] is None:
            break
        query = f"?limit=3&cursor={page['next_cursor']}"
    assert seen == [[7, 6, 5], [4, 3, 2], [1]]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [4, 3, 2, 1]),
        ("?actor=ben@example.org", [3]),
        ("?action=key.created", [2]),
        ("?action=key.", [4, 2]),
        ("?action=key", []),
        ("?action=%25.", []),
        ("?subject=key:2", [4]),
        ("?subject=worker:W2", [3]),
        ("?subject=worker:2", []),
        ("?from=2026-01-15T12:02:00Z", [4, 3]),
        ("?to=2026-01-15T12:02:00Z", [2, 1]),
        ("?from=2026-01-15T12:01:00Z&to=2026-01-15T12:02:00Z&action=key.created&actor=anna@example.org", [2]),
    ],
)
def test_filters_choose_lines(app: Flask, people: Population, query: str, numbers: list[int]) -> None:
    register(people, "W1", "W2")
    write(people.store, "session.signed_in", by=actor(now=NOON))
    write(people.store, "key.created", by=actor(now=NOON + MINUTE), factory_key=1, subject="key:1")
    by = actor("ben@example.org", now=NOON + 2 * MINUTE)
    write(people.store, "worker.changed", by=by, factory_key=1, subject="worker:2")
    write(people.store, "key.revoked", by=actor(now=NOON + 3 * MINUTE), factory_key=1, subject="key:2")

    answer = get(app, people.token(DEFAULT_ORGANISATION, {"*": "admin"}), query)
    assert [line["number"] for line in answer["data"]] == numbers


def register(people: Population, *workers: str) -> None:
    with people.store.system().writing() as tx:
        for key, worker in enumerate(workers, 1):
            tx.execute(
                text("INSERT INTO workers (factory_key, worker_key, worker_id, name) VALUES (1, :key, :id, :id)"),
                {"key": key, "id": worker},
            )


def test_a_person_is_named_by_the_present_id_though_the_trail_holds_none(app: Flask, people: Population) -> None:
    register(people, "W1")
    write(people.store, "worker.changed", factory_key=1, subject="worker:1")
    token = people.token(DEFAULT_ORGANISATION, {"*": "admin"})
    assert get(app, token)["data"][0]["subject"] == "worker:W1"

    with people.store.system().writing() as tx:
        tx.execute(text("UPDATE workers SET worker_id = 'erased-1', name = 'Erased'"))
        assert "W1" not in str(tx.execute(text("SELECT * FROM audit")).all())
    assert get(app, token)["data"][0]["subject"] == "worker:erased-1"


def test_a_person_stands_under_a_pseudonym_where_the_factory_shows_none(app: Flask, people: Population) -> None:
    register(people, "W1", "W2")
    for key in (1, 2):
        write(people.store, "worker.changed", factory_key=1, subject=f"worker:{key}")
    people.show_persons(DEFAULT_ORGANISATION, "default", False)
    token = people.token(DEFAULT_ORGANISATION, {"*": "admin"})

    second, first = (line["subject"] for line in get(app, token)["data"])
    assert re.fullmatch("worker:P-[A-Z2-7]{8}", first)
    assert first != second
    assert [line["number"] for line in get(app, token, f"?subject={first}")["data"]] == [1]
    assert get(app, token, "?subject=worker:W1")["data"] == []


def test_who_looks_after_one_factory_sees_its_lines_only(app: Flask, people: Population) -> None:
    people.factory(DEFAULT_ORGANISATION, "paris")
    write(people.store, "session.signed_in")
    write(people.store, "factory.changed", factory_key=1)
    write(people.store, "factory.changed", factory_key=people.factory_key(DEFAULT_ORGANISATION, "paris"))

    def seen(token: str, query: str = "") -> list[int]:
        return [line["number"] for line in get(app, token, query)["data"]]

    everywhere = people.token(DEFAULT_ORGANISATION, {"*": "admin"})
    assert seen(everywhere) == [3, 2, 1]
    of_paris = people.token(DEFAULT_ORGANISATION, {"paris": "admin", "default": "manager"})
    assert seen(of_paris) == [3]
    assert seen(of_paris, "?action=session.") == []
    assert seen(people.key(DEFAULT_ORGANISATION, "default", "admin").text) == [2]


def test_nobody_reads_the_trail_of_another_organisation(app: Flask, people: Population) -> None:
    other = people.organisation("other")
    people.factory(other, "default")
    write(people.store, "session.signed_in")
    write(people.store.acting_for(other), "user.created", by=actor("olga@example.net", organisation=other))
    assert [line["actor"] for line in get(app, people.token(other, {"*": "admin"}))["data"]] == ["olga@example.net"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?cursor=x", "invalid_cursor"),
        ("?cursor=-1", "invalid_cursor"),
        ("?cursor=9999999999999999999", "invalid_cursor"),
        ("?limit=0", "invalid_parameter"),
        ("?factory=default", "invalid_parameter"),
        ("?from=2026-01-16T00:00:00Z&to=2026-01-15T00:00:00Z", None),
    ],
)
def test_bad_filters_are_refused(app: Flask, people: Population, query: str, code: str | None) -> None:
    token = people.token(DEFAULT_ORGANISATION, {"*": "admin"})
    answer = app.test_client().get(f"/api/v1/audit/{query}", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 400
    assert code in (None, answer.get_json()["code"])


# Appending


def test_each_organisation_has_a_chain_of_its_own(store: Store) -> None:
    other = Population(store, NOON).organisation("other")
    write(store, "key.created", "key.revoked")
    write(store.acting_for(other), "user.created", by=actor(organisation=other))
    with store.system().snapshot() as tx:
        rows = tx.execute(text("SELECT organisation_key, number FROM audit ORDER BY 1, 2")).all()
    assert [tuple(row) for row in rows] == [(1, 1), (1, 2), (other, 1)]
    assert faults(store) == []


def test_a_line_goes_with_the_change_that_it_tells_of(store: Store) -> None:
    with pytest.raises(RuntimeError), store.writing() as tx:  # noqa: PT012
        record(tx, actor(), "key.created")
        raise RuntimeError
    write(store, "key.revoked")
    with store.system().snapshot() as tx:
        assert tx.execute(text("SELECT number, action FROM audit")).all() == [(1, "key.revoked")]


def test_many_who_append_at_once_make_one_chain(database_url: str, store: Store) -> None:
    threads, each = 8, 12

    def append(store: Store, thread: int) -> None:
        for number in range(each):
            write(store, "key.created", subject=f"{thread}:{number}")

    with closing(open_store(make_settings(database_url))) as second:  # as another process has it
        work = [threading.Thread(target=append, args=((store, second)[n % 2], n)) for n in range(threads)]
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()
    assert faults(store) == []
    with store.system().snapshot() as tx:
        subjects = [row.subject for row in tx.execute(text("SELECT subject FROM audit ORDER BY number"))]
    assert len(set(subjects)) == threads * each
    for thread_number in range(threads):
        mine = [subject for subject in subjects if subject.startswith(f"{thread_number}:")]
        assert mine == [f"{thread_number}:{number}" for number in range(each)]


# Tampering

FORBIDDEN = ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit", "DELETE FROM audit WHERE number = 7"]
REPLACED = "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE number = 7"


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_database_lets_nobody_change_a_line(store: Store, statement: str) -> None:
    write_seven(store)
    for acting in (store, store.system()):
        with pytest.raises(DBAPIError, match=r"append-only|permission denied"), acting.writing() as tx:
            tx.execute(text(statement))
    assert faults(store) == []


def test_sqlite_lets_nobody_replace_a_line(fresh_database: Callable[[str], str]) -> None:
    with closing(open_store(make_settings(fresh_database("sqlite")))) as store:
        write_seven(store)
        with pytest.raises(DBAPIError, match="append-only"), store.writing() as tx:
            tx.execute(text(REPLACED))
        write(store, "key.created")
        assert faults(store) == []


def test_postgresql_lets_nobody_empty_the_trail(fresh_database: Callable[[str], str]) -> None:
    with closing(open_store(make_settings(fresh_database("postgresql")))) as store:
        write_seven(store)
        for statement in ("TRUNCATE audit", "TRUNCATE organisations CASCADE"):
            for acting in (store, store.system()):
                with pytest.raises(DBAPIError, match=r"append-only|permission denied"), acting.writing() as tx:
                    tx.execute(text(statement))
        assert faults(store) == []


def test_an_organisation_cannot_take_its_chain_apart(fresh_database: Callable[[str], str]) -> None:
    with closing(open_store(make_settings(fresh_database("postgresql")))) as store:
        write_seven(store)
        for statement in ("DELETE FROM audit_heads", "UPDATE audit_heads SET organisation_key = 0"):
            with pytest.raises(DBAPIError), store.writing() as tx:
                tx.execute(text(statement))
        assert faults(store) == []


def faults(store: Store, kept: tuple[int, bytes] | None = None) -> list[str]:
    from factory.operations.privacy.read_audit import verify_audit

    return verify_audit(store=store, organisation=None, kept=None if kept is None else {"default": kept})


def tamper(database_url: str, *statements: str, parameters: dict[str, Any] | None = None) -> None:
    """Change rows as somebody does who owns the database: the triggers are out of the way."""
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            connection.execute(text("DROP TRIGGER audit_no_update"))
            connection.execute(text("DROP TRIGGER audit_no_delete"))
        for statement in statements:
            connection.execute(text(statement), parameters or {})
    engine.dispose()


ALTERED = {
    "at": "at + 1",
    "factory_key": "NULL",
    "actor": "'nobody'",
    "action": "'key.revoked'",
    "subject": "subject || ' '",
    "detail": "'{}'",
    "address": "''",
    "request_id": "'request-2'",
    "hash": ":hash",
}


@pytest.mark.parametrize("number", [1, 4, SEVEN])
@pytest.mark.parametrize("column", ALTERED)
def test_an_altered_line_is_named(store: Store, database_url: str, column: str, number: int) -> None:
    write_seven(store)
    tamper(
        database_url,
        f"UPDATE audit SET {column} = {ALTERED[column]} WHERE number = {number}",
        parameters={"hash": bytes(32)} if column == "hash" else None,
    )
    found = faults(store)
    assert found[0].startswith(f"default: line {number} is not the one"), found
    assert len(found) == (2 if column == "hash" else 1)


def test_every_column_of_a_line_is_tried(store: Store) -> None:
    with store.system().snapshot() as tx:
        columns = set(tx.execute(text("SELECT * FROM audit")).keys())
    assert columns - {"organisation_key", "number"} == set(ALTERED)


@pytest.mark.parametrize(
    ("condition", "sentences"),
    [
        ("number = 1", ["line 1 is missing"]),
        ("number = 4", ["line 4 is missing"]),
        ("number IN (3, 4)", ["lines 3 to 4 are missing"]),
        ("number = 7", ["the chain ends with line 6, and should end with line 7"]),
        ("number > 0", ["the chain ends with line 0, and should end with line 7"]),
    ],
)
def test_a_removed_line_is_named(store: Store, database_url: str, condition: str, sentences: list[str]) -> None:
    write_seven(store)
    tamper(database_url, f"DELETE FROM audit WHERE {condition}")
    found = faults(store)
    assert len(found) == len(sentences), found
    for line, sentence in zip(found, sentences, strict=True):
        assert line.startswith(f"default: {sentence}"), found


def test_lines_that_changed_places_are_named(store: Store, database_url: str) -> None:
    write_seven(store)
    tamper(
        database_url,
        "UPDATE audit SET number = 100 WHERE number = 3",
        "UPDATE audit SET number = 3 WHERE number = 5",
        "UPDATE audit SET number = 5 WHERE number = 100",
    )
    found = faults(store)
    assert {number for number in (3, 5) if any(f"line {number} is not" in line for line in found)} == {3, 5}


@pytest.mark.parametrize("number", [-3, 0, 8, 12])
def test_an_added_line_is_named(store: Store, database_url: str, number: int) -> None:
    write_seven(store)
    columns = "organisation_key, at, factory_key, actor, action, subject, detail, address, request_id, hash"
    tamper(
        database_url, f"INSERT INTO audit (number, {columns}) SELECT {number}, {columns} FROM audit WHERE number = 2"
    )
    found = faults(store)
    expected = {-3: "line -3 was added", 0: "line 0 was added", 8: "line 8 is not the one", 12: "lines 8 to 11 are"}
    assert found[0].startswith(f"default: {expected[number]}"), found


def test_a_moved_end_is_named(store: Store, database_url: str) -> None:
    write_seven(store)
    tamper(database_url, "UPDATE audit_heads SET number = 6 WHERE organisation_key = 1")
    assert [line for line in faults(store) if "should end with line 6" in line]
    tamper_again = create_engine(database_url, poolclass=NullPool)
    with tamper_again.begin() as connection:
        connection.execute(text("DELETE FROM audit_heads WHERE organisation_key = 1"))
    tamper_again.dispose()
    assert [line for line in faults(store) if "should end with line 0" in line]


def rewrite(store: Store, database_url: str) -> None:
    """Write the whole chain anew, with one line's actor changed: it holds."""
    from factory.store.access import audit_log

    with store.system().snapshot() as tx:
        query = text("SELECT * FROM audit WHERE organisation_key = 1 ORDER BY number")
        lines = [audit_log.Line(**row._mapping) for row in tx.execute(query)]
    tamper(database_url, "DELETE FROM audit", "UPDATE audit_heads SET number = 0, hash = :zero", parameters=ZERO)
    with store.system().writing() as tx:
        for line in lines:
            audit_log.append(tx, line._replace(actor="nobody") if line.number == 3 else line)


ZERO = {"zero": bytes(32)}


def test_a_chain_that_was_written_anew_is_found_by_a_head_that_was_kept(store: Store, database_url: str) -> None:
    from factory.operations.privacy.read_audit import audit_heads

    write_seven(store)
    kept = audit_heads(store=store, organisation="default")["default"]
    assert kept[0] == SEVEN
    write(store, "key.created")
    assert faults(store, kept) == []

    rewrite(store, database_url)
    assert faults(store) == []
    assert [line for line in faults(store, kept) if "line 7 has another hash than the one that was kept" in line]
    assert faults(store, (9, kept[1])) == ["default: line 9, whose hash was kept, is missing"]


# The commands


@pytest.fixture
def run(database_url: str) -> Callable[..., Result]:
    from factory.cli.main import main

    def invoke(*arguments: str) -> Result:
        environment = {"DATABASE_URL": database_url, "ENVIRONMENT": "development", "LOG_LEVEL": "WARNING"}
        return CliRunner().invoke(main, ["audit", *arguments], env=environment)

    return invoke


def test_the_command_lists_the_trail_newest_first(store: Store, run: Callable[..., Result]) -> None:
    write_seven(store)

    everything = [json.loads(line) for line in run("list").output.splitlines()]
    chosen = run("list", "--from", "2026-01-15T12:00:00.000003Z", "--to", "2026-01-15T12:00:00.000005Z", "--limit", "1")
    by_one = run("list", "--actor", "user-2@example.org", "--action", "key.", "--subject", "key:2")

    assert [line["number"] for line in everything] == [7, 6, 5, 4, 3, 2, 1]
    assert (everything[0]["actor"], everything[0]["address"]) == ("user-7@example.org", "192.0.2.7")
    assert [json.loads(line)["number"] for line in chosen.output.splitlines()] == [4]
    assert [json.loads(line)["number"] for line in by_one.output.splitlines()] == [2]


def test_the_command_lists_the_trail_of_the_platform_which_no_organisation_reads(
    app: Flask, database_url: str, run: Callable[..., Result]
) -> None:
    nobodys = {"email": "nobody@example.org", "password": "not the password of anybody"}
    assert app.test_client().post("/api/v1/session/", json=nobodys).status_code == 401

    [line] = [json.loads(line) for line in run("list", "--operator").output.splitlines()]

    assert (line["actor"], line["action"], line["address"]) == ("anybody", "session.failed", "127.0.0.1")
    assert run("list").output == ""


def test_the_command_names_what_was_touched_and_ends_with_1(
    store: Store, database_url: str, run: Callable[..., Result]
) -> None:
    write_seven(store)
    assert (run("verify").exit_code, run("verify").output) == (0, "The audit trail is as it was written.\n")
    tamper(database_url, "UPDATE audit SET actor = 'nobody' WHERE number = 4")
    for arguments in ((), ("--organisation", "all"), ("--organisation", "default")):
        result = run("verify", *arguments)
        assert result.exit_code == 1
        assert "default: line 4 is not the one that was written there" in result.output
    assert run("verify", "--organisation", "platform").exit_code == 0


def test_the_command_compares_with_a_head_that_it_printed_before(
    store: Store, database_url: str, run: Callable[..., Result]
) -> None:
    write_seven(store)
    printed = dict(line.split() for line in run("head").output.splitlines())
    assert printed["default"].startswith("7:")
    assert printed["platform"] == f"0:{bytes(32).hex()}"
    compare = ("verify", "--organisation", "default", "--head", printed["default"])
    assert run(*compare).exit_code == 0

    rewrite(store, database_url)
    assert run("verify").exit_code == 0
    result = run(*compare)
    assert (result.exit_code, "the chain was written anew" in result.output) == (1, True)


def test_the_command_compares_with_all_heads_that_it_printed_before(
    store: Store, database_url: str, run: Callable[..., Result], tmp_path: Path
) -> None:
    write_seven(store)
    heads = tmp_path / "heads"
    heads.write_text(run("head").output)
    compare = ("verify", "--heads", str(heads))
    assert run(*compare).exit_code == 0

    rewrite(store, database_url)
    result = run(*compare)
    assert (result.exit_code, "default: line 7 has another hash" in result.output) == (1, True)

    heads.write_text(f"gone 3:{bytes(32).hex()}\n")
    result = run(*compare)
    assert (result.exit_code, "gone: the organisation, whose head was kept, is missing" in result.output) == (1, True)


def test_a_file_that_holds_no_heads_is_refused(run: Callable[..., Result], tmp_path: Path) -> None:
    heads = tmp_path / "heads"
    for content in ("", "default\n", "default 7\n"):
        heads.write_text(content)
        assert run("verify", "--heads", str(heads)).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("list", "--organisation", "nowhere"), "Organisation not found"),
        (("list", "--from", "yesterday"), "not an RFC 3339 timestamp"),
        (("verify", "--organisation", "nowhere"), "Organisation not found"),
        (("head", "--organisation", "nowhere"), "Organisation not found"),
        (("verify", "--head", f"7:{bytes(32).hex()}"), "name it with --organisation"),
        (("verify", "--organisation", "default", "--head", "7"), "must be NUMBER:HASH"),
    ],
)
def test_a_command_that_cannot_be_understood_is_refused(
    run: Callable[..., Result], arguments: tuple[str, ...], sentence: str
) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert sentence in result.output


def test_the_tenant_role_may_add_and_read_lines_and_no_more(fresh_database: Callable[[str], str]) -> None:
    with closing(open_store(make_settings(fresh_database("postgresql")))) as store, store.system().snapshot() as tx:
        granted = {
            privilege
            for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
            if tx.execute(text(f"SELECT has_table_privilege('{TENANT}', 'audit', '{privilege}')")).scalar()
        }
    assert granted == {"SELECT", "INSERT"}
