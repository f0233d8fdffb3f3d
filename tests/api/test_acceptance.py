"""Acceptance: what the service promises, on each route, as a client sees it.

    pytest tests/api/test_acceptance.py                         in process, on SQLite and PostgreSQL
    python tests/api/test_acceptance.py                         the same
    python tests/api/test_acceptance.py http://localhost:5000   against a running server

Every test uses ids of its own, so the server may be any that is not in production; the rows stay there.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

SERVER = os.environ.get("FACTORY_TEST_URL", "").rstrip("/")
JSON = "application/json"
SAMPLE = {
    "timestamp": "2026-01-15T10:15:00Z",
    "worker_id": "W1",
    "workstation_id": "S3",
    "event_type": "working",
    "confidence": 0.93,
    "count": 1,
}


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


class Api:
    """A client of /api/v1: `get`, and `post` of a value as JSON or of bytes as they stand."""

    def __init__(self, send: Callable[[str, str, bytes | None, dict[str, str]], Answer]) -> None:
        self.send = send

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", "/api/v1" + path, None, headers)

    def post(self, path: str, value: Any, content_type: str | None = JSON) -> Answer:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.send("POST", "/api/v1" + path, body, {"Content-Type": content_type} if content_type else {})

    def patch(self, path: str, value: Any) -> Answer:
        return self.send("PATCH", "/api/v1" + path, json.dumps(value).encode(), {"Content-Type": JSON})


def send_to_server(method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
    request = urllib.request.Request(SERVER + path, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return Answer(reply.status, json.loads(reply.read()), dict(reply.headers))
    except urllib.error.HTTPError as reply:
        return Answer(reply.code, json.loads(reply.read()), dict(reply.headers))


if SERVER:

    @pytest.fixture
    def api() -> Api:
        return Api(send_to_server)

else:

    @pytest.fixture(scope="module", params=["sqlite", "postgresql"])
    def api(request: pytest.FixtureRequest, fresh_database: Callable[[str], str]) -> Iterator[Api]:
        # Not above: as a script this file finds neither.
        from tests.conftest import Clock, close_store, make_settings

        from factory.app import create_app

        app = create_app(make_settings(fresh_database(request.param)), clock=Clock())
        client = app.test_client()

        def send(method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
            reply = client.open(path, method=method, data=body, headers=headers)
            return Answer(reply.status_code, reply.get_json(), dict(reply.headers))

        yield Api(send)
        close_store(app.extensions["factory_store"])


@pytest.fixture
def fresh() -> Callable[[str], str]:
    """Make ids that no earlier run has used: fresh('W') is 'W-' and twelve hex digits."""
    return lambda prefix: f"{prefix}-{uuid.uuid4().hex[:12]}"


def assert_is_instant(text: str) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", text)


def assert_is_error(answer: Answer, status: int, message: str) -> None:
    assert answer.status == status
    assert message in answer.body["error"]
    assert answer.body["status"] == status
    assert re.fullmatch(r"[a-z][a-z0-9_]*", answer.body["code"])
    assert answer.body["path"].startswith("/")
    assert answer.body["request_id"] == answer.headers["X-Request-ID"]
    assert_is_instant(answer.body["timestamp"])


def state(worker: str, station: str, timestamp: str, kind: str = "working", **more: Any) -> dict[str, Any]:
    return {"timestamp": timestamp, "worker_id": worker, "workstation_id": station, "event_type": kind, **more}


# Health


@pytest.mark.parametrize("path", ["/health/", "/health", "/health/live", "/health/live/"])
def test_health_says_healthy_and_the_version(api: Api, path: str) -> None:
    answer = api.get(path)
    assert answer.status == 200
    assert answer.body["status"] == "healthy"
    assert answer.body["version"] == "1.0.0"
    assert_is_instant(answer.body["timestamp"])


def test_readiness_says_that_the_database_answers(api: Api) -> None:
    answer = api.get("/health/ready")
    assert (answer.status, answer.body["ready"]) == (200, True)


# One event


def test_the_sample_event_is_stored(api: Api, fresh: Callable[[str], str]) -> None:
    event = {**SAMPLE, "worker_id": fresh("W")}
    answer = api.post("/events/", event)
    assert answer.status == 201
    assert_is_instant(answer.body.pop("timestamp"))
    assert answer.body == {"message": "Event ingested successfully", "status": 201, "duplicate": False}
    stored = api.get(f"/events/?worker_id={event['worker_id']}").body["data"]
    assert [{key: row[key] for key in event if key != "count"} for row in stored] == [
        {key: value for key, value in event.items() if key != "count"}
    ]
    assert_is_instant(stored[0]["received_at"])


def test_a_second_delivery_of_an_event_is_a_duplicate_and_is_not_stored_again(
    api: Api, fresh: Callable[[str], str]
) -> None:
    event = {**SAMPLE, "worker_id": fresh("W")}
    api.post("/events/", event)
    answer = api.post("/events", event)
    assert (answer.status, answer.body["duplicate"], answer.body["status"]) == (200, True, 200)
    assert api.get(f"/events/?worker_id={event['worker_id']}").body["count"] == 1


def test_a_second_delivery_with_another_confidence_is_a_conflict(api: Api, fresh: Callable[[str], str]) -> None:
    event = {**SAMPLE, "worker_id": fresh("W")}
    api.post("/events/", event)
    assert_is_error(api.post("/events/", {**event, "confidence": 0.5}), 409, "")
    [stored] = api.get(f"/events/?worker_id={event['worker_id']}").body["data"]
    assert stored["confidence"] == 0.93


def test_missing_fields_are_named(api: Api) -> None:
    answer = api.post("/events/", {"timestamp": "2026-01-15T10:15:00Z", "event_type": "working"})
    assert_is_error(answer, 400, "Missing required fields: worker_id, workstation_id")
    assert {error["field"] for error in answer.body["errors"]} == {"worker_id", "workstation_id"}


@pytest.mark.parametrize("path", ["/events/", "/events/batch", "/workers/", "/workstations/", "/factories/"])
def test_a_body_that_is_not_json_is_refused(api: Api, path: str) -> None:
    assert_is_error(api.post(path, b"{not json"), 400, "")


@pytest.mark.parametrize("path", ["/events/", "/events/batch", "/workers/", "/workstations/", "/factories/"])
@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x"])
def test_a_wrong_content_type_is_refused(api: Api, path: str, content_type: str) -> None:
    assert_is_error(api.post(path, b"{}", content_type), 415, "")


# Batches


def test_a_batch_of_unknown_workers_with_naive_timestamps_is_all_stored(api: Api, fresh: Callable[[str], str]) -> None:
    workers = [fresh("W") for _ in range(3)]
    answer = api.post("/events/batch", [state(worker, "S1", "2026-01-15T10:15:00") for worker in workers])
    assert answer.status == 201
    assert (answer.body["success_count"], answer.body["created_count"], answer.body["total_count"]) == (3, 3, 3)
    assert (answer.body["failed_count"], answer.body["failed_indices"], answer.body["errors"]) == (0, [], [])
    for worker in workers:
        assert api.get(f"/workers/{worker}").body["data"]["name"] == worker
        [event] = api.get(f"/events/?worker_id={worker}").body["data"]
        assert event["timestamp"] == "2026-01-15T10:15:00Z"


def test_fifty_events_at_once_are_stored_and_a_resend_is_all_duplicates(api: Api, fresh: Callable[[str], str]) -> None:
    worker = fresh("W")
    start = datetime(2026, 1, 15, 8, tzinfo=timezone.utc)
    batch = [
        state(worker, "S1", (start + timedelta(minutes=i)).isoformat(), "product_count", count=2) for i in range(50)
    ]
    first = api.post("/events/batch", batch)
    assert (first.status, first.body["created_count"], first.body["duplicate_count"]) == (201, 50, 0)
    again = api.post("/events/batch/", batch)
    assert (again.status, again.body["created_count"], again.body["duplicate_count"]) == (200, 0, 50)
    assert api.get(f"/metrics/workers/{worker}").body["data"]["total_units_produced"] == 100


def test_a_batch_that_is_no_list_is_refused(api: Api) -> None:
    assert_is_error(api.post("/events/batch", {"events": [SAMPLE]}), 400, "Expected a list of events")


def test_the_good_part_of_a_batch_is_kept_and_the_rest_reported(api: Api, fresh: Callable[[str], str]) -> None:
    worker = fresh("W")
    good, late = state(worker, "S1", "2026-01-15T10:00:00Z"), state(worker, "S1", "2026-01-15T11:00:00Z", "idle")
    answer = api.post("/events/batch", [good, {**good, "event_type": "dancing"}, late])
    assert (answer.status, answer.body["success_count"], answer.body["failed_indices"]) == (201, 2, [1])
    [error] = answer.body["errors"]
    assert (error["index"], error["field"]) == (1, "event_type")
    assert api.get(f"/events/?worker_id={worker}").body["count"] == 2


def test_a_batch_in_which_every_event_fails_is_422(api: Api) -> None:
    answer = api.post("/events/batch", [{}, {"timestamp": 5}])
    assert answer.status == 422
    assert (answer.body["success_count"], answer.body["failed_count"]) == (0, 2)
    assert answer.body["failed_indices"] == [0, 1]


def test_an_atomic_batch_stores_all_or_nothing(api: Api, fresh: Callable[[str], str]) -> None:
    worker = fresh("W")
    good = state(worker, "S1", "2026-01-15T10:00:00Z")
    refused = api.post("/events/batch?atomic=true", [good, {}])
    assert (refused.status, refused.body["success_count"], refused.body["failed_indices"]) == (422, 0, [1])
    assert api.get(f"/events/?worker_id={worker}").body["data"] == []
    assert api.post("/events/batch?atomic=true", [good]).status == 201


def test_an_empty_batch_is_answered_with_zeros(api: Api) -> None:
    answer = api.post("/events/batch", [])
    assert (answer.status, answer.body["total_count"], answer.body["success_count"]) == (200, 0, 0)


def test_a_batch_may_come_as_lines(api: Api, fresh: Callable[[str], str]) -> None:
    worker = fresh("W")
    lines = [state(worker, "S1", "2026-01-15T10:00:00Z"), state(worker, "S1", "2026-01-15T10:05:00Z")]
    body = "\n".join(json.dumps(line) for line in lines).encode()
    answer = api.post("/events/batch", body, "application/x-ndjson")
    assert (answer.status, answer.body["created_count"]) == (201, 2)


# Registry


@pytest.mark.parametrize(
    ("path", "key", "values"),
    [
        ("/workers/", "worker_id", {"name": "Grace Lee"}),
        ("/workstations/", "workstation_id", {"name": "Paint Shop", "type": "painting"}),
    ],
)
def test_the_registry_creates_lists_shows_and_changes(
    api: Api, fresh: Callable[[str], str], path: str, key: str, values: dict[str, str]
) -> None:
    identity = fresh("X")
    created = api.post(path, {key: identity, **values})
    assert created.status == 201
    assert created.body["data"].items() >= {key: identity, **values}.items()
    listed = api.get(path)
    assert (listed.status, listed.body["status"]) == (200, "success")
    assert listed.body["count"] == len(listed.body["data"])
    assert identity in {entity[key] for entity in listed.body["data"]}
    changed = api.patch(path + identity, {"name": "Renamed"})
    assert (changed.status, changed.body["data"]["name"]) == (200, "Renamed")
    assert api.get(path + identity).body["data"]["name"] == "Renamed"
    assert_is_error(api.post(path, {key: identity, **values}), 409, "")


def test_a_workstation_is_named_by_both_of_its_ids(api: Api, fresh: Callable[[str], str]) -> None:
    identity = fresh("S")
    api.post("/events/", state(fresh("W"), identity, "2026-01-15T10:00:00Z"))
    for path in (f"/workstations/{identity}", f"/metrics/workstations/{identity}"):
        data = api.get(path).body["data"]
        assert (data["station_id"], data["workstation_id"]) == (identity, identity)


def test_the_default_factory_is_listed_and_shown(api: Api) -> None:
    listed = api.get("/factories/")
    assert "default" in {factory["factory_id"] for factory in listed.body["data"]}
    shown = api.get("/factories/default").body["data"]
    assert shown.keys() >= {"factory_id", "name", "time_zone", "state_timeout_seconds"}


def test_factories_see_nothing_of_each_other(api: Api, fresh: Callable[[str], str]) -> None:
    factory, worker = fresh("F"), fresh("W")
    created = api.post("/factories/", {"factory_id": factory, "name": "Second", "time_zone": "Europe/Berlin"})
    assert (created.status, created.body["data"]["state_timeout_seconds"]) == (201, 3600)
    assert api.post(f"/events/?factory={factory}", {**SAMPLE, "worker_id": worker}).status == 201
    assert api.get(f"/workers/{worker}").status == 404
    assert api.get(f"/workers/{worker}", **{"X-Factory-ID": factory}).status == 200
    assert_is_error(api.get("/workers/?factory=nowhere"), 404, "Factory not found")


# Metrics


@pytest.fixture
def one_shift(api: Api, fresh: Callable[[str], str]) -> tuple[str, str, str]:
    """Make a factory's worker and station: working 8 to 10, idle to 11, then absent; 30 units at 9."""
    factory, worker, station = fresh("F"), fresh("W"), fresh("S")
    api.post("/factories/", {"factory_id": factory, "name": "Shift", "time_zone": "UTC", "state_timeout_seconds": 0})
    answer = api.post(
        f"/events/batch?factory={factory}",
        [
            state(worker, station, "2026-01-15T08:00:00Z"),
            state(worker, station, "2026-01-15T09:00:00Z", "product_count", count=30),
            state(worker, station, "2026-01-15T10:00:00Z", "idle"),
            state(worker, station, "2026-01-15T11:00:00Z", "absent"),
        ],
    )
    assert answer.body["created_count"] == 4
    return factory, worker, station


