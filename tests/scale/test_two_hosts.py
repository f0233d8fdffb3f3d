"""Two servers of several processes each, as on two hosts: they share a database and Redis, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier

import pytest
import redis
from tests.conftest import NOON, make_settings
from tests.scale.postgres import Server, wait_until
from tests.servers import Reply, RunningServer, free_port

from factory.domain.timestamp import DAY, HOUR, format_timestamp
from factory.operations.derive.refresh import BackgroundRefresher
from factory.operations.derive.retention import retain
from factory.store import Store, open_store

BASE = "/api/v1"
ACCESS = {
    "ENVIRONMENT": "staging",
    "SECRET_KEY": "a secret that both hosts have, made for this test only",
    "RATE_LIMIT_READ": "40/hour",
    "ACCESS_CACHE_SECONDS": "1",
}


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed; Debian's package of that name has it")
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen([*command, "--dir", str(tmp_path_factory.mktemp("redis"))], stdout=subprocess.DEVNULL)

    def answers() -> bool:
        try:
            with redis.Redis(port=port) as probe:
                return bool(probe.ping())
        except redis.exceptions.RedisError:
            return False

    wait_until(answers, "Redis answers")
    yield f"redis://127.0.0.1:{port}/0"
    process.kill()
    process.wait()


class Hosts:
    """Two running servers on one database; each request goes to the next one."""

    def __init__(self, url: str, servers: list[RunningServer]) -> None:
        self.url = url
        self.servers = servers

    def get(self, path: str, key: str, number: int) -> Reply:
        return self.servers[number % 2].request("GET", BASE + path, headers={"X-API-Key": key})

    def post(self, path: str, body: object, key: str, number: int) -> Reply:
        headers = {"X-API-Key": key, "Content-Type": "application/json"}
        return self.servers[number % 2].request("POST", BASE + path, json.dumps(body).encode(), headers)

    def command(self, *arguments: str) -> str:
        environment = {"PATH": os.environ["PATH"], "DATABASE_URL": self.url, **ACCESS}
        command = [sys.executable, "-m", "factory.cli.main", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    def new_key(self, scope: str) -> str:
        return self.command("key", "add", "--name", "test", "--scope", scope)


@pytest.fixture(scope="module")
def hosts(primary: Server, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    primary.ask("CREATE DATABASE shared TEMPLATE migrated")
    logs, url = tmp_path_factory.mktemp("hosts"), primary.url("shared")
    options = {**ACCESS, "WEB_WORKERS": "2", "RATE_LIMIT_STORAGE_URL": redis_url, "REFRESH_INTERVAL_SECONDS": "0.1"}
    servers = [RunningServer(url, logs / f"{name}.log", **options) for name in ("first", "second")]
    with servers[0], servers[1]:
        yield Hosts(url, servers)
    primary.ask("DROP DATABASE shared WITH (FORCE)")


def test_a_key_has_one_budget_on_all_hosts(hosts: Hosts) -> None:
    key = hosts.new_key("read")

    statuses = [hosts.get("/metrics/factory", key, number).status for number in range(60)]

    assert statuses == [200] * 40 + [429] * 20


def test_a_revoked_key_ends_on_all_hosts_within_the_time_that_is_promised(hosts: Hosts) -> None:
    key = hosts.new_key("read")
    # Enough that each of the four processes has looked it up.
    assert {hosts.get("/metrics/factory", key, number).status for number in range(16)} == {200}

    hosts.command("key", "revoke", key[: len("fk_") + 12])
    time.sleep(float(ACCESS["ACCESS_CACHE_SECONDS"]))

    assert {hosts.get("/metrics/factory", key, number).status for number in range(16)} == {401}


def test_workers_and_workstations_have_the_same_keys_on_all_hosts(hosts: Hosts, primary: Server) -> None:
    key = hosts.new_key("admin")
    now = time.time_ns() // 1000

    def send(number: int) -> Reply:
        event = {
            "timestamp": format_timestamp(now - number * 1_000_000),
            "worker_id": f"W{number % 7}",
            "workstation_id": f"S{number % 3}",
            "event_type": "product_count",
            "count": 1,
        }
        return hosts.post("/events/batch", [event], key, number)

    with ThreadPoolExecutor(8) as threads:
        assert {reply.status for reply in threads.map(send, range(84))} == {201}

    bodies = [hosts.get("/metrics/workers", key, number).body["data"] for number in range(4)]
    for rows in bodies:
        assert {row["worker_id"]: row["total_units_produced"] for row in rows} == {f"W{n}": 12 for n in range(7)}
    assert primary.ask("SELECT array_agg(worker_key ORDER BY worker_key) FROM workers", "shared") == [*range(1, 8)]


# Jobs are run once, however many processes have them


@pytest.fixture
def two_stores(primary: Server, new_database: Callable[[], str]) -> Iterator[tuple[str, Store, Store]]:
    """Yield the name of a database with 300 events that wait, and the store of each of two processes."""
    name = new_database()
    settings = make_settings(primary.url(name))
    with closing(open_store(settings)) as first, closing(open_store(settings)) as second:
        fill(primary.url(name))
        yield name, first, second


def fill(url: str) -> None:
    from factory.app import create_app

    app = create_app(make_settings(url), clock=lambda: NOON)
    events = [
        {
            "timestamp": format_timestamp(NOON - 2 * DAY + number * HOUR // 20),
            "worker_id": f"W{number % 5}",
            "workstation_id": "S1",
            "event_type": ("working", "idle")[number % 2],
        }
        for number in range(300)
    ]
    assert app.test_client().post(f"{BASE}/events/batch", json=events).status_code == 201
    app.extensions["factory_store"].close()


def at_once(*works: Callable[[], object]) -> list[object]:
    """Return the results of all works, begun at the same moment."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def test_what_one_process_has_derived_another_does_not_derive_again(
    two_stores: tuple[str, Store, Store], primary: Server
) -> None:
    name, *stores = two_stores
    first, second = (BackgroundRefresher(store) for store in stores)
    first.look()
    second.look()
    assert primary.ask("SELECT count(*) FROM rollups", name) == 0, "a first look only remembers what waits"

    at_once(first.look, second.look)

    assert primary.ask("SELECT count(*) FROM pending", name) == 0
    written = primary.ask("SELECT array_agg(DISTINCT xmin::text) FROM rollups", name)
    assert len(written) == 1, "all pages are of one transaction"
    at_once(first.look, second.look)
    assert primary.ask("SELECT array_agg(DISTINCT xmin::text) FROM rollups", name) == written


def test_two_rounds_of_retention_at_once_remove_each_event_once(
    two_stores: tuple[str, Store, Store], primary: Server
) -> None:
    name, *stores = two_stores
    before = NOON - 2 * DAY + 10 * HOUR

    def round_of(store: Store) -> Callable[[], object]:
        return lambda: retain(store=store, factory_id="default", before=before, now=NOON)

    removed = at_once(*map(round_of, stores))

    assert sum(map(int, map(str, removed))) == 200
    assert primary.ask("SELECT count(*) FROM events", name) == 100
