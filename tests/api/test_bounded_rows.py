"""A registry that was filled does not make each answer carry all of it."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

WORKERS, STATIONS = 7, 6


@pytest.fixture
def filled(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """Return the client of a factory of more workers and workstations than an answer has; the last ones have events."""
    monkeypatch.setattr("factory.operations.bounded_rows.MAX_ROWS", 4)
    for kind, number in (("worker", WORKERS), ("workstation", STATIONS)):
        for n in range(number):
            client.post(f"/api/v1/{kind}s/", json={f"{kind}_id": f"{kind}-{n}"})
    events = [seen(worker, 5) for worker in (4, 5, 6)]
    assert client.post("/api/v1/events/batch", json=events).status_code == 201
    return client


def seen(worker: int, station: int) -> dict[str, Any]:
    return {
        "timestamp": "2026-01-15T11:50:00Z",
        "worker_id": f"worker-{worker}",
        "workstation_id": f"workstation-{station}",
        "event_type": "working",
    }


def ask(client: FlaskClient, path: str) -> dict[str, Any]:
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


@pytest.mark.parametrize(("kind", "number"), [("worker", WORKERS), ("workstation", STATIONS)])
def test_a_list_is_read_in_parts(filled: FlaskClient, kind: str, number: int) -> None:
    first = ask(filled, f"/{kind}s/")
    assert (first["count"], first["left_out"]) == (4, number - 4)
    rest = ask(filled, f"/{kind}s/?after={first['data'][-1][f'{kind}_id']}")
    assert "left_out" not in rest
    ids = [row[f"{kind}_id"] for row in first["data"] + rest["data"]]
    assert ids == [f"{kind}-{n}" for n in range(number)]


def test_figures_leave_out_those_without_events_first(filled: FlaskClient) -> None:
    answer = ask(filled, "/metrics/workers")
    assert [row["worker_id"] for row in answer["data"]] == ["worker-0", "worker-4", "worker-5", "worker-6"]
    assert answer["left_out"] == 3
    assert ask(filled, "/metrics/workstations")["left_out"] == 2
    assert ask(filled, "/metrics/factory")["data"]["worker_count"] == WORKERS


def test_now_leaves_out_those_of_unknown_state_first_and_counts_all(
    filled: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = ask(filled, "/metrics/now")["data"]
    assert [row["worker_id"] for row in now["workers"]] == ["worker-0", "worker-4", "worker-5", "worker-6"]
    assert (now["workers_left_out"], now["workstations_left_out"]) == (3, 2)

    monkeypatch.setattr("factory.operations.bounded_rows.MAX_ROWS", 2)
    now = ask(filled, "/metrics/now")["data"]

    assert now["active_worker_count"] == 3
    assert now["workstations"][-1]["worker_ids"] == ["worker-4", "worker-5"]


def test_an_answer_that_leaves_nothing_out_does_not_say_so(client: FlaskClient) -> None:
    for path in ("/workers/", "/workstations/", "/metrics/workers", "/metrics/workstations"):
        assert "left_out" not in ask(client, path)
    assert "workers_left_out" not in ask(client, "/metrics/now")["data"]