WINDOW = "from=2026-01-15T08:00:00Z&to=2026-01-15T12:00:00Z"


def test_the_metrics_of_a_worker_are_right(api: Api, one_shift: tuple[str, str, str]) -> None:
    factory, worker, _ = one_shift
    answer = api.get(f"/metrics/workers/{worker}?factory={factory}&{WINDOW}")
    assert (answer.status, answer.body["status"]) == (200, "success")
    assert answer.body["data"] == {
        "worker_id": worker,
        "name": worker,
        "total_active_time_hours": 2,
        "total_idle_time_hours": 1,
        "total_absent_time_hours": 1,
        "unknown_time_hours": 0,
        "utilization_percentage": 66.67,
        "utilization_lower_percentage": 66.67,
        "utilization_upper_percentage": 66.67,
        "coverage_percentage": 100,
        "total_units_produced": 30,
        "units_per_hour": 15,
        "event_count": 4,
    }


def test_the_metrics_of_a_workstation_are_right(api: Api, one_shift: tuple[str, str, str]) -> None:
    factory, _, station = one_shift
    data = api.get(f"/metrics/workstations/{station}?factory={factory}&{WINDOW}").body["data"]
    assert (
        data.items()
        >= {
            "station_id": station,
            "workstation_id": station,
            "name": station,
            "occupancy_time_hours": 3,
            "productive_time_hours": 2,
            "utilization_percentage": 75,
            "productive_percentage": 66.67,
            "total_units_produced": 30,
            "throughput_rate": 10,
            "event_count": 4,
        }.items()
    )
    assert "type" in data


