"""Row-level security on PostgreSQL holds where a statement forgets to say whose rows it means."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, Table, delete, event, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from tests.access.conftest import population_of
from tests.access.plant import Headers, bearer, filled
from tests.access.population import Population
from tests.access.strangers import BASE, ROUTES, Route
from tests.conftest import NOON, make_settings

from factory.domain.access.permissions import Actor
from factory.domain.states.time_ranges import TimeRanges
from factory.operations.audit_trail import record
from factory.store import Store, factories, open_store
from factory.store.access import audit_log
from factory.store.engine import postgresql, postgresql_arrays
from factory.store.engine.postgresql import TENANT
from factory.store.engine.row_security import NOT_FOR_TENANTS, OF_A_FACTORY, OF_AN_ORGANISATION, OF_THE_TRAIL
from factory.store.engine.tenant import acting_organisation
from factory.store.events import event_listing, event_log, id_registry
from factory.store.schema import exists_on, metadata

PLANT = "plant"
OURS, THEIRS = "ACME", "GLOBEX"
THINGS = {"factory_id": PLANT, "worker_id": "W1", "workstation_id": "S1"}
TABLES = {name: table for name, table in metadata.tables.items() if exists_on(table, "postgresql")}
PROTECTED = (*OF_A_FACTORY, *OF_AN_ORGANISATION, *OF_THE_TRAIL)
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


Guarded = Callable[..., Iterator[Flask]]


class Tenants:
    """Two organisations with the same ids for everything, told apart by texts in which ids may differ."""

    def __init__(self, app: Flask) -> None:
        self.people: Population = population_of(app)
        self.store: Store = self.people.store
        self.client = app.test_client(use_cookies=False)
        self.keys: dict[str, int] = {}
        self.sites: dict[str, factories.Factory] = {}
        self.admin: dict[str, Headers] = {}
        self.machine: dict[str, Headers] = {}
        for number, name in enumerate((OURS, THEIRS)):
            self._fill(name, number)

    def _fill(self, name: str, number: int) -> None:
        people = self.people
        key = self.keys[name] = people.organisation(name.lower())
        people.factory(key, PLANT, name=f"{name} plant")
        self.admin[name] = {**bearer(people.token(key, {"*": "admin"}, name=f"{name} Admin")), "X-Factory-ID": PLANT}
        self.machine[name] = bearer(people.key(key, PLANT, "ingest", name=f"{name} camera").text)
        kinds = ("working", "product_count", "idle", "working")
        events = [
            {
                "timestamp": f"2026-01-15T{8 + hour:02d}:{10 + 7 * number}:00Z",
                "worker_id": "W1",
                "workstation_id": "S1",
                "event_type": kind,
                "event_id": f"{name}-{hour}-{kind}",
                "source_id": f"{name}-camera",
                "model_version": name,
            }
            for hour, kind in enumerate(kinds)
        ]
        # A second one at an instant stands in another table.
        events.append({**events[1], "event_id": f"{name}-beside"})
        stored = self.client.post(f"{BASE}/events/batch", json=events, headers=self.machine[name])
        assert stored.status_code == 201, stored.text
        with people.store.acting_for(key).writing() as tx:
            site = self.sites[name] = factories.find(tx, PLANT)
            for kind, entity in (("worker", "W1"), ("workstation", "S1")):
                id_registry.change(tx, site.factory_key, kind, entity, {"name": f"{name} thing"})
            by = Actor(name=f"{name}@example.org", organisation=key, now=NOON)
            record(tx, by, "key.created", factory_key=site.factory_key, detail={"of": name})
            values = {"factory_key": site.factory_key, "digest": name.encode(), "erased_at": NOON}
            tx.execute(insert(TABLES["erased_workers"]).values(values))
            user_key = tx.execute(select(TABLES["users"].c.user_key)).scalars().first()
            owned = {"organisation_key": key, "user_key": user_key}
            tx.execute(insert(TABLES["recovery_codes"]).values({**owned, "code_hash": name.encode()}))
            tx.execute(insert(TABLES["openid_links"]).values({**owned, "issuer": "https://i.example", "subject": name}))
            # What waits to be derived, in a table of its own.
            tx.execute(text("INSERT INTO pending VALUES (:factory_key, -1, 1, '')"), values)
        read = self.client.get(f"{BASE}/metrics/factory", headers=self.admin[name])
        assert read.get_json()["data"]["total_events"] == len(events)

    def ask(self, route: Route, headers: Headers) -> Any:
        things = {**THINGS, "unique": "1"}
        query, body = (
            filled(route.query, things),
            None if route.body is None else filled(json.dumps(route.body), things),
        )
        return self.client.open(
            filled(BASE + route.rule, things),
            method=route.method,
            query_string=query or None,
            json=body,
            headers=headers,
        )

    def rows_of(self, name: str) -> dict[str, list[Any]]:
        """All that the database has of an organisation."""
        with self.store.system().snapshot() as tx:
            return {
                table: sorted((tuple(row) for row in tx.execute(self.select(table, name))), key=repr)
                for table in PROTECTED
            }

    def select(self, table: str, name: str) -> Any:
        columns = TABLES[table].c
        if table in OF_A_FACTORY:
            return select(TABLES[table]).where(columns.factory_key == self.sites[name].factory_key)
        return select(TABLES[table]).where(columns.organisation_key == self.keys[name])

    def ours(self) -> Store:
        return self.store.acting_for(self.keys[OURS])


def open_tenants(database_url: str, guarded: Guarded) -> Iterator[Tenants]:
    for app in guarded(database_url, DEMO_MODE="true", K_MIN="1", ACCESS_CACHE_SECONDS="0"):
        yield Tenants(app)


@pytest.fixture(scope="module")
def tenants(fresh_database: Callable[[str], str], guarded: Guarded) -> Iterator[Tenants]:
    """Shared by the tests that change nothing that matters to another."""
    yield from open_tenants(fresh_database("postgresql"), guarded)


@pytest.fixture
def own_tenants(fresh_database: Callable[[str], str], guarded: Guarded) -> Iterator[Tenants]:
    yield from open_tenants(fresh_database("postgresql"), guarded)


# Without the conditions of the store's own statements

_FILTER = re.compile(r"\b((?:\w+\.)?(?:factory_key|organisation_key)) = (?:%\(\w+\)s(?:::\w+)?|:\w+\b)")


def unfiltered(statement: str) -> str:
    """Return the statement so that it asks for nobody's rows in particular."""
    return statement if statement.lstrip().startswith("INSERT") else _FILTER.sub(r"\1 IS NOT NULL", statement)


