"""Several servers start at once on one empty store: one migrates, all serve, nothing is there twice."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text
from tests.servers import RunningServer

SERVERS = 4


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a store without any table; for SQLite there is not even a file or its directory."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/var/factory.db"
        return
    server = make_url(request.getfixturevalue("postgresql_server")).set(drivername="postgresql+psycopg2")
    name = f"empty_{uuid4().hex[:12]}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def in_parallel(calls: list[Callable[[], object]]) -> None:
    errors: list[BaseException] = []

    def run(call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_servers_that_start_at_once_on_an_empty_store_all_serve_it(empty_store: str, tmp_path: Path) -> None:
    servers = [
        RunningServer(empty_store, tmp_path / f"server-{number}.log", WEB_WORKERS="2") for number in range(SERVERS)
    ]
    try:
        in_parallel([server.start for server in servers])
        for number, server in enumerate(servers):
            [factory] = server.request("GET", "/api/v1/factories/").body["data"]
            assert factory["factory_id"] == "default"
            event = {
                "timestamp": f"2026-01-15T10:0{number}:00Z",
                "worker_id": "W1",
                "workstation_id": "S1",
                "event_type": "working",
            }
            assert server.post_json("/api/v1/events/", event).status == 201
        for server in servers:
            # Each answer includes what the other servers acknowledged.
            assert server.request("GET", "/api/v1/metrics/factory").body["data"]["total_events"] == SERVERS
            assert "Traceback" not in server.read_log()
    finally:
        for server in servers:
            server.kill()
    check = subprocess.run(
        [sys.executable, "-m", "factory.cli.main", "db", "check"],
        env=servers[0].environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stdout + check.stderr