def test_the_metrics_of_the_factory_are_right(api: Api, one_shift: tuple[str, str, str]) -> None:
    factory = one_shift[0]
    answer = api.get(f"/metrics/factory?factory={factory}&{WINDOW}")
    assert (
        answer.body["data"].items()
        >= {
            "total_productive_time_hours": 2,
            "total_idle_time_hours": 1,
            "total_absent_time_hours": 1,
            "unknown_time_hours": 0,
            "total_production_count": 30,
            "average_production_rate": 15,
            "average_utilization_percentage": 66.67,
            "pooled_utilization_percentage": 66.67,
            "pooled_utilization_lower_percentage": 66.67,
            "pooled_utilization_upper_percentage": 66.67,
            "coverage_percentage": 100,
            "worker_count": 1,
            "station_count": 1,
            "active_worker_count": 1,
            "active_station_count": 1,
            "total_events": 4,
        }.items()
    )


@pytest.mark.parametrize("path", ["/metrics/factory", "/metrics/workers", "/metrics/workstations/"])
def test_every_metrics_answer_says_what_its_window_is(api: Api, one_shift: tuple[str, str, str], path: str) -> None:
    window = api.get(f"{path}?factory={one_shift[0]}&{WINDOW}").body["window"]
    assert_is_instant(window.pop("evaluated_at"))
    assert window.pop("definitions_version")
    assert window == {
        "from": "2026-01-15T08:00:00Z",
        "to": "2026-01-15T12:00:00Z",
        "elapsed_hours": 4,
        "time_zone": "UTC",
        "state_timeout_seconds": 0,
    }