@contextmanager
def without_filters(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """Take factory and organisation out of every condition of a tenant's statements; yield how many were changed."""
    removed = 0

    def rewrite(statement: str, tx: Connection) -> str:
        nonlocal removed
        if acting_organisation(tx) is None:
            return statement
        changed = unfiltered(statement)
        removed += changed != statement
        return changed

    copied = postgresql_arrays._copied

    def before(tx: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        return rewrite(statement, tx), parameters

    with monkeypatch.context() as patch:
        patch.setattr(
            postgresql_arrays, "_copied", lambda tx, query, parameters: copied(tx, rewrite(query, tx), parameters)
        )
        event.listen(tenants.store.engine, "before_cursor_execute", before, retval=True)
        yield lambda: removed
        event.remove(tenants.store.engine, "before_cursor_execute", before)


READS = [route for route in ROUTES if route.method == "GET" and route.needed not in ("public", "organisations")]


TELL_WHO_READ = ("/audit/", "/workers/{worker_id}/views", "/workers/{worker_id}/data")


def content(reply: Any) -> tuple[int, Any]:
    if not reply.is_json:
        return reply.status_code, reply.text
    body = reply.get_json()
    return reply.status_code, {name: value for name, value in body.items() if name not in ("timestamp", "request_id")}


def readable(route: Route) -> bool:
    """Return whether the route's example names only things that both organisations have."""
    return not re.search(r"\{(user|key|organisation)_id\}", route.rule)


def test_with_every_filter_removed_nothing_of_another_organisation_is_read(
    tenants: Tenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = [route for route in READS if readable(route)]
    before = [content(tenants.ask(route, tenants.admin[OURS])) for route in routes]
    assert {(r.rule, reply[0]) for r, reply in zip(routes, before, strict=True) if reply[0] != 200} == set()
    assert OURS in str(before)
    assert THEIRS not in str(before)
    with without_filters(tenants, monkeypatch) as removed:
        for route, expected in zip(routes, before, strict=True):
            count = removed()
            found = content(tenants.ask(route, tenants.admin[OURS]))
            assert found == expected or route.rule in TELL_WHO_READ, route
            assert THEIRS not in str(found), route
            assert removed() > count, f"{route}: no filter was removed, this holds nothing"


def test_without_row_security_the_same_requests_do_read_it(tenants: Tenants, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "act_for", lambda _tx, _organisation: None)
    with without_filters(tenants, monkeypatch):
        told = [str(content(tenants.ask(route, tenants.admin[OURS]))) for route in READS if readable(route)]
    assert sum(THEIRS in answer for answer in told) >= 5


def ask_all(tenants: Tenants, routes: Iterable[Route]) -> str:
    """All that the routes answer to our administrator, and to a machine of ours."""
    told = []
    for route in routes:
        ends = route.rule.startswith("/session")  # the session that the others need
        if route.needed not in ("public", "organisations") and readable(route) and not ends:
            headers = tenants.machine[OURS] if route.by == "ingest" else tenants.admin[OURS]
            told.append(tenants.ask(route, headers).text)
    return "".join(told)


def test_with_every_filter_removed_nothing_of_another_organisation_is_changed(
    own_tenants: Tenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = own_tenants.rows_of(THEIRS)
    with without_filters(own_tenants, monkeypatch) as removed:
        ask_all(own_tenants, [route for route in ROUTES if route.method != "GET"])
        assert removed() > 25
    assert own_tenants.rows_of(THEIRS) == before


# With another's keys in the conditions


@pytest.mark.parametrize("secure", [True, False], ids=["with", "without"])
def test_a_request_that_takes_anothers_factory_for_its_own_reads_and_changes_nothing_there(
    own_tenants: Tenants, monkeypatch: pytest.MonkeyPatch, secure: bool
) -> None:
    before = own_tenants.rows_of(THEIRS)
    monkeypatch.setattr(factories, "find", lambda _tx, _factory_id: own_tenants.sites[THEIRS])
    if not secure:  # that this test would find it
        monkeypatch.setattr(postgresql, "act_for", lambda _tx, _organisation: None)
    own_tenants.store.id_cache.clear()
    own_tenants.store.factory_keys.clear()
    # What `find` answers is not of the database here: the name of a factory.
    told = ask_all(own_tenants, ROUTES).replace(f"{THEIRS} plant", "")
    assert (THEIRS not in told) is secure
    assert (own_tenants.rows_of(THEIRS) == before) is secure


def test_the_stores_functions_find_nothing_by_the_keys_of_another(tenants: Tenants) -> None:
    store, site = tenants.ours(), tenants.sites[THEIRS]
    key, low, high = site.factory_key, 0, NOON
    everybody = TimeRanges.of_each([1, 2, 3], low, high)
    page = event_listing.Filters(low, high)
    reads: dict[str, Callable[[Connection, Store], int]] = {
        "registry": lambda tx, _: len(id_registry.rows_of(tx, key, "worker")),
        "one of a registry": lambda tx, _: id_registry.row_of(tx, key, "worker", "W1") is not None,
        "names": lambda tx, _: len(id_registry.names_of(tx, key, "source")) - 1,
        "events of a page": lambda tx, store: len(event_listing.page(store, tx, key, page, None, 10)),
        "events": lambda tx, store: len(event_log.in_ranges(store, tx, key, everybody).time),
        "counted events": lambda tx, store: len(event_log.count_in_ranges(store, tx, key, everybody)[0]),
        "events by hour": lambda tx, _: len(event_log.events_by_hour(tx, key)),
        "lines of the trail": lambda tx, _: len(
            audit_log.lines(tx, tenants.keys[THEIRS], audit_log.Filters(), before=None, limit=10)
        ),
        "the end of the trail": lambda tx, _: audit_log.head(tx, tenants.keys[THEIRS])[0],
    }
    for name, read in reads.items():
        with store.snapshot() as tx:
            assert read(tx, store) == 0, name
        with tenants.store.system().snapshot() as tx:
            assert read(tx, tenants.store.system()) > 0, f"{name}: there is nothing to find, this holds nothing"


# Table by table


def test_every_table_is_in_exactly_one_list() -> None:
    listed = [*PROTECTED, *NOT_FOR_TENANTS, "derivation_lock"]
    assert sorted(listed) == sorted({*TABLES, "alembic_version"})


@pytest.mark.parametrize("table", PROTECTED)
def test_a_statement_without_condition_meets_own_rows_only(tenants: Tenants, table: str) -> None:
    theirs = tenants.rows_of(THEIRS)[table]
    count = len(tenants.rows_of(OURS)[table])
    assert min(count, len(theirs)) > 0, f"{table}: without rows of both this holds nothing"
    changed = TABLES[table].c[list(TABLES[table].c.keys())[-1]]
    with tenants.ours().writing() as tx:
        assert tx.execute(select(func.count()).select_from(TABLES[table])).scalar() == count
    for statement in (update(TABLES[table]).values({changed: changed}), delete(TABLES[table])):
        assert matched(tenants.ours(), statement) in (count, None)
    assert tenants.rows_of(THEIRS)[table] == theirs


def matched(store: Store, statement: Any) -> int | None:
    """Count the rows that a statement meets, and take it back; None where it is not allowed at all."""
    try:
        with store.writing() as tx:
            found: int = tx.execute(statement).rowcount
            raise _TakenBack
    except _TakenBack:
        return found
    except DBAPIError as error:
        if re.search("permission denied|violates foreign key", str(error)):
            return None
        raise


class _TakenBack(Exception):
    pass


@pytest.mark.parametrize("table", PROTECTED)
def test_a_row_of_another_cannot_be_inserted_nor_made_of_an_own_one(tenants: Tenants, table: str) -> None:
    before = tenants.rows_of(THEIRS)
    column = "factory_key" if table in OF_A_FACTORY else "organisation_key"
    theirs = tenants.sites[THEIRS].factory_key if table in OF_A_FACTORY else tenants.keys[THEIRS]
    row = copy_of_own(tenants, TABLES[table])
    for statement in (
        insert(TABLES[table]).values({**row, column: theirs}),
        update(TABLES[table]).values({column: theirs}),
    ):
        with pytest.raises(DBAPIError, match=r"row-level security|permission denied"), tenants.ours().writing() as tx:
            tx.execute(statement)
    assert tenants.rows_of(THEIRS) == before


def copy_of_own(tenants: Tenants, table: Table) -> dict[str, Any]:
    with tenants.store.system().snapshot() as tx:
        row = tx.execute(tenants.select(table.name, OURS)).mappings().first()
    assert row is not None, f"{table.name}: without a row this holds nothing"
    # Other keys, so that nothing but the policy stands in the way.
    return {name: another(value) if table.c[name].unique else value for name, value in row.items()}


def another(value: Any) -> Any:
    return f"{value}-2" if isinstance(value, str) else value + 1000 if isinstance(value, int) else value


def test_the_events_can_be_read_by_the_view_only_and_there_only_own_ones(tenants: Tenants) -> None:
    with tenants.ours().snapshot() as tx:
        ids = set(tx.execute(text("SELECT event_id FROM events")).scalars())
    assert len(ids) == 5
    assert all(one.startswith(OURS) for one in ids)
    for table in ("events_first_rows", "events_beside_rows"):
        for statement in (
            f"SELECT * FROM {table}",
            f"SELECT count(*) FROM {table}",
            f"UPDATE {table} SET units = 0",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"COPY {table} TO STDOUT",
            f"COPY (SELECT * FROM {table}) TO STDOUT",
        ):
            with pytest.raises(DBAPIError, match="permission denied"), tenants.ours().writing() as tx:
                tx.execute(text(statement))


@pytest.mark.parametrize("table", ["events_first_rows", "events_beside_rows"])
@pytest.mark.parametrize("announced", ["own", "none", "theirs"])
def test_foreign_events_cannot_be_copied_or_inserted(tenants: Tenants, table: str, announced: str) -> None:
    before = tenants.rows_of(THEIRS)
    theirs = tenants.sites[THEIRS].factory_key
    values = (theirs, 1, 1, 9, 1, 1, 1, 1, 1, -1, "foreign")
    columns = (
        "factory_key, event_time, received_at, worker_key, event_type, station_key, source_key, units, model_key, "
        "confidence, event_id"
    )

    def announce(tx: Connection) -> None:
        factory = {"own": tenants.sites[OURS].factory_key, "theirs": theirs}.get(announced)
        if factory is not None:
            postgresql.lock_factory_shared(tx, factory)

    def copy(tx: Connection) -> None:
        lines = io.StringIO("\t".join(map(str, values)) + "\n")
        tx.connection.cursor().copy_expert(f"COPY {table} ({columns}) FROM STDIN", lines)

    def add(tx: Connection) -> None:
        shown = ", ".join(map(repr, values))
        tx.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({shown})"))

    for write in (copy, add):
        with pytest.raises(Exception, match="does not write"), tenants.ours().writing() as tx:  # noqa: PT012
            announce(tx)
            write(tx)
    assert tenants.rows_of(THEIRS) == before


def test_nobody_writes_lines_into_the_trail_of_another(tenants: Tenants) -> None:
    before = tenants.rows_of(THEIRS)
    foreign = Actor(name="mallory", organisation=tenants.keys[THEIRS], now=NOON)
    with pytest.raises(Exception, match=r"No row|row-level security"), tenants.ours().writing() as tx:
        record(tx, foreign, "key.created")
    line = audit_log.Line(tenants.keys[THEIRS], 2, NOON, None, "mallory", "key.created", "", "{}", "", "", bytes(32))
    with pytest.raises(DBAPIError, match="row-level security"), tenants.ours().writing() as tx:
        tx.execute(insert(TABLES["audit"]).values(line._asdict()))
    assert tenants.rows_of(THEIRS) == before


def test_a_membership_that_another_organisation_wrote_is_worth_nothing(tenants: Tenants) -> None:
    people = tenants.people
    user = people.user(tenants.keys[THEIRS], {})
    headers = {**bearer(people.session(user).token), "X-Factory-ID": PLANT}
    with tenants.ours().writing() as tx:  # a foreign key knows no policy
        values = {"user_key": user.user_key, "factory_key": 0, "role": "admin", "organisation_key": tenants.keys[OURS]}
        tx.execute(insert(TABLES["memberships"]).values(values))
    assert tenants.client.get(f"{BASE}/metrics/factory", headers=headers).status_code == 404


# The role


def test_the_role_of_tenants_can_bypass_nothing_and_owns_nothing(tenants: Tenants) -> None:
    with tenants.store.system().snapshot() as tx:
        role = tx.execute(text(f"SELECT * FROM pg_roles WHERE rolname = '{TENANT}'")).mappings().one()
        may = {name for name in role if name.startswith("rol") and role[name] is True}
        assert may == set()
        # Here: elsewhere on the server a test may have left a temporary table of repeated events.
        owned = text(
            f"SELECT * FROM pg_shdepend WHERE refobjid = '{TENANT}'::regrole AND deptype = 'o' "
            "AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        assert tx.execute(owned).all() == []
        member_of = text(f"SELECT * FROM pg_auth_members WHERE member = '{TENANT}'::regrole")
        assert tx.execute(member_of).all() == []
        assert not tx.execute(text(f"SELECT has_schema_privilege('{TENANT}', 'public', 'CREATE')")).scalar()


def test_the_role_of_tenants_has_these_privileges_and_no_others(tenants: Tenants) -> None:
    everything = {"SELECT", "INSERT", "UPDATE", "DELETE"}
    expected: dict[str, set[str]] = {
        **dict.fromkeys((*OF_A_FACTORY, *OF_AN_ORGANISATION), everything),
        **{table: set(allowed.split(", ")) for table, allowed in OF_THE_TRAIL.items()},
        **{table: set() for table in NOT_FOR_TENANTS},
        "events_first_rows": {"INSERT"},
        "events_beside_rows": {"INSERT"},
        "derivation_lock": {"SELECT", "UPDATE", "DELETE"},
        "events": {"SELECT"},
    }
    relations = text(
        "SELECT relname, relrowsecurity FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind IN ('r', 'p', 'v', 'm', 'f')"
    )
    with tenants.store.system().snapshot() as tx:
        found, secured = {}, set()
        for name, secure in tx.execute(relations).all():
            ask = f"SELECT has_table_privilege('{TENANT}', '{name}', '{{}}')"
            found[name] = {privilege for privilege in PRIVILEGES if tx.execute(text(ask.format(privilege))).scalar()}
            secured |= {name} if secure else set()
    assert found == expected
    assert secured == set(PROTECTED)


def test_a_connection_that_goes_back_to_the_pool_keeps_neither_role_nor_organisation(tenants: Tenants) -> None:
    url = tenants.store.engine.url.render_as_string(hide_password=False)
    settings = (f"current_setting('factory.{name}', true)" for name in ("organisation", "writes"))
    question = f"SELECT current_user, {', '.join(settings)}"
    with closing(open_store(make_settings(url, DB_POOL_SIZE="1", DB_MAX_OVERFLOW="0"))) as store:
        ours = store.acting_for(tenants.keys[OURS])

        def fails() -> None:
            with ours.writing() as tx:
                postgresql.lock_factory_shared(tx, tenants.sites[OURS].factory_key)
                tx.execute(text("SELECT 1 / 0"))

        def refused() -> None:
            with ours.writing() as tx:
                tx.execute(text("SELECT * FROM sign_in_failures"))

        def succeeds() -> None:
            with ours.writing() as tx:
                user, organisation, _ = tx.execute(text(question)).one()
                assert (user, organisation) == (TENANT, str(tenants.keys[OURS]))
                postgresql.lock_factory_shared(tx, tenants.sites[OURS].factory_key)

        backends = set()
        for work in (succeeds, fails, refused, succeeds):
            if work is succeeds:
                work()
            else:
                with pytest.raises(DBAPIError):
                    work()
            with store.engine.connect() as connection:
                user, organisation, writes = connection.execute(text(question)).one()
                backends.add(connection.execute(text("SELECT pg_backend_pid()")).scalar())
            assert user != TENANT
            assert organisation in (None, "")
            assert writes in (None, "")
        assert len(backends) == 1, "not the same connection: this holds nothing"


def test_a_transaction_that_names_no_organisation_sees_nothing(tenants: Tenants) -> None:
    with tenants.store.engine.connect() as connection, connection.begin():
        connection.execute(text(f"SET LOCAL ROLE {TENANT}"))
        for table in PROTECTED:
            assert connection.execute(select(func.count()).select_from(TABLES[table])).scalar() == 0, table
