"""PgBouncer in transaction mode between the server and PostgreSQL, with fewer server connections than clients."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from tests.conftest import Clock, close_store, make_settings
from tests.scale.postgres import Server, wait_until, workplace
from tests.servers import RunningServer, free_port

POOL = 2
"""Server connections for all clients."""
EVENTS = "/api/v1/events/"
FIGURES = "/api/v1/metrics/factory"


class Pooler:
    """PgBouncer before a server, all of whose databases it serves."""

    def __init__(self, directory: Path, server: Server) -> None:
        self.port = free_port()
        configuration = directory / "pgbouncer.ini"
        # auth_type any is for the test: whoever comes is the superuser of the server behind.
        configuration.write_text(
            f"""[databases]
* = host=127.0.0.1 port={server.port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {POOL}
max_client_conn = 200
logfile = {directory / "pgbouncer.log"}
"""
        )
        user = "nobody" if os.geteuid() == 0 else None
        self.process = subprocess.Popen(
            ["pgbouncer", "--quiet", str(configuration)],
            user=user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self.answers, "PgBouncer answers")

    def answers(self) -> bool:
        try:
            self.connect("postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def connect(self, database: str) -> Any:
        return psycopg2.connect(host="127.0.0.1", port=self.port, user="postgres", dbname=database)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def pooler(primary: Server) -> Iterator[Pooler]:
    if shutil.which("pgbouncer") is None:
        pytest.skip("PgBouncer (the program pgbouncer) is not installed")
    with workplace() as directory:
        started = Pooler(directory, primary)
        yield started
        started.stop()


def event(number: int, minute: int = 0) -> dict[str, Any]:
    kinds = ("working", "idle", "product_count")
    return {
        "timestamp": f"2026-01-15T{8 + number % 3:02}:{minute:02}:{number % 60:02}Z",
        "worker_id": f"W{number % 5}",
        "workstation_id": f"S{number % 3}",
        "event_type": kinds[number % 3],
        "event_id": str(number),
        **({"count": number % 7} if number % 3 == 2 else {}),
    }


def test_a_session_option_in_the_first_message_is_refused_without_the_setting(
    pooler: Pooler, new_database: Callable[[], str]
) -> None:
    with closing_app(pooler.url(new_database()), DB_POOLER="none", AUTO_MIGRATE="false") as client:
        assert client.get("/api/v1/health/ready").status_code == 503


def test_all_that_is_sent_through_a_pooler_by_several_processes_is_counted_once(
    pooler: Pooler, primary: Server, new_database: Callable[[], str], tmp_path: Path
) -> None:
    through, beside = new_database(), new_database()
    options = {"ENVIRONMENT": "development", "DB_POOLER": "transaction", "WEB_WORKERS": "3"}
    batches = [[event(n, n % 50) for n in range(low, low + 300)] for low in range(0, 1800, 300)]
    late = [event(n, n % 50) for n in range(0, 1800, 7)]  # each of them a duplicate
    singles = [event(n, 55) for n in range(2000, 2060)]

    with (
        RunningServer(pooler.url(through), tmp_path / "server.log", **options) as server,
        ThreadPoolExecutor(8) as pool,
    ):
        replies = [pool.submit(server.post_json, f"{EVENTS}batch", batch) for batch in reversed(batches)]
        replies += [pool.submit(server.post_json, EVENTS, one) for one in singles]
        reads = [pool.submit(server.request, "GET", FIGURES) for _ in range(20)]
        assert {reply.result().status for reply in replies} == {201}
        assert {read.result().status for read in reads} == {200}
        again = [pool.submit(server.post_json, f"{EVENTS}batch", late) for _ in range(4)]
        assert {reply.result().body["duplicate_count"] for reply in again} == {len(late)}
        figures = server.request("GET", f"{FIGURES}?to=2026-01-15T12:00:00Z").body["data"]
        listed = server.request("GET", f"{EVENTS}?limit=1000").body["data"]

    with closing_app(primary.url(beside)) as client:
        for batch in [*batches, singles]:
            assert client.post(f"{EVENTS}batch", json=batch).status_code == 201
        assert client.get(f"{FIGURES}?to=2026-01-15T12:00:00Z").get_json()["data"] == figures
    assert figures["total_events"] == 1860
    assert len(listed) == 1000
    assert primary.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'factory'") <= POOL + 3
    check = run_factory(pooler.url(through), "verify")
    assert check.returncode == 0, check.stderr


def run_factory(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": url, "DB_POOLER": "transaction"}
    command = [sys.executable, "-m", "factory.cli.main", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@contextmanager
def closing_app(url: str, **options: str) -> Iterator[FlaskClient]:
    from factory.app import create_app

    app = create_app(make_settings(url, **options), clock=Clock())
    yield app.test_client()
    close_store(app.extensions["factory_store"])


def test_an_empty_database_is_migrated_through_a_pooler(pooler: Pooler, primary: Server) -> None:
    primary.ask("CREATE DATABASE bare")
    try:
        assert run_factory(pooler.url("bare"), "db", "upgrade").returncode == 0
        check = run_factory(pooler.url("bare"), "db", "check")
        assert (check.returncode, check.stderr) == (0, "")
    finally:
        primary.ask("DROP DATABASE bare WITH (FORCE)")


def test_nothing_of_an_organisation_stays_on_a_shared_connection(
    pooler: Pooler, new_database: Callable[[], str]
) -> None:
    from factory.store import factories, open_store
    from factory.store.access import organisations

    name = new_database()
    state = """SELECT current_user || ' ' || coalesce(current_setting('factory.organisation', true), '') || ' '
        || coalesce(current_setting('factory.writes', true), '') || ' ' || current_setting('statement_timeout') || ' '
        || (SELECT count(*) FROM pg_class WHERE relpersistence = 't')"""
    with closing(open_store(make_settings(pooler.url(name), DB_POOLER="transaction"))) as store:
        with store.system().writing() as tx:
            organisations.add(tx, "other", "Other")
            other = organisations.find(tx, "other").organisation_key
        with store.acting_for(other).writing() as tx:
            factories.add(tx, {**FACTORY, "factory_id": "theirs"})

        def work(number: int) -> None:
            organisation = (store.organisation, other)[number % 2]
            mine = ("default", "theirs")[number % 2]
            acting = store.acting_for(int(organisation or 0))
            with acting.writing() as tx:
                timeout = tx.execute(text("SHOW statement_timeout")).scalar_one()
                seen = tx.execute(text("SELECT array_agg(factory_id) FROM factories")).scalar_one()
                assert (seen, timeout) == ([mine], "30s")

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(work, range(200)))

    plain = [pooler.connect(name) for _ in range(POOL)]
    for connection in plain:  # both at once: every server connection there is
        cursor = connection.cursor()
        cursor.execute(state)
        assert cursor.fetchone() == ("postgres   0 0",)
    for connection in plain:
        connection.close()


FACTORY = {
    "name": "Theirs",
    "time_zone": "UTC",
    "state_timeout_seconds": 3600,
    "shifts": json.dumps([]),
}