@pytest.mark.parametrize("kind", ["workers", "workstations"])
def test_metrics_of_all_are_a_list_of_the_metrics_of_each(api: Api, one_shift: tuple[str, str, str], kind: str) -> None:
    factory, worker, station = one_shift
    listed = api.get(f"/metrics/{kind}?factory={factory}&{WINDOW}").body
    one = api.get(f"/metrics/{kind}/{worker if kind == 'workers' else station}?factory={factory}&{WINDOW}").body
    assert (listed["status"], listed["count"], listed["data"]) == ("success", 1, [one["data"]])


def test_an_empty_factory_has_zero_times_and_no_ratios(api: Api, fresh: Callable[[str], str]) -> None:
    factory = fresh("F")
    api.post("/factories/", {"factory_id": factory, "name": "Empty", "time_zone": "UTC"})
    data = api.get(f"/metrics/factory?factory={factory}").body["data"]
    assert (data["total_productive_time_hours"], data["total_production_count"]) == (0, 0)
    assert (data["average_production_rate"], data["average_utilization_percentage"]) == (None, None)


def test_the_series_of_a_worker_adds_up(api: Api, one_shift: tuple[str, str, str]) -> None:
    factory, worker, _ = one_shift
    query = f"metric=total_active_time_hours&entity=worker&id={worker}&bucket=hour&factory={factory}&{WINDOW}"
    answer = api.get(f"/metrics/timeseries?{query}")
    assert answer.status == 200
    assert [bucket["value"] for bucket in answer.body["data"]] == [1, 1, 0, 0]
    assert answer.body["data"][0]["start"] == "2026-01-15T08:00:00Z"
    assert answer.body["data"][-1]["end"] == "2026-01-15T12:00:00Z"


