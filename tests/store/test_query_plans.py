"""On hot paths no statement reads a large table from end to end: it finds what it needs by the primary key.

Each statement that a request sends is explained where it is sent, in its own transaction, with its own
parameters, over 200,000 events and all that is derived from them. PostgreSQL's statistics are of a time when
there were few rows, as they are when a plant has begun an hour ago, or fresh.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg2.extensions
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, text
from tests.conftest import Clock, close_store, make_settings

from factory.app import create_app
from factory.domain.timestamp import DAY, MINUTE, SECOND, format_timestamp

WORKERS, STATIONS, BATCHES, BATCH = 100, 10, 20, 10_000
NARROW = {"events": "worker_key", "intervals": "worker_key", "rollups": "level"}
"""The large tables, and how far into its primary key a statement must reach."""
NAME = re.compile(rf"\b({'|'.join(NARROW)})\b(?: AS)?(?: (?!WHERE|SET|ON|ORDER|GROUP)(\w+))?")


class Step(NamedTuple):
    """A statement's way to read a large table."""

    table: str
    narrow: bool
    plan: str
    statement: str


class Plans:
    """The steps of the statements that were sent while they were watched."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.watching = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        self.steps.clear()
        self.watching = True
        yield
        self.watching = False

    def wide(self) -> list[Step]:
        return [step for step in self.steps if not step.narrow]

    def tables(self) -> set[str]:
        return {step.table for step in self.steps}


def explain_in_postgresql(plans: Plans, engine: Any) -> None:
    class Explaining(psycopg2.extensions.cursor):
        def execute(self, query: Any, parameters: Any = None) -> None:
            self._explain(self.mogrify(query, parameters).decode())
            super().execute(query, parameters)

        def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
            if copied := re.fullmatch(r"COPY \((.*)\) TO STDOUT \(FORMAT binary\)", sql, re.DOTALL):
                self._explain(copied[1])
            super().copy_expert(sql, file, size)

        def _explain(self, statement: str) -> None:
            if plans.watching and re.match(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b", statement):
                with self.connection.cursor(cursor_factory=psycopg2.extensions.cursor) as cursor:
                    cursor.execute("EXPLAIN (FORMAT JSON) " + statement)
                    found(cursor.fetchone()[0][0]["Plan"], statement)

    def found(node: dict[str, Any], statement: str) -> None:
        for child in node.get("Plans", []):
            # The table of a bitmap of places stands above the index scans that find them.
            above = {"Relation Name": node["Relation Name"]} if node["Node Type"] == "Bitmap Heap Scan" else {}
            found(above | child, statement)
        table = next((name for name in NARROW if node.get("Relation Name", "").startswith(name)), None)
        if table and "Scan" in node["Node Type"] and node["Node Type"] != "Bitmap Heap Scan":
            narrow = NARROW[table] in str(node.get("Index Cond"))
            plan = json.dumps({name: value for name, value in node.items() if name != "Plans"})
            plans.steps.append(Step(table, narrow, plan, statement))

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.cursor_factory = Explaining


def explain_in_sqlite(plans: Plans, engine: Any) -> None:
    @event.listens_for(engine, "before_cursor_execute")
    def executes(_tx: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if not plans.watching or not re.match(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b", statement):
            return
        tables = {alias or table: table for table, alias in NAME.findall(statement)}
        one = parameters[0] if many else parameters
        for *_, plan in cursor.connection.cursor().execute("EXPLAIN QUERY PLAN " + statement, one):
            how, _, rest = plan.partition(" ")
            table = tables.get(rest.split()[0])
            if how in ("SCAN", "SEARCH") and table is not None:
                narrow = how == "SEARCH" and "USING PRIMARY KEY" in plan and f"{NARROW[table]}=?" in plan
                plans.steps.append(Step(table, narrow, plan, statement))


class Plant(NamedTuple):
    app: Flask
    client: FlaskClient
    plans: Plans
    clock: Clock


def events_of(first: int, count: int, clock: Clock, late: int = 0) -> list[dict[str, Any]]:
    """Events in time order up to now: every worker each five minutes through a week, each tenth time twice at once."""
    gap = 7 * DAY // (BATCHES * BATCH)
    kinds = ("working", "product_count", "working", "idle", "product_count", "absent")

    def time(n: int) -> int:
        return clock.now - 7 * DAY + (n - WORKERS * (n // WORKERS % 10 == 9)) * gap - late

    return [
        {
            "timestamp": format_timestamp(time(n)),
            "worker_id": f"W{n % WORKERS}",
            "workstation_id": f"S{n % STATIONS}",
            "event_type": kinds[(n // WORKERS) % len(kinds)],
            "source_id": f"camera {n % STATIONS}",
        }
        for n in range(first, first + count)
    ]


def analyze(app: Flask) -> None:
    with app.extensions["factory_store"].system().writing() as tx:
        tx.execute(text("ANALYZE"))


def send(client: FlaskClient, events: list[dict[str, Any]]) -> None:
    assert client.post("/api/v1/events/batch", json=events).status_code in (200, 201)


@pytest.fixture(scope="module", params=["sqlite", "postgresql, few rows analysed", "postgresql, analysed"])
def plant(request: pytest.FixtureRequest, fresh_database: Callable[[str], str]) -> Iterator[Plant]:
    clock, plans = Clock(), Plans()
    store_name, _, analysed = request.param.partition(", ")
    app = create_app(make_settings(fresh_database(store_name)), clock=clock)
    store = app.extensions["factory_store"]
    store.close()  # what is connected from here on is watched
    (explain_in_sqlite if store_name == "sqlite" else explain_in_postgresql)(plans, store.engine)
    client = app.test_client()
    send(client, events_of(0, 100, clock))
    assert client.get("/api/v1/metrics/factory").status_code == 200
    if analysed:
        analyze(app)
        with store.system().writing() as tx:
            large = [f"{table}%" for table in NARROW]  # with the partitions that they may have
            tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE ANY (:large)"
            for (table,) in tx.execute(text(tables), {"large": large}).all():
                tx.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = false)"))
    for batch in range(BATCHES):
        send(client, events_of(batch * BATCH, BATCH, clock))
    assert client.get("/api/v1/metrics/factory").status_code == 200
    if analysed == "analysed":
        analyze(app)
    yield Plant(app, client, plans, clock)
    close_store(store)


def test_a_statement_that_reads_a_whole_table_is_recognised(plant: Plant) -> None:
    for table in NARROW:
        for where in ("", "WHERE factory_key = 1"):
            with plant.plans.watched(), plant.app.extensions["factory_store"].snapshot() as tx:
                tx.execute(text(f"SELECT count(*) FROM {table} {where}"))
            assert {step.table for step in plant.plans.wide()} == {table}, plant.plans.steps


@pytest.mark.parametrize("late", [0, 3 * DAY + SECOND], ids=["in order", "late and again"])
def test_ingestion_and_refresh_find_rows_by_their_key(plant: Plant, late: int) -> None:
    plant.clock.now += MINUTE
    new = events_of(BATCHES * BATCH - 3000, 1000, plant.clock, late)
    with plant.plans.watched():
        send(plant.client, new)
        if late:
            send(plant.client, new[:500])
        assert plant.client.get("/api/v1/metrics/factory").status_code == 200

    assert plant.plans.wide() == []
    assert plant.plans.tables() == {"events", "intervals", "rollups"}


def test_a_single_event_finds_rows_by_their_key(plant: Plant) -> None:
    plant.clock.now += MINUTE
    (one,) = events_of(BATCHES * BATCH - 1, 1, plant.clock)
    with plant.plans.watched():
        for _ in range(2):
            assert plant.client.post("/api/v1/events/", json=one).status_code in (200, 201)
        assert plant.client.get("/api/v1/metrics/workers/W1").status_code == 200

    assert plant.plans.wide() == []


@pytest.mark.parametrize(
    "path",
    [
        "metrics/factory",
        "metrics/workers",
        "metrics/workers/W7",
        "metrics/workstations",
        "metrics/workstations/S3",
        "metrics/workers/W7/intervals",
        "metrics/workstations/S3/intervals",
        "metrics/timeseries?metric=coverage_percentage&entity=factory&bucket=hour",
        "metrics/timeseries?metric=total_units_produced&entity=worker&id=W7&bucket=day",
        "metrics/timeseries?metric=throughput_rate,event_count&entity=workstation&id=S3&bucket=15m",
        "metrics/timeline?entity=worker&id=W7,W3&from=2026-01-13T00:00:00Z",
        "metrics/timeline?entity=workstation&from=2026-01-13T00:00:00Z",
        "metrics/timeline?entity=worker&bucket=15m",
        "metrics/timeline?entity=worker&bucket=hour",
        "metrics/timeline?entity=workstation&bucket=day",
        "events/?worker_id=W7",
        "events/?worker_id=W7&event_type=idle&limit=1000",
        "events/",
    ],
)
def test_a_reading_finds_rows_by_their_key(plant: Plant, path: str) -> None:
    assert plant.client.get("/api/v1/metrics/factory").status_code == 200  # nothing waits to be derived
    window = {"from": format_timestamp(plant.clock.now - 5 * DAY - 1), "to": format_timestamp(plant.clock.now - MINUTE)}
    with plant.plans.watched():
        answer = plant.client.get("/api/v1/" + path, query_string=None if "?" in path else window)

    assert answer.status_code == 200, answer.text
    assert plant.plans.wide() == []
    assert plant.plans.steps != []


def test_the_states_now_find_rows_by_their_key_also_while_an_event_waits_for_its_time(plant: Plant) -> None:
    (one,) = events_of(BATCHES * BATCH - 1, 1, plant.clock)
    send(plant.client, [{**one, "timestamp": format_timestamp(plant.clock.now + MINUTE)}])
    assert plant.client.get("/api/v1/metrics/factory").status_code == 200
    with plant.plans.watched():
        assert plant.client.get("/api/v1/metrics/now").status_code == 200

    assert plant.plans.wide() == []
    assert plant.plans.tables() == {"events", "intervals"}
