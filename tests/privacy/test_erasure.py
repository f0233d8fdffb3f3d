"""Erasing a person: nobody can tell who it was, no number changes, and no late delivery brings them back."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import closing
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import text
from tests.conftest import Clock, close_store, make_settings
from tests.privacy.plant import REQUIRED, WINDOW, Plant, worker, working

from factory.operations.derive.verify import verify_derived
from factory.store.schema import metadata

FIGURES = ("/metrics/factory", "/metrics/workstations", "/metrics/workstations/S1/intervals")


def erase(plant: Plant, number: int) -> str:
    answer = plant.user("manager").open("DELETE", f"/workers/{worker(number)}")
    assert answer.status_code == 200, answer.text
    erased: str = answer.get_json()["data"]["worker_id"]
    return erased


def all_bytes(plant: Plant) -> str:
    """Everything in the database but users, keys and sessions."""
    tables = [table for name, table in metadata.tables.items() if name not in ("users", "api_keys", "sessions")]
    dialect = plant.store.engine.dialect.name
    with plant.store.system().snapshot() as tx:
        return "\n".join(
            repr(tuple(row))
            for table in tables
            if table.info.get("only", dialect) == dialect
            for row in tx.execute(table.select())
        )


def assert_verified(plant: Plant, clock: Clock) -> None:
    assert verify_derived(store=plant.store, factory_id=None, now=clock.now) == []


def test_nothing_of_the_person_is_left_in_the_database(plant: Plant) -> None:
    several = [working(3, "S1", "08:00", event_id=f"{worker(3)}/{n}", event_type="product_count") for n in range(20)]
    assert plant.key("ingest").open("POST", "/events/batch", json=several).status_code == 201
    plant.user("supervisor").data(f"/metrics/workers/{worker(3)}")
    assert worker(3) in all_bytes(plant)

    erased = erase(plant, 3)

    left = all_bytes(plant)
    assert worker(3) not in left
    assert "Anna 03" not in left
    assert "Anna 04" in left
    row = plant.user("manager").data(f"/workers/{erased}")
    assert row == {"worker_id": erased, "name": "Erased"}
    assert plant.audited("worker.erased")[0][2].startswith("worker:")


def test_no_number_changes_and_everything_still_follows_from_the_events(plant: Plant, clock: Clock) -> None:
    """Also where only event ids tell events apart, and where they are alike in the first bytes."""
    tied = [working(3, "S1", "08:30", event_id=f"tie-{n}", event_type="idle", confidence=0.5) for n in range(3)]
    counts = [working(3, "S1", "08:30", event_id=f"tie-{n}", event_type="product_count", count=n) for n in range(3)]
    assert plant.key("ingest").open("POST", "/events/batch", json=tied + counts).get_json()["created_count"] == 6
    admin = plant.user("admin")
    before = {path: admin.data(path, **WINDOW) for path in FIGURES}
    events = admin.data("/events/", worker_id=worker(3))

    erased = erase(plant, 3)

    after = {path: admin.data(path, **WINDOW) for path in FIGURES}
    assert str(after).replace(erased, worker(3)).count(worker(3)) == str(before).count(worker(3))
    for rows in after["/metrics/workstations/S1/intervals"]:
        rows["worker_ids"] = sorted(one.replace(erased, worker(3)) for one in rows["worker_ids"])
    assert after == before
    kept = admin.data("/events/", worker_id=erased)
    strange = {"event_id": None, "worker_id": None}
    order = [(one["timestamp"], one["event_type"], one["count"]) for one in events]
    assert sorted(map(str, order)) == sorted(str((e["timestamp"], e["event_type"], e["count"])) for e in kept)
    assert {str(one | strange) for one in kept} == {str(one | strange) for one in events}
    assert len({one["event_id"] for one in kept}) == len({one["event_id"] for one in events}) == 4
    assert_verified(plant, clock)


def test_late_and_repeated_deliveries_are_refused_until_somebody_registers_the_id_anew(
    plant: Plant, plant_with: Callable[..., Plant], clock: Clock
) -> None:
    other_process = plant_with()
    sensors = [plant.key("ingest"), other_process.key("ingest")]
    again = working(3, "S1")
    for sensor in sensors:
        assert sensor.open("POST", "/events/", json=again).get_json()["duplicate"] is True
    erase(plant, 3)

    started_later = plant_with()
    for sensor in [*sensors, started_later.key("ingest")]:
        for event in (again, working(3, "S1", "11:00")):
            answer = sensor.open("POST", "/events/", json=event)
            assert (answer.status_code, answer.get_json()["code"]) == (400, "worker_erased")
            assert answer.get_json()["errors"][0]["field"] == "worker_id"
        batch = sensor.open("POST", "/events/batch", json=[again, working(90, "S9"), working(4, "S1")]).get_json()
        assert [(one["index"], one["code"]) for one in batch["errors"]] == [(0, "worker_erased")]
        assert batch["success_count"] == 2
    assert worker(3) not in all_bytes(plant)
    assert_verified(plant, clock)

    made = plant.user("manager").open("POST", "/workers/", json={"worker_id": worker(3), "name": "Another"})
    assert made.status_code == 201
    clock.now += 3_600_000_000
    for sensor in [*sensors, started_later.key("ingest")]:
        refused = sensor.open("POST", "/events/batch", json=[working(4, "S1", "12:30"), again]).get_json()
        assert [(one["index"], one["code"]) for one in refused["errors"]] == [(1, "worker_erased")], "counted twice"
        assert sensor.open("POST", "/events/", json=working(3, "S1", "12:30")).status_code in (200, 201)
    assert plant.user("admin").data(f"/metrics/workers/{worker(3)}")["event_count"] == 1
    assert_verified(plant, clock)


@pytest.mark.parametrize("policy", ["register", "reject"])
def test_nobody_adds_events_to_an_erased_person(plant_with: Callable[..., Plant], policy: str) -> None:
    plant = plant_with(UNKNOWN_ENTITY_POLICY=policy, PERSON_VIEWS="on")
    plant.work({"S1": range(1, 8)})
    known = plant.key("ingest")
    erased = erase(plant, 3)

    for sender in (known, plant_with(UNKNOWN_ENTITY_POLICY=policy).key("ingest"), plant.user("supervisor")):
        event = {**working(3, "S1", "11:30"), "worker_id": erased}
        answer = sender.open("POST", "/events/", json=event)
        assert (answer.status_code, answer.get_json()["code"]) == (400, "worker_erased")
    batch = known.open("POST", "/events/batch", json=[event, working(4, "S1")]).get_json()
    assert [(one["index"], one["code"]) for one in batch["errors"]] == [(0, "worker_erased")]


def test_no_number_or_order_tells_where_an_erased_person_stood(plant: Plant) -> None:
    names = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(60)]
    at = "2026-01-15T10:40:00Z"
    sent = [{"timestamp": at, "worker_id": name, "workstation_id": "S1", "event_type": "working"} for name in names]
    assert plant.key("ingest").open("POST", "/events/batch", json=sent).status_code == 201

    supervisor = plant.user("supervisor")
    page = supervisor.get("/events/?limit=1").get_json()
    with plant.store.system().snapshot() as tx:
        keys = dict(tx.execute(text("SELECT worker_id, worker_key FROM workers")).tuples().all())
    assert sorted(names, key=keys.__getitem__) != names
    assert b"[" not in base64.urlsafe_b64decode(page["next_cursor"] + "==")[:1]


def test_the_erased_id_and_the_new_one_are_refused_where_unknown_workers_are(plant_with: Callable[..., Plant]) -> None:
    plant = plant_with(UNKNOWN_ENTITY_POLICY="reject")
    plant.work({"S1": range(1, 8)})
    erased = erase(plant, 3)
    sensor = plant.key("ingest")

    batch = sensor.open("POST", "/events/batch", json=[working(3, "S9"), working(70, "S9"), working(4, "S1")])

    assert [(one["index"], one["code"]) for one in batch.get_json()["errors"]] == [
        (0, "worker_erased"),
        (0, "unknown_workstation"),
        (1, "unknown_worker"),
        (1, "unknown_workstation"),
    ]
    assert erased.startswith("erased-")


def test_whoever_delivers_meanwhile_is_either_before_or_refused(plant: Plant, clock: Clock) -> None:
    """Each thread sends events of the person while it is erased: none comes through under the old id."""
    sensors = [plant.key("ingest") for _ in range(4)]
    barrier, codes = Barrier(5), []

    def send(place: int) -> None:
        barrier.wait()
        for n in range(15):
            event = working(3, "S1", f"10:{n:02}", source_id=f"camera {place}")
            codes.append(sensors[place].open("POST", "/events/", json=event).get_json().get("code", "stored"))

    threads = [Thread(target=send, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    barrier.wait()
    erased = erase(plant, 3)
    for thread in threads:
        thread.join()

    assert set(codes) <= {"stored", "worker_erased"}
    assert plant.user("admin").refused(f"/workers/{worker(3)}") == (404, "worker_not_found")
    stored = plant.user("admin").data(f"/metrics/workers/{erased}")["event_count"]
    assert stored == 2 + codes.count("stored")
    assert worker(3) not in all_bytes(plant)
    assert_verified(plant, clock)


def test_a_long_history_is_erased_in_slices(plant: Plant, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.operations.privacy.erase._EVENTS_A_STATEMENT", 7)
    history = [
        working(3, "S1", f"{hour:02}:{minute:02}", event_id=f"{worker(3)} {hour}:{minute} {n}", event_type=kind)
        for hour in range(6)
        for minute in range(0, 60, 10)
        for n, kind in ((0, "working"), (1, "product_count"), (2, "product_count"))
    ]
    assert plant.key("ingest").open("POST", "/events/batch", json=history).get_json()["created_count"] == len(history)

    erased = erase(plant, 3)

    assert worker(3) not in all_bytes(plant)
    kept = plant.user("admin").data("/events/", worker_id=erased, limit=1000)
    assert len({one["event_id"] for one in kept}) == len(history) + 1  # the plant's own two share one
    assert_verified(plant, clock)


def test_another_factory_of_the_same_id_is_left_alone(plant: Plant) -> None:
    plant.population.factory(1, "hall-2")
    plant.work({"S1": range(3, 4)}, factory="hall-2")
    erase(plant, 3)

    assert plant.user("manager", "hall-2").data(f"/workers/{worker(3)}")["name"] == "Anna 03"
    sent = plant.key("ingest", "hall-2").open("POST", "/events/", json=working(3, "S1"))
    assert sent.status_code == 200


def test_who_may_not_keep_the_registry_erases_nobody(plant: Plant) -> None:
    for role in ("wall", "viewer", "supervisor"):
        assert plant.user(role).open("DELETE", f"/workers/{worker(3)}").status_code == 403
    assert plant.user("admin").open("DELETE", "/workers/nobody").status_code == 404
    assert plant.user("admin").data(f"/workers/{worker(3)}")["name"] == "Anna 03"


def test_it_lasts_over_a_restart(database_url: str, clock: Clock) -> None:
    from factory.app import create_app

    settings = make_settings(database_url, **REQUIRED)
    app: Any = create_app(settings, clock=clock)
    plant = Plant(app)
    plant.work({"S1": range(1, 8)})
    erased = erase(plant, 3)
    close_store(plant.store)

    app = create_app(settings, clock=clock)
    with closing(app.extensions["factory_store"]):
        plant = Plant(app)
        assert plant.key("ingest").open("POST", "/events/", json=working(3, "S1")).get_json()["code"] == "worker_erased"
        assert plant.user("admin").data(f"/workers/{erased}")["name"] == "Erased"
        with plant.store.snapshot() as tx:
            assert tx.execute(text("SELECT count(*) FROM erased_workers")).scalar_one() == 2


def test_a_history_of_many_events_takes_no_longer_for_each(plant_with: Callable[..., Plant], clock: Clock) -> None:
    """No statement of it takes a second: each event is found by its key, not among all of the worker."""
    plant = plant_with(DB_STATEMENT_TIMEOUT_SECONDS="1")
    stamps = (f"2026-01-{day:02}T{n // 60:02}:{n % 60:02}:00Z" for day in range(1, 15) for n in range(720))
    events = [working(3, "S1", timestamp=stamp, event_id=f"{worker(3)} {n}") for n, stamp in enumerate(stamps)]
    for part in (events[:10_000], events[10_000:]):
        assert plant.key("ingest").open("POST", "/events/batch", json=part).status_code == 201

    erase(plant, 3)

    assert worker(3) not in all_bytes(plant)
    assert_verified(plant, clock)