def test_the_intervals_of_a_worker_explain_the_number(api: Api, one_shift: tuple[str, str, str]) -> None:
    factory, worker, station = one_shift
    intervals = api.get(f"/metrics/workers/{worker}/intervals?factory={factory}&{WINDOW}").body["data"]
    assert [(part["state"], part["duration_seconds"]) for part in intervals] == [
        ("working", 7200),
        ("idle", 3600),
        ("absent", 3600),
    ]
    assert {part["workstation_id"] for part in intervals} == {station}
    assert intervals[1]["event"]["timestamp"] == "2026-01-15T10:00:00Z"


def test_the_intervals_of_a_workstation_explain_the_number(api: Api, one_shift: tuple[str, str, str]) -> None:
    factory, worker, station = one_shift
    stretches = api.get(f"/metrics/workstations/{station}/intervals?factory={factory}&{WINDOW}").body["data"]
    assert [(part["state"], part["worker_ids"], part["duration_seconds"]) for part in stretches] == [
        ("productive", [worker], 7200),
        ("occupied", [worker], 3600),
        ("free", [], 3600),
    ]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/workers/no-such", "Worker not found"),
        ("/metrics/workers/no-such", "Worker not found"),
        ("/metrics/workers/no-such/intervals", "Worker not found"),
        ("/metrics/timeseries?metric=event_count&entity=worker&id=no-such&bucket=day", "Worker not found"),
        ("/workstations/no-such", "Workstation not found"),
        ("/metrics/workstations/no-such", "Workstation not found"),
        ("/metrics/workstations/no-such/intervals", "Workstation not found"),
        ("/metrics/timeseries?metric=event_count&entity=workstation&id=no-such&bucket=day", "Workstation not found"),
        ("/factories/no-such", "Factory not found"),
        ("/no/such/route", ""),
    ],
)
def test_what_does_not_exist_is_a_404_with_error_and_status(api: Api, path: str, message: str) -> None:
    assert_is_error(api.get(path), 404, message)


# Events read back


def test_events_are_paged_newest_first_without_a_gap_or_a_repeat(api: Api, fresh: Callable[[str], str]) -> None:
    worker = fresh("W")
    times = [f"2026-01-15T10:{minute:02d}:00Z" for minute in range(7)]
    api.post("/events/batch", [state(worker, "S1", time) for time in times])
    seen: list[str] = []
    query, cursor = f"/events/?worker_id={worker}&limit=3", ""
    while True:
        page = api.get(query + cursor).body
        assert page["count"] == len(page["data"]) <= 3
        seen += [event["timestamp"] for event in page["data"]]
        if not page.get("next_cursor"):
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == times[::-1]


@pytest.mark.parametrize("path", ["/openapi.json", "/swagger.json"])
def test_the_service_describes_itself(api: Api, path: str) -> None:
    document = api.get(path)
    assert document.status == 200
    assert "paths" in document.body


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].startswith("http"):
        os.environ["FACTORY_TEST_URL"] = sys.argv.pop(1)
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
