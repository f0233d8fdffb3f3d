"""Heavy reads go to the replica, and never miss what was acknowledged before they began."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, event, text
from tests.conftest import Clock, close_store, make_settings
from tests.scale.postgres import Server, make_replica, wait_until

from factory.operations.derive.refresh import read_up_to_date, refresh
from factory.operations.events.export_file import export_events
from factory.store import Store, factories
from factory.store.factories import Factory

FIGURES = "/api/v1/metrics/factory"
EVENTS = "/api/v1/events/"
EVENT = {"timestamp": "2026-01-15T10:15:00Z", "worker_id": "W1", "workstation_id": "S1", "event_type": "working"}
READS = (
    FIGURES,
    "/api/v1/metrics/workers",
    "/api/v1/metrics/workstations",
    "/api/v1/metrics/now",
    "/api/v1/metrics/timeline?entity=worker&from=2026-01-15T08:00:00Z",
    "/api/v1/metrics/timeseries?entity=factory&metric=total_events&bucket=hour",
    "/api/v1/metrics/workers/W1/intervals",
    EVENTS,
)


class Site:
    """An application on the primary and the replica, with a count of where its reads went."""

    def __init__(self, app: Flask, name: str) -> None:
        self.app = app
        self.name = name
        self.client = app.test_client()
        self.store = app.extensions["factory_store"]
        self.reads: Counter[str] = Counter()
        if self.store.replica is not None:
            self.store.replica.count = lambda where, because: self.reads.update([because or where])
            # However slow the machine, the replica is read once it has caught up.
            self.store.replica.patience = 20.0

    def post(self, number: int) -> int:
        return self.client.post(EVENTS, json={**EVENT, "event_id": str(number)}).status_code

    def total(self, client: FlaskClient | None = None) -> int:
        answer = (client or self.client).get(FIGURES)
        assert answer.status_code == 200, answer.get_json()
        return int(answer.get_json()["data"]["total_events"])

    def went(self) -> dict[str, int]:
        """Count the reads since the last question by where they went: `replica`, or why to the primary."""
        went = dict(self.reads)
        self.reads.clear()
        return went

    def pending(self, primary: Server) -> int:
        return int(primary.ask("SELECT count(*) FROM pending", self.name))


Make = Callable[..., Site]


@pytest.fixture
def make(primary: Server, replica: Server, new_database: Callable[[], str]) -> Iterator[Make]:
    """Yield a function that makes a site with a database of its own; arguments are options."""
    from factory.app import create_app

    sites: list[Site] = []

    def opened(**changes: str) -> Site:
        name = new_database()
        wait_until(lambda: caught_up(primary, replica), "the replica has the new database")
        options = {"DATABASE_REPLICA_URL": replica.url(name), **changes}
        sites.append(Site(create_app(make_settings(primary.url(name), **options), clock=Clock()), name))
        return sites[-1]

    yield opened
    for site in sites:
        close_store(site.store)


def caught_up(primary: Server, replica: Server) -> bool:
    position = primary.ask("SELECT pg_current_wal_lsn()")
    return bool(replica.ask(f"SELECT pg_last_wal_replay_lsn() >= '{position}'"))


@pytest.fixture
def paused(replica: Server) -> Iterator[Server]:
    """Yield the replica, which replays nothing until the end of the test."""
    replica.ask("SELECT pg_wal_replay_pause()")
    wait_until(lambda: replica.ask("SELECT pg_get_wal_replay_pause_state()") == "paused", "the replica pauses")
    yield replica
    replica.ask("SELECT pg_wal_replay_resume()")


def exported(site: Site) -> list[dict[str, Any]]:
    return list(export_events(store=site.store, factory_id="default", start=None, end=None))


def test_what_is_read_again_is_read_from_the_replica_and_the_same(make: Make) -> None:
    site = make()
    assert site.post(1) == 201
    assert site.total() == 1
    assert site.went() == {"replica": 1}, "derived on the primary, and read from the replica"

    answers = [site.client.get(path) for path in READS]
    assert [answer.status_code for answer in answers] == [200] * len(READS)
    assert site.went() == {"replica": len(READS)}
    events = exported(site)
    assert site.went() == {"replica": 2}

    replica, site.store.replica = site.store.replica, None
    assert [site.client.get(path).data for path in READS] == [answer.data for answer in answers]
    assert exported(site) == events
    assert site.went() == {}
    site.store.replica = replica


def test_each_reading_counts_all_that_was_acknowledged_to_anybody_before(make: Make) -> None:
    site, acknowledged, ended = make(), Counter[str](), []

    def write(writer: int) -> None:
        client = site.app.test_client()
        for number in range(60):
            one = {**EVENT, "event_id": f"{writer}-{number}"}
            assert client.post(EVENTS, json=one).status_code == 201
            acknowledged.update([str(writer)])
            time.sleep(0.01)
        ended.append(writer)

    def read() -> None:
        client = site.app.test_client()
        while len(ended) < 2:
            before = acknowledged.total()
            assert site.total(client) >= before
            listed = client.get(f"{EVENTS}?limit=1000").get_json()["data"]
            assert len(listed) >= before

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(write, 1), threads.submit(write, 2), threads.submit(read), threads.submit(read)]:
            done.result()

    assert site.total() == 120
    assert site.went()["replica"] > 0


def test_a_replica_that_is_behind_is_passed_by_and_nothing_is_missed(make: Make, paused: Server) -> None:
    site = make_behind(make, paused)
    patience = site.store.replica.patience = 1.0

    began = time.monotonic()
    assert site.total() == 2
    assert patience <= time.monotonic() - began < 5 * patience
    assert site.went() == {"behind": 1}

    began = time.monotonic()
    assert [site.total() for _ in range(5)] == [2] * 5
    assert time.monotonic() - began < 4 * patience, "one of them may try the replica again, not each"
    assert site.went() == {"behind": 5}

    paused.ask("SELECT pg_wal_replay_resume()")
    wait_until(lambda: site.total() == 2 and site.went() == {"replica": 1}, "the replica is read again")


def make_behind(make: Make, paused: Server) -> Site:
    """Make a site with two events, of which the replica has one; nothing waits to be derived."""
    paused.ask("SELECT pg_wal_replay_resume()")
    site = make()
    assert site.post(1) == 201
    assert site.total() == 1
    wait_until(lambda: site.total() == 1 and site.went().keys() == {"replica"}, "the replica is read")
    paused.ask("SELECT pg_wal_replay_pause()")
    wait_until(lambda: paused.ask("SELECT pg_get_wal_replay_pause_state()") == "paused", "the replica pauses")
    assert site.post(2) == 201
    with site.store.writing_snapshot() as tx:
        site.store.dialect.lock_derivation(tx)
        refresh(site.store, tx, factories.find(tx, "default"))
    return site


def test_what_waits_again_after_it_was_derived_is_read_on_the_primary(
    make: Make, primary: Server, replica: Server
) -> None:
    site = make()
    delivered: list[int] = []
    on_replica: list[bool] = []

    def deliver(_connection: Any) -> None:
        delivered.append(site.post(len(delivered)))
        wait_until(lambda: caught_up(primary, replica), "the replica has it")

    def read(tx: Connection, _factory: Factory) -> int:
        on_replica.append(tx.execute(text("SELECT pg_is_in_recovery()")).scalar_one())
        return int(tx.execute(text("SELECT count(*) FROM events")).scalar_one())

    # Something comes each time between the question, whether anything waits, and the replica's snapshot.
    event.listen(site.store.replica.engine, "begin", deliver)
    assert read_up_to_date(store=site.store, factory_id="default", read=read) == len(delivered)

    assert set(delivered) == {201}
    assert on_replica == [False]
    assert site.went()["pending"] == 1


def test_a_read_that_the_replica_cancels_is_done_again_on_the_primary(
    make: Make, replica: Server, primary: Server
) -> None:
    replica.configure("max_standby_streaming_delay = 100ms")
    replica.reload()
    site = make()
    attempts = []

    def read(tx: Connection, factory: Factory) -> str:
        on = tx.execute(text("SELECT pg_is_in_recovery()")).scalar_one()
        attempts.append(on)
        if on:
            tx.execute(text("SELECT count(*) FROM erased_workers"))  # its lock stands in the way of what follows
            primary.ask("TRUNCATE erased_workers", site.name)
            tx.execute(text("SELECT pg_sleep(5)"))
        return "done"

    assert read_up_to_date(store=site.store, factory_id="default", read=read) == "done"

    assert attempts == [True, False]
    assert site.went() == {"cancelled": 1}


def test_a_replica_that_does_not_answer_costs_a_few_reads_a_moment_and_the_log_one_line(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as deaf:  # it takes connections, and says nothing
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        site = make(DATABASE_REPLICA_URL=f"postgresql://postgres@127.0.0.1:{deaf.getsockname()[1]}/none")

        began = time.monotonic()
        assert [site.total() for _ in range(20)] == [0] * 20
        assert time.monotonic() - began < 4

    assert site.went() == {"away": 20}
    lines = [record.getMessage() for record in caplog.records if "replica" in record.getMessage()]
    assert lines == ["reads go to the primary: the replica does not answer"]


def test_a_server_that_is_no_standby_of_the_primary_is_not_read(
    make: Make, primary: Server, replica: Server, new_database: Callable[[], str]
) -> None:
    itself = make(DATABASE_REPLICA_URL=primary.url(new_database()))
    assert itself.total() == 0
    assert itself.went() == {"foreign": 1}

    elsewhere = make(DATABASE_REPLICA_URL=replica.url("postgres"))
    assert elsewhere.total() == 0
    assert elsewhere.went() == {"foreign": 1}


def test_a_promoted_or_stopped_replica_is_not_read_and_everything_is_answered(make: Make, primary: Server) -> None:
    second = make_replica(primary, "second")
    site = make()
    site.store.replica.engine.dispose()
    promoted = make(DATABASE_REPLICA_URL=second.url(site.name))
    promoted.store.engine = site.store.engine
    wait_until(lambda: site.total() == 0 and site.went().keys() == {"replica"}, "the first one is read")
    assert promoted.total() == 0
    assert promoted.went().keys() <= {"replica", "behind"}

    second.promote()
    assert site.post(1) == 201
    assert (promoted.total(), promoted.total()) == (1, 1)
    assert promoted.went() == {"foreign": 2}

    second.stop("immediate")
    promoted.store.replica.leave_alone("behind")
    wait_until(lambda: promoted.total() == 1 and "away" in promoted.went(), "it is noticed that it is gone")


def test_row_security_holds_on_the_replica(make: Make, primary: Server) -> None:
    site = make()
    assert site.post(1) == 201
    stranger = site.store.acting_for(77)
    wait_until(lambda: site.total() == 1 and site.went().keys() == {"replica"}, "the replica is read")

    def seen(store: Store) -> tuple[bool, int]:
        with store.reading() as tx:
            on, events = "SELECT pg_is_in_recovery()", "SELECT count(*) FROM events"
            return tx.execute(text(on)).scalar_one(), tx.execute(text(events)).scalar_one()

    assert seen(site.store) == (True, 1)
    assert seen(stranger) == (True, 0)


def test_prometheus_learns_where_reads_go(make: Make) -> None:
    site = make()
    metrics = site.app.extensions["factory"].prometheus_metrics
    site.store.replica.count = metrics.read

    assert (site.total(), site.total()) == (0, 0)

    lines = site.client.get("/metrics").get_data(as_text=True).splitlines()
    assert 'factory_reads_total{because="",from="replica"} 2.0' in lines
