"""The data stored about one person can be taken out whole; what is done by hand stands in the audit trail."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from tests.privacy.plant import DEFAULT, WINDOW, Plant, Reader, worker, working

from factory.cli.main import main


def data_about(reader: Reader, worker_id: str) -> list[dict[str, Any]]:
    answer = reader.get(f"/workers/{worker_id}/data")
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/x-ndjson"
    assert answer.headers["Cache-Control"] == "no-store"
    return [json.loads(line) for line in answer.text.splitlines()]


def without_kind(rows: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "kind"} for row in rows if row["kind"] == kind]


def test_it_is_the_registry_all_events_the_intervals_and_who_looked(plant: Plant) -> None:
    manager = plant.user("manager")
    manager.get(f"/metrics/workers/{worker(1)}")
    rows = data_about(manager, worker(1))

    assert rows[0] == {
        "kind": "worker",
        "factory_id": "default",
        "factory": "Default factory",
        "worker_id": worker(1),
        "name": "Anna 01",
    }
    assert without_kind(rows, "event") == manager.data("/events/", worker_id=worker(1))
    intervals = without_kind(rows, "interval")
    assert intervals == [
        {"start": "2026-01-15T08:00:00Z", "end": "2026-01-15T09:00:00Z", "state": "working", "workstation_id": "S1"},
        {"start": "2026-01-15T09:00:00Z", "end": None, "state": "unknown", "workstation_id": None},
    ]
    assert [row["action"] for row in rows if row["kind"] == "look"] == ["worker.exported", "worker.viewed"]
    assert rows[-1] == {"kind": "end", "rows": len(rows) - 1}
    assert not any(worker(2) in str(row) for row in rows)
    assert len(plant.audited("worker.exported")) == 1


def test_a_long_history_is_read_in_parts(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.operations.privacy.export._ROWS_A_READ", 4)
    history = [
        working(1, "S1", f"{hour:02}:{minute:02}", event_type=("working", "idle")[minute // 30])
        for hour in range(6)
        for minute in (0, 30)
    ]
    plant.key("ingest").open("POST", "/events/batch", json=history)
    manager = plant.user("manager")
    rows = data_about(manager, worker(1))

    assert without_kind(rows, "event") == manager.data("/events/", worker_id=worker(1))
    shown = manager.data(f"/metrics/workers/{worker(1)}/intervals")
    intervals = without_kind(rows, "interval")
    assert [one["start"] for one in intervals] == [one["start"] for one in shown]
    assert [one["end"] for one in intervals[:-1]] == [one["end"] for one in shown[:-1]]


def test_it_needs_the_right_to_take_out_and_to_see_persons(plant: Plant) -> None:
    for role in ("wall", "viewer", "supervisor"):
        assert plant.user(role).refused(f"/workers/{worker(1)}/data") == (403, "not_allowed")
    assert plant.user("manager").refused("/workers/nobody/data") == (404, "worker_not_found")
    assert plant.audited("worker.exported") == []


def test_the_person_concerned_gets_it_where_persons_are_not_shown(plant: Plant) -> None:
    plant.population.show_persons(DEFAULT, "default", False)
    rows = data_about(plant.user("manager"), worker(1))

    assert {row["worker_id"] for row in rows if row["kind"] in ("worker", "event")} == {worker(1)}
    assert rows[1]["event_id"] is not None


def test_without_a_note_nothing_is_taken_out(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("factory.operations.privacy.export.record", full)
    answer = plant.user("manager").get(f"/workers/{worker(1)}/data")

    assert (answer.status_code, answer.get_json()["code"]) == (500, "internal_error")


def test_the_commands_do_the_same(plant: Plant, database_url: str) -> None:
    environ = {"ENVIRONMENT": "development", "DATABASE_URL": database_url}
    exported = CliRunner().invoke(main, ["person", "export", worker(1)], env=environ)
    assert exported.exit_code == 0, exported.output
    rows = [json.loads(line) for line in exported.output.splitlines()]
    assert without_kind(rows, "event") == plant.user("manager").data("/events/", worker_id=worker(1))

    refused = CliRunner().invoke(main, ["person", "erase", worker(1)], env=environ, input="n\n")
    assert refused.exit_code == 1
    erased = CliRunner().invoke(main, ["person", "erase", worker(1), "--yes"], env=environ)
    assert erased.exit_code == 0, erased.output
    assert plant.user("manager").data(f"/workers/{erased.output.strip()}")["name"] == "Erased"
    assert [one[:2] for one in plant.audited("worker.e")] == [
        ("worker.exported", "command line"),
        ("worker.erased", "command line"),
    ]
    unknown = CliRunner().invoke(main, ["person", "erase", worker(1), "--yes"], env=environ)
    assert (unknown.exit_code, "Worker not found" in unknown.output) == (1, True)


def test_an_export_of_events_stands_in_the_trail(plant: Plant, database_url: str, tmp_path: Any) -> None:
    environ = {"ENVIRONMENT": "development", "DATABASE_URL": database_url}
    target = str(tmp_path / "events.csv")
    assert CliRunner().invoke(main, ["export", target], env=environ).exit_code == 0

    made = plant.user("manager").open("POST", "/exports/", json={"view": "workers", "format": "xlsx", "rows": 3})
    assert (made.status_code, made.get_json()["data"]) == (201, {"view": "workers", "format": "xlsx", "rows": 3})
    assert plant.user("supervisor").open("POST", "/exports/", json={}).status_code == 403
    assert next(one[1] for one in plant.audited("export.made")) == "command line"
    assert len(plant.audited("export.made")) == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"view": None}, "missing_fields"),
        ({"view": ""}, "invalid_text"),
        ({"view": "x" * 65}, "invalid_text"),
        ({"format": "exe"}, "invalid_format"),
        ({"format": "pdf"}, "invalid_format"),
        ({"format": ["csv"]}, "invalid_format"),
        ({"rows": -1}, "out_of_range"),
        ({"rows": True}, "out_of_range"),
        ({"rows": 1.5}, "out_of_range"),
    ],
)
def test_a_bad_note_of_an_export_is_refused(plant_with: Callable[..., Plant], change: Any, code: str) -> None:
    plant = plant_with()
    answer = plant.user("manager").open("POST", "/exports/", json={"view": "x", "format": "csv", "rows": 1} | change)

    assert (answer.status_code, answer.get_json()["code"]) == (400, code)
    assert plant.audited("export") == []


def test_what_a_person_enters_and_registers_is_noted_in_the_same_transaction(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = plant.user("manager")
    before = len(plant.audited())
    event = working(1, "S1", "11:00")
    requests: list[tuple[str, str, Any]] = [
        ("POST", "/events/", event),
        ("POST", "/workers/", {"worker_id": "anna.77", "name": "Anna 77"}),
        ("PATCH", f"/workers/{worker(1)}", {"name": "Anna Other"}),
        ("POST", "/workstations/", {"workstation_id": "S7"}),
        ("PATCH", "/workstations/S1", {"name": "Paint"}),
        ("DELETE", f"/workers/{worker(2)}", None),
    ]

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    for where in ("events.enter_by_hand", "registry.entities", "privacy.erase"):
        monkeypatch.setattr(f"factory.operations.{where}.record", full)
    for method, path, body in requests:
        assert manager.open(method, path, json=body).status_code == 500
    monkeypatch.undo()
    assert plant.user("manager").refused("/workstations/S7") == (404, "workstation_not_found")
    assert manager.data(f"/workers/{worker(2)}")["name"] == "Anna 02"
    assert len(plant.audited()) == before

    for method, path, body in requests:
        assert manager.open(method, path, json=body).status_code in (200, 201)
    assert manager.open("POST", "/events/", json=event).get_json()["duplicate"] is True
    assert [one[0] for one in plant.audited()[before:]] == [
        "event.entered",
        "worker.created",
        "worker.changed",
        "workstation.created",
        "workstation.changed",
        "worker.erased",
    ]


def test_the_trail_names_no_worker(plant: Plant) -> None:
    """Else an erased person would go on standing in it."""
    manager = plant.user("manager")
    manager.open("POST", "/events/", json=working(1, "S1", "11:00"))
    manager.open("PATCH", f"/workers/{worker(1)}", json={"name": "Anna Other"})
    manager.get(f"/metrics/workers/{worker(1)}")
    from factory.store.access import audit_log

    with plant.store.snapshot() as tx:
        lines = audit_log.lines(tx, DEFAULT, audit_log.Filters(), before=None, limit=1000)
    assert not any("anna" in f"{line.subject} {line.detail}".lower() for line in lines)
    assert [line.action for line in lines][:3] == ["worker.viewed", "worker.changed", "event.entered"]


def test_an_event_of_a_machine_is_not_noted(plant: Plant) -> None:
    for scope in ("ingest", "admin"):
        event = working(1, "S1", "11:00", source_id=scope)
        assert plant.key(scope).open("POST", "/events/", json=event).status_code == 201

    assert plant.audited("event.") == []


def test_the_factories_of_an_organisation_are_compared_by_who_may(plant: Plant) -> None:
    plant.population.factory(DEFAULT, "hall-2", time_zone="Europe/Berlin")
    plant.population.factory(DEFAULT, "empty")
    plant.work({"S1": range(1, 4)}, factory="hall-2")
    path = "/metrics/organisation"
    hall = plant.user("viewer", "hall-2").data(path, **WINDOW)
    everywhere = plant.user("supervisor", "*").data(path, **WINDOW)

    assert [row["factory_id"] for row in hall] == ["hall-2"]
    assert hall[0]["withheld"] is True
    assert hall[0]["total_production_count"] is None
    assert [row["factory_id"] for row in everywhere] == ["default", "empty", "hall-2"]
    assert [row["total_production_count"] for row in everywhere] == [15, 0, 3]
    assert everywhere[2] | {"window": None} == {
        "factory_id": "hall-2",
        "name": "hall-2",
        "time_zone": "Europe/Berlin",
        "window": None,
        **plant.user("supervisor", "hall-2").data("/metrics/factory", **WINDOW),
    }
    assert everywhere[2]["window"] == {"from": WINDOW["from"], "to": WINDOW["to"], "elapsed_hours": 6.0}
    assert plant.user("wall", "hall-2").data(path, **WINDOW) == hall
    assert plant.key("ingest").data(path, **WINDOW) == []
    assert plant.user("viewer").refused(path, **{"from": "x"}) == (400, "invalid_parameter")
