"""Two organisations ask and write at random, at once, through real server processes: neither ever sees the other.

They use the same ids for factory, workers and stations and the same e-mail addresses; every text that may differ says
whose it is, and none of the other's is ever in an answer.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.access.conftest import REQUIRED
from tests.access.plant import PASSWORD, PASSWORD_HASH, bearer, filled
from tests.access.population import Population
from tests.access.strangers import BASE, ROUTES, Route
from tests.conftest import make_settings
from tests.servers import Reply, RunningServer, http_request

from factory.operations.derive.verify import verify_derived
from factory.operations.privacy.read_audit import verify_audit
from factory.store import open_store

pytestmark = pytest.mark.system

THREADS = 8
SECONDS = 10.0
PATIENCE_SECONDS = 180.0
MARKS = ("ACME", "GLOBEX")
WORKERS, STATIONS = ("W1", "W2", "W3"), ("S1", "S2")
# What ends the only session of a thread, or replaces all that was counted.
LEFT_OUT = ("/session", "/demo/seed")


@dataclass
class Tenant:
    """One of the two: how it shows who it is, and what was acknowledged to it."""

    mark: str
    other: str
    key: int
    admins: list[dict[str, str]]
    machine: dict[str, str]
    created: int = 0
    told: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@pytest.fixture
def database_url(fresh_database: Callable[[str], str]) -> str:
    return fresh_database("postgresql")


@pytest.fixture
def tenants(database_url: str) -> list[Tenant]:
    with closing(open_store(make_settings(database_url))) as store:
        people = Population(store, time.time_ns() // 1000)
        found = []
        for mark, other in (MARKS, MARKS[::-1]):
            key = people.organisation(mark.lower())
            people.factory(key, "plant", name=f"{mark} plant")
            columns = {"name": f"{mark} Admin", "password_hash": PASSWORD_HASH, "email": "admin@example.org"}
            user = people.user(key, {"*": "admin"}, **columns)
            admins = [bearer(people.session(user).token) for _ in range(THREADS)]
            machine = {"X-API-Key": people.key(key, "plant", "ingest", name=f"{mark} camera").text}
            found.append(Tenant(mark, other, key, admins, machine))
    return found


@pytest.fixture
def server(database_url: str, tenants: list[Tenant], tmp_path: Path) -> Iterator[RunningServer]:
    # Nothing may be remembered wrongly between requests, so each process remembers for long.
    options = {**REQUIRED, "K_MIN": "1", "WEB_WORKERS": "2", "ACCESS_CACHE_SECONDS": "30"}
    with RunningServer(database_url, tmp_path / "server.log", ENVIRONMENT="development", **options) as running:
        yield running


class Client:
    """Sends random requests as one of the tenants."""

    def __init__(self, server: RunningServer, tenant: Tenant, number: int) -> None:
        self.server = server
        self.tenant = tenant
        self.random = random.Random(1000 * number + MARKS.index(tenant.mark))
        self.number = number
        self.sent = 0

    def once(self) -> None:
        route = self.random.choice(CHOICES)
        if route.method == "POST" and route.rule.startswith("/events/"):
            self.deliver(batch=route.rule.endswith("batch"))
        else:
            self.ask(route)

    def deliver(self, *, batch: bool) -> None:
        events = [self.event() for _ in range(self.random.randint(1, 20) if batch else 1)]
        address = "/events/batch" if batch else "/events/"
        reply = self.send("POST", address, events if batch else events[0], self.tenant.machine)
        if reply.status == 503:  # a busy machine; nothing was acknowledged
            return
        assert reply.status in (200, 201), reply.content
        with self.tenant.lock:
            self.tenant.created += reply.body["created_count"] if batch else int(reply.status == 201)

    def event(self) -> dict[str, Any]:
        self.sent += 1
        minute = self.random.randrange(1, 60 * 24 * 3)
        return {
            "timestamp": f"2026-01-{10 + minute // 1440:02d}T{minute // 60 % 24:02d}:{minute % 60:02d}:00Z",
            "worker_id": self.random.choice(WORKERS),
            "workstation_id": self.random.choice(STATIONS),
            "event_type": self.random.choice(["working", "idle", "absent", "product_count"]),
            "event_id": f"{self.tenant.mark}-{self.number}-{self.sent}",
            "source_id": f"{self.tenant.mark}-{self.random.randrange(3)}",
            "model_version": self.tenant.mark,
        }

    def ask(self, route: Route) -> None:
        ids = {
            "factory_id": "plant",
            "worker_id": self.random.choice(WORKERS),
            "workstation_id": self.random.choice(STATIONS),
            "user_id": "aaaaaaaaaaaa",
            "key_id": "aaaaaaaaaaaa",
            "unique": f"{self.tenant.mark}-{self.number}-{self.sent}",
        }
        self.sent += 1
        body = None
        if route.body is not None:
            body = json.loads(filled(json.dumps(route.body), ids))
            if "name" in body:
                body["name"] = f"{self.tenant.mark} {self.sent}"
        query = f"?{filled(route.query, ids)}" if route.query else ""
        reply = self.send(route.method, filled(route.rule, ids) + query, body, self.tenant.admins[self.number])
        assert reply.status < 500 or reply.status == 503, (route, reply.content)

    def send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Reply:
        content = None if body is None else json.dumps(body).encode()
        sent = {**headers, "Content-Type": "application/json", "X-Factory-ID": "plant"}
        reply = http_request("127.0.0.1", self.server.port, method, BASE + path, content, sent)
        told = (str(sorted(reply.headers.items())).encode() + reply.content).upper()
        with self.tenant.lock:
            self.tenant.told[f"{method} {path.partition('?')[0]}"] += 1
            self.tenant.told["with the own mark"] += self.tenant.mark.encode() in told
            if self.tenant.other.encode() in told:
                self.tenant.faults.append(f"{method} {path}: {reply.content[:500]!r}")
        return reply


def _weight(route: Route) -> int:
    """Deliveries and readings often; what makes the answers of others long, seldom."""
    if route.rule.startswith("/events/") and route.method == "POST":
        return 8
    return 2 if route.method == "GET" else 1


CHOICES = [
    route
    for route in ROUTES
    if not route.rule.startswith(LEFT_OUT) and route.needed not in ("public", "organisations")
    # An erased person's id is refused afterwards, and its events have no text that says whose they are.
    if (route.method, route.rule) != ("DELETE", "/workers/{worker_id}")
    for _ in range(_weight(route))
]


def requests_in(told: Mapping[str, int]) -> int:
    return sum(count for name, count in told.items() if name.startswith(("GET", "P", "D")))


def test_nothing_of_one_organisation_is_ever_in_an_answer_to_the_other(
    server: RunningServer, tenants: list[Tenant], database_url: str
) -> None:
    until = time.monotonic() + SECONDS
    broken: list[BaseException] = []

    def enough() -> bool:
        """Return whether each asked and was told much: on a busy machine that takes longer."""
        told = [tenant.told.copy() for tenant in tenants]
        return min(map(requests_in, told)) > 50 and min(map(len, told)) > 20

    def goes_on() -> bool:
        now = time.monotonic()
        return not broken and (now < until or (now < until + PATIENCE_SECONDS and not enough()))

    def work(number: int) -> None:
        clients = [Client(server, tenant, number) for tenant in tenants]
        chooser = random.Random(number)
        try:
            while goes_on():
                chooser.choice(clients).once()
        except BaseException as error:  # whatever ends a thread ends the test
            broken.append(error)

    for tenant in tenants:  # so that everything has an owner before anybody asks
        Client(server, tenant, THREADS - 1).deliver(batch=True)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert broken == []
    assert enough()
    for tenant in tenants:
        assert tenant.faults == []
        assert tenant.told["with the own mark"] > requests_in(tenant.told) / 4, (
            "marks are rarely told: this holds little"
        )
    server.kill()
    hold_what_was_acknowledged(database_url, tenants)


def hold_what_was_acknowledged(database_url: str, tenants: list[Tenant]) -> None:
    with closing(open_store(make_settings(database_url))) as store:
        assert verify_audit(store=store, organisation=None) == []
        for tenant in tenants:
            acting = store.acting_for(tenant.key)
            assert verify_derived(store=acting, factory_id=None, now=time.time_ns() // 1000) == []
            with acting.snapshot() as tx:
                ids = list(tx.execute(text("SELECT event_id FROM events")).scalars())
            assert len(ids) == tenant.created
            assert all(one.startswith(f"{tenant.mark}-") for one in ids)


def test_who_signs_in_with_the_same_address_gets_into_the_own_organisation(
    server: RunningServer, tenants: list[Tenant], database_url: str
) -> None:
    with closing(open_store(make_settings(database_url))) as store:
        people = Population(store, time.time_ns() // 1000)
        for tenant in tenants:
            people.user(
                tenant.key, {"*": "viewer"}, name=tenant.mark, email="same@example.org", password_hash=hash_of(tenant)
            )
    for tenant in tenants * 3:
        body = {"email": "same@example.org", "password": f"{PASSWORD} {tenant.mark}"}
        reply = server.post_json(f"{BASE}/session/", body)
        assert reply.status == 200, reply.content
        told = server.request("GET", f"{BASE}/session/", headers=bearer(reply.body["access_token"]))
        assert told.body["data"]["organisation"]["organisation_id"] == tenant.mark.lower()


def hash_of(tenant: Tenant) -> str:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(f"{PASSWORD} {tenant.mark}")
