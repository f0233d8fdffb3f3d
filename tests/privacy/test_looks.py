"""Looks at persons stand in the audit trail, and those concerned can read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.conftest import Clock
from tests.privacy.plant import DEFAULT, WINDOW, Plant, Reader, worker, working

HOUR = 3_600_000_000
ONE = f"/metrics/workers/{worker(1)}"
LOOKS_AT_ONE = (
    ONE,
    f"{ONE}/intervals",
    f"/metrics/timeseries?metric=event_count&entity=worker&id={worker(1)}&bucket=hour",
    f"/metrics/timeline?entity=worker&id={worker(1)}",
    f"/events/?worker_id={worker(1)}",
)
LOOKS_AT_ALL = ("/metrics/workers", "/metrics/timeline?entity=worker", "/events/")


@pytest.mark.parametrize("path", LOOKS_AT_ONE)
def test_a_look_at_one_is_noted(plant: Plant, path: str) -> None:
    assert plant.user("supervisor").get(path).status_code == 200

    [(_action, actor, subject)] = plant.audited("worker.viewed")
    assert actor.endswith("@example.org")
    assert subject == f"worker:{key_of(plant, 1)}"


@pytest.mark.parametrize("path", LOOKS_AT_ALL)
def test_a_look_at_all_is_noted(plant: Plant, path: str) -> None:
    assert plant.user("supervisor").get(path).status_code == 200

    [(_, _, subject)] = plant.audited("workers.viewed")
    assert subject == ""
    assert plant.audited("worker.viewed") == []


def key_of(plant: Plant, number: int) -> int:
    from factory.store import factories
    from factory.store.events import id_registry

    with plant.store.snapshot() as tx:
        row = id_registry.row_of(tx, factories.find(tx, "default").factory_key, "worker", worker(number))
    return int(row.worker_key)


def test_a_look_is_noted_once_an_hour_and_reader_and_person(plant: Plant, clock: Clock) -> None:
    first, second = plant.user("supervisor"), plant.user("supervisor")
    for _ in range(3):
        for path in (*LOOKS_AT_ONE, f"/metrics/workers/{worker(2)}"):
            first.get(path)
        second.get(ONE)
    assert len(plant.audited("worker.viewed")) == 3

    clock.now += HOUR
    first.get(ONE)
    assert len(plant.audited("worker.viewed")) == 4


def test_nothing_is_noted_of_who_sees_nobody(plant: Plant) -> None:
    for reader in (plant.user("viewer"), plant.key("read"), plant.key("ingest"), plant.user("wall")):
        for path in (*LOOKS_AT_ONE, *LOOKS_AT_ALL):
            reader.get(path)
    plant.population.show_persons(DEFAULT, "default", False)
    for path in (*LOOKS_AT_ONE, *LOOKS_AT_ALL):
        plant.user("supervisor").get(path)
    plant.population.show_persons(DEFAULT, "default", None)
    plant.user("supervisor").get("/metrics/workers/nobody")
    plant.user("supervisor").get("/metrics/workstations")
    plant.user("supervisor").get("/metrics/now")

    assert plant.audited("worker.v") == plant.audited("workers.") == []


def test_several_of_one_question_are_noted_each(plant: Plant) -> None:
    supervisor = plant.user("supervisor")
    supervisor.get(f"/metrics/timeline?entity=worker&id={worker(1)},{worker(2)},{worker(3)}")
    supervisor.get(f"/metrics/timeline?entity=worker&id={worker(3)},{worker(4)}")

    subjects = [subject for _, _, subject in plant.audited("worker.viewed")]
    assert subjects == [f"worker:{key_of(plant, n)}" for n in (1, 2, 3, 4)]


def test_without_a_note_there_is_no_answer(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("factory.operations.privacy.views.record", full)
    answers = [plant.user("supervisor").get(path) for path in (*LOOKS_AT_ONE, *LOOKS_AT_ALL)]

    assert {answer.status_code for answer in answers} == {500}
    assert not any(worker(1) in answer.get_json()["error"] for answer in answers)


def test_a_repeated_question_asks_the_database_nothing_more(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = plant.user("supervisor")
    assert supervisor.get(ONE).status_code == 200

    def asked(*_: Any, **__: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("factory.operations.privacy.views._find", asked)
    assert supervisor.get(ONE).status_code == 200


def test_those_concerned_can_read_who_looked(plant: Plant, clock: Clock) -> None:
    supervisor, manager, admin = (plant.user(role) for role in ("supervisor", "manager", "admin"))
    supervisor.get(ONE)
    clock.now += HOUR + HOUR // 2
    manager.get("/metrics/workers")
    manager.get(f"/metrics/workers/{worker(2)}")
    clock.now += HOUR
    assert admin.get(f"/workers/{worker(1)}/data").status_code == 200

    rows = supervisor.data(f"/workers/{worker(1)}/views")

    assert [(row["hour"], row["action"]) for row in rows] == [
        ("2026-01-15T14:00:00Z", "worker.exported"),
        ("2026-01-15T13:00:00Z", "workers.viewed"),
        ("2026-01-15T12:00:00Z", "worker.viewed"),
    ]
    assert len({row["actor"] for row in rows}) == 3
    body = supervisor.get(f"/workers/{worker(1)}/views?limit=2").get_json()
    assert body["data"] == rows[:2]
    rest = supervisor.get(f"/workers/{worker(1)}/views", query_string={"limit": 2, "cursor": body["next_cursor"]})
    assert (rest.get_json()["data"], rest.get_json()["next_cursor"]) == (rows[2:], None)
    assert supervisor.refused(f"/workers/{worker(1)}/views", cursor="x") == (400, "invalid_cursor")
    assert len(plant.audited("worker.viewed")) == 2, "to read who looked is no look"


def test_who_looked_can_be_read_where_persons_are_not_shown_but_not_by_everybody(plant: Plant) -> None:
    plant.user("supervisor").get(ONE)
    plant.population.show_persons(DEFAULT, "default", False)

    assert len(plant.user("supervisor").data(f"/workers/{worker(1)}/views")) == 1
    assert plant.user("viewer").refused(f"/workers/{worker(1)}/views") == (403, "not_allowed")
    assert plant.user("supervisor").refused("/workers/nobody/views") == (404, "worker_not_found")


def test_a_look_by_two_processes_is_one_row(plant: Plant, plant_with: Callable[..., Plant]) -> None:
    supervisor = plant.user("supervisor")
    supervisor.get(ONE)
    other = Reader(plant_with().app.test_client(), supervisor.headers)
    assert other.get(ONE).status_code == 200

    assert len(plant.audited("worker.viewed")) == 2
    assert len(supervisor.data(f"/workers/{worker(1)}/views")) == 1


def test_a_person_of_an_erased_ones_id_is_another(plant: Plant) -> None:
    manager = plant.user("manager")
    manager.get(ONE)
    manager.open("DELETE", f"/workers/{worker(1)}")
    manager.open("POST", "/workers/", json={"worker_id": worker(1)})
    manager.get(ONE)

    subjects = [subject for _, _, subject in plant.audited("worker.viewed")]
    assert len(set(subjects)) == 2
    assert len(manager.data(f"/workers/{worker(1)}/views")) == 1


def test_a_reader_may_ask_for_what_they_have_already_and_it_is_noted(plant: Plant, clock: Clock) -> None:
    supervisor = plant.user("supervisor")
    tag = supervisor.get(ONE, query_string=WINDOW).headers["ETag"]
    clock.now += HOUR

    assert supervisor.get(ONE, query_string=WINDOW, headers={"If-None-Match": tag}).status_code == 304
    assert len(plant.audited("worker.viewed")) == 2


INTERVALS = "/metrics/workstations/S2/intervals"
LOOKS_AT_STATIONS = (INTERVALS, "/metrics/timeline?entity=workstation&id=S2")
BLIND_LOOKS_AT_STATIONS = (
    "/metrics/workstations/S4/intervals",
    "/metrics/timeline?entity=workstation&id=S2&bucket=hour",
    "/metrics/timeline?entity=workstation&id=S4",
    "/metrics/workstations",
    "/metrics/workstations/S2",
)


@pytest.mark.parametrize("path", LOOKS_AT_STATIONS)
def test_a_look_at_who_was_at_a_station_is_noted_for_each(plant: Plant, path: str) -> None:
    """Persons 8 and 9 are at S2."""
    supervisor = plant.user("supervisor")
    for _ in range(2):
        assert supervisor.get(path).status_code == 200

    looks = plant.audited("workers.viewed")
    assert [subject for _, _, subject in looks] == [f"worker:{key_of(plant, n)}" for n in (8, 9)]
    assert plant.audited("worker.viewed") == []
    reader = looks[0][1]
    for number, seen in ((8, [reader]), (9, [reader]), (1, [])):
        rows = supervisor.data(f"/workers/{worker(number)}/views")
        assert [row["actor"] for row in rows] == seen
        assert {row["action"] for row in rows} <= {"workers.viewed"}


def test_stations_that_name_nobody_are_no_look(plant: Plant) -> None:
    for path in BLIND_LOOKS_AT_STATIONS:
        assert plant.user("supervisor").get(path).status_code == 200
    for reader in (plant.user("viewer"), plant.user("wall"), plant.key("read")):
        for path in LOOKS_AT_STATIONS:
            reader.get(path)

    assert plant.audited("workers.viewed") == []


def test_who_was_at_a_station_in_the_window_is_noted_and_no_other(plant: Plant, clock: Clock) -> None:
    plant.send(working(9, "S2", "08:30", event_type="absent"), working(8, "S2", "10:30"))
    supervisor = plant.user("supervisor")
    window = {"from": "2026-01-15T10:00:00Z", "to": "2026-01-15T12:00:00Z"}
    assert supervisor.get(INTERVALS, query_string=window).status_code == 200
    assert [subject for _, _, subject in plant.audited("workers.viewed")] == [f"worker:{key_of(plant, 8)}"]

    supervisor.get(INTERVALS)
    assert len(plant.audited("workers.viewed")) == 2
    clock.now += HOUR
    supervisor.get(INTERVALS)
    assert len(plant.audited("workers.viewed")) == 4


def test_without_a_note_nobody_is_named(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("factory.operations.privacy.views.record", full)
    for path in LOOKS_AT_STATIONS:
        answer = plant.user("supervisor").get(path)
        assert answer.status_code == 500
        assert worker(8) not in answer.text


def test_a_setting_that_changes_meanwhile_names_nobody_unnoted(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is read, then the factory's setting changes, then the look would be noted."""
    from factory.operations.privacy import views

    find = views._find

    def changed(*given: Any) -> Any:
        plant.population.show_persons(DEFAULT, "default", False)
        return find(*given)

    supervisor = plant.user("supervisor")
    monkeypatch.setattr(views, "_find", changed)
    answer = supervisor.get(INTERVALS)

    assert (answer.status_code, answer.get_json()["code"]) == (403, "persons_withheld")
    assert plant.audited("workers.viewed") == []
