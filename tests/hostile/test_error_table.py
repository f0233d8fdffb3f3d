"""Each row of the error table (SPEC section 5) that bodies alone do not reach: parameters, paths, methods, ids."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from tests.conftest import NOON, Clock, make_settings
from tests.hostile.site import GOOD, JSON, Site, assert_batch, assert_is_error, event, one_store

from factory.domain.metrics.formulas import WORKER_METRICS

SQL = "1' OR '1'='1"
READS = [
    "/workers/",
    "/workstations/",
    "/events/",
    "/metrics/factory",
    "/metrics/workers",
    "/metrics/workers/W1",
    "/metrics/workers/W1/intervals",
    "/metrics/workstations",
    "/metrics/workstations/S3",
    "/metrics/workstations/S3/intervals",
    "/metrics/timeseries?metric=event_count&entity=worker&id=W1&bucket=day",
    "/metrics/timeline?entity=worker",
    "/metrics/timeline?entity=workstation&bucket=hour",
    "/metrics/now",
    "/workers/W1",
    "/workstations/S3",
]
WINDOWED = [path for path in READS if path.startswith(("/metrics", "/events")) and path != "/metrics/now"]
ROUTES = [
    *(path.partition("?")[0] for path in READS),
    "/health/",
    "/health/live",
    "/health/ready",
    "/factories/",
    "/factories/default",
    "/events/batch",
    "/demo/",
    "/demo/seed",
]


def shown(value: object) -> str:
    return repr(value)[:40]


def join(path: str, query: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{query}"


# Parameters


NO_TIMESTAMPS = [
    "yesterday",
    "",
    "0",
    "2026-01-15",
    "2026-01-15T24:00:00Z",
    "2026-02-30T00:00:00Z",
    "%00",
    "%FF",
    "NaN",
    "9" * 500,
    SQL,
]


@one_store
@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize(
    ("path", "text"),
    # Every text on one route, one text on every route.
    [(WINDOWED[0], text) for text in NO_TIMESTAMPS] + [(path, "yesterday") for path in WINDOWED[1:]],
    ids=shown,
)
def test_an_edge_of_the_window_that_is_no_timestamp_is_a_400(site: Site, path: str, name: str, text: str) -> None:
    text = text if text.startswith("%") else quote(text)
    assert_is_error(site.get(join(path, f"{name}={text}")), 400, field=name)


@one_store
@pytest.mark.parametrize("path", WINDOWED)
def test_a_window_that_ends_before_it_begins_is_a_400(site: Site, path: str) -> None:
    site.post("/events/", GOOD)
    query = "from=2026-01-15T10:00:00.000001Z&to=2026-01-15T10:00:00Z"
    assert_is_error(site.get(join(path, query)), 400)


@pytest.mark.parametrize("path", [path for path in WINDOWED if path != "/events/"])
def test_a_window_at_the_edge_of_time_is_answered_or_refused(site: Site, path: str) -> None:
    site.post("/events/batch", [GOOD, event(event_type="working")])
    for query in (
        "from=0001-01-01T00:00:00Z",
        "to=9999-12-31T23:59:59.999999Z",
        "from=0001-01-01T00:00:00Z&to=0001-01-01T00:00:00Z",
        "from=9999-12-31T23:59:59Z&to=9999-12-31T23:59:59Z",
        "from=2026-01-15T11:00:00Z&to=2026-01-15T11:00:00Z",
        "from=2030-01-01T00:00:00Z",
        "to=2014-01-01T00:00:00Z",
    ):
        answer = site.get(join(path, query))
        assert answer.status in (200, 400), query
        if answer.status == 400:
            assert_is_error(answer, 400)
        elif "window" in answer.body:
            assert answer.body["window"]["elapsed_hours"] >= 0, query


@one_store
@pytest.mark.parametrize(
    "limit", ["0", "1001", "-1", "1.0", "1e2", "", "abc", "٣", "99999999999999999999", "%00", "1;2"]
)
def test_a_limit_outside_1_to_1000_is_a_400(site: Site, limit: str) -> None:
    assert_is_error(site.get(f"/events/?limit={limit}"), 400, field="limit")


@one_store
@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "!!!!",
        "0",
        "-1",
        "%00",
        "%FF",
        "AAAA",
        "e30=",
        "bnVsbA",
        "W10",
        "9" * 900,
        quote(SQL),
        "1768478400000000",
    ],
)
def test_a_cursor_that_was_not_given_out_is_a_400_or_shows_nothing_foreign(site: Site, cursor: str) -> None:
    site.post("/events/", GOOD)
    assert_is_error(site.get(f"/events/?cursor={cursor}"), 400, field="cursor")


def test_a_cursor_with_a_changed_byte_is_never_a_500(site: Site) -> None:
    site.post("/events/batch", [event(event_id=str(number)) for number in range(3)])
    cursor = site.get("/events/?limit=1").body["next_cursor"]
    for position in range(len(cursor)):
        for replacement in "A0_-z":
            changed = cursor[:position] + replacement + cursor[position + 1 :]
            assert site.get(f"/events/?limit=1&cursor={quote(changed)}").status in (200, 400)
        assert site.get(f"/events/?limit=1&cursor={quote(cursor[:position])}").status in (200, 400)


@one_store
@pytest.mark.parametrize(
    "query",
    [
        "event_type=dancing",
        "event_type=",
        "event_type=WORKING",
        "worker_id=" + "W" * 2000,
        "worker_id=%00",
        "source_id=%00",
        "workstation_id=%FF",
        "limit=5&limit=6",
        "form=2026-01-01T00:00:00Z",
    ],
    ids=shown,
)
def test_a_filter_that_cannot_be_meant_is_a_400(site: Site, query: str) -> None:
    assert_is_error(site.get(f"/events/?{query}"), 400)


@pytest.mark.parametrize("name", ["worker_id", "workstation_id", "source_id"])
def test_sql_in_a_filter_finds_nothing(site: Site, name: str) -> None:
    site.post("/events/", event(source_id="camera"))
    answer = site.get(f"/events/?{name}={quote(SQL)}")
    assert answer.status in (200, 400)
    assert not answer.body.get("data")
    assert len(site.stored()) == 1


SERIES: dict[str, Any] = {"metric": "event_count", "entity": "worker", "id": "W1", "bucket": "day"}


@one_store
@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("metric", None),
        ("metric", ""),
        ("metric", "no_such_metric"),
        ("metric", "name"),
        ("metric", "worker_id"),
        ("metric", "throughput_rate"),
        ("metric", "__class__"),
        ("metric", SQL),
        ("metric", ","),
        ("metric", "event_count,"),
        ("metric", "event_count,event_count"),
        ("metric", "event_count,throughput_rate"),
        ("metric", ",".join(WORKER_METRICS)),  # eleven
        ("entity", ""),
        ("entity", "machine"),
        ("entity", "workers"),
        ("bucket", ""),
        ("bucket", "fortnight"),
        ("bucket", "16m"),
        ("bucket", "DAY"),
        ("id", None),
    ],
)
def test_a_series_without_sense_is_a_400_naming_the_parameter(site: Site, field: str, text: str | None) -> None:
    site.post("/events/", GOOD)
    parameters = {name: value for name, value in {**SERIES, field: text}.items() if value is not None}
    query = "&".join(f"{name}={quote(value)}" for name, value in parameters.items())
    assert_is_error(site.get(f"/metrics/timeseries?{query}"), 400, field=field)


def test_more_than_ten_thousand_buckets_are_a_400(site: Site) -> None:
    site.post("/events/", GOOD)
    start = "/metrics/timeseries?metric=total_events&entity=factory&bucket=15m&to=2026-01-01T00:00:00Z&from="
    # 10,000 quarters of an hour are 104 days and 4 hours.
    assert_is_error(site.get(start + "2025-09-18T19:45:00Z"), 400)
    assert len(site.get(start + "2025-09-18T20:00:00Z").body["data"]) == 10_000
    assert_is_error(site.get(start + "0001-01-01T00:00:00Z"), 400)


@one_store
@pytest.mark.parametrize(
    ("field", "query"),
    [
        ("entity", ""),
        ("entity", "entity="),
        ("entity", "entity=factory"),
        ("entity", "entity=worker&entity=worker"),
        ("bucket", "entity=worker&bucket="),
        ("bucket", "entity=worker&bucket=week"),
        ("bucket", "entity=worker&bucket=month"),
        ("id", "entity=worker&id="),
        ("id", "entity=worker&id=,"),
        ("id", "entity=worker&id=W1,"),
        ("id", "entity=worker&id=W1,W1"),
        ("id", "entity=worker&id=W1&id=W1"),
        ("id", "entity=worker&id=%00"),
        ("id", "entity=worker&id=" + quote(SQL)),
        ("id", "entity=worker&id=" + "W" * 65),
        ("id", "entity=worker&id=" + ",".join(f"W{n}" for n in range(201))),
    ],
    ids=shown,
)
def test_a_timeline_without_sense_is_a_400_naming_the_parameter(site: Site, field: str, query: str) -> None:
    site.post("/events/", GOOD)
    assert_is_error(site.get(f"/metrics/timeline?{query}"), 400, field=field)


@pytest.mark.parametrize(
    ("entity", "message"), [("worker", "Worker not found"), ("workstation", "Workstation not found")]
)
def test_a_timeline_of_nobody_is_a_404(site: Site, entity: str, message: str) -> None:
    site.post("/events/", GOOD)
    known = {"worker": "W1", "workstation": "S3"}[entity]
    answer = site.get(f"/metrics/timeline?entity={entity}&id={known},nobody")
    assert_is_error(answer, 404)
    assert answer.body["error"] == message


@pytest.mark.parametrize("entity", ["worker", "workstation"])
def test_an_exact_timeline_has_at_most_eight_days(site: Site, entity: str) -> None:
    site.post("/events/", event(event_type="working"))
    path = f"/metrics/timeline?entity={entity}&to=2026-01-15T11:00:00Z&from=2026-01-07T"
    assert_is_error(site.get(path + "10:59:59.999999Z"), 400, "window_too_long")
    assert len(site.get(path + "11:00:00Z").body["data"][0]["start"]) == 2


@pytest.mark.parametrize("entity", ["worker", "workstation"])
def test_a_timeline_has_at_most_1500_columns_and_100_000_cells_and_200_rows(site: Site, entity: str) -> None:
    def ask(start: str, to: str, **more: str) -> Any:
        query = "&".join(f"{name}={value}" for name, value in more.items())
        return site.get(f"/metrics/timeline?entity={entity}&from={start}&to={to}&{query}")

    def say(first: int, end: int) -> None:
        events = [event(worker_id=f"X{n}", workstation_id=f"X{n}", event_type="idle") for n in range(first, end)]
        assert site.post("/events/batch", events).status == 201

    say(0, 1)
    # 1,500 quarters of an hour are 15 days and 15 hours.
    answer = ask("2025-12-30T21:00:00Z", "2026-01-15T12:00:00Z", bucket="15m")
    assert len(answer.body["columns"]) == len(answer.body["data"][0]["units"]) == 1500
    too_many = ask("2025-12-30T20:45:00Z", "2026-01-15T12:00:00Z", bucket="15m")
    assert_is_error(too_many, 400, "too_many_buckets", "bucket")
    assert_is_error(ask("0001-01-01T00:00:00Z", "2026-01-15T12:00:00Z", bucket="15m"), 400, "too_many_buckets")
    say(1, 200)
    # 200 rows by 500 hours, which are 20 days and 20 hours.
    answer = ask("2025-12-25T16:00:00Z", "2026-01-15T12:00:00Z", bucket="hour")
    assert (len(answer.body["data"]), len(answer.body["columns"])) == (200, 500)
    too_many = ask("2025-12-25T15:00:00Z", "2026-01-15T12:00:00Z", bucket="hour")
    assert_is_error(too_many, 400, "too_many_cells", "bucket")
    say(200, 201)
    assert_is_error(ask("2026-01-15T11:00:00Z", "2026-01-15T12:00:00Z"), 400, "too_many_ids", "id")
    answer = ask("2026-01-15T10:00:00Z", "2026-01-15T12:00:00Z", id="X200,X3")
    assert [row["id"] for row in answer.body["data"]] == ["X200", "X3"]


# Paths and methods


STRANGE_IDS = [
    "nobody",
    "w1",
    "W1 ",
    "W1%00",
    "%00",
    "%FF",
    "%C3%28",
    "%ED%A0%80",
    quote(SQL),
    "W" * 5000,
    "-",
    ".",
    "%25",
    "{id}",
    "é",
    "\U0001f600",
    "%0A",
]
ID_PATHS = ["/{kind}/{id}", "/metrics/{kind}/{id}", "/metrics/{kind}/{id}/intervals"]


@pytest.mark.parametrize(
    ("kind", "message"), [("workers", "Worker not found"), ("workstations", "Workstation not found")]
)
@pytest.mark.parametrize(
    ("path", "identity"),
    [(ID_PATHS[0], identity) for identity in STRANGE_IDS] + [(path, "nobody") for path in ID_PATHS[1:]],
    ids=shown,
)
def test_an_id_that_is_not_registered_is_a_404(site: Site, path: str, kind: str, message: str, identity: str) -> None:
    site.post("/events/", GOOD)
    identity = identity if "%" in identity or "{" in identity else quote(identity)
    answer = site.get(path.replace("{kind}", kind).replace("{id}", identity))
    assert_is_error(answer, 404)
    assert answer.body["error"] == message


@one_store
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing",
        "/api/v1",
        "/api/v1/",
        "/api/v2/health/",
        "/api/v1/workers/W1/secrets",
        "/api/v1/events/123",
        "/api/v1/metrics/",
        "/api/v1/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/pyproject.toml",
        "/../backend/factory/settings/load.py",
        "/.env",
        "/.git/config",
        "/nothing.js",
        "/%00",
        "/api/v1/%FF",
        "/api/v1/" + "x" * 8000,
        "//api/v1/nothing",
    ],
    ids=shown,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_address_is_a_404_in_the_one_shape(site: Site, method: str, path: str) -> None:
    answer = site.send(method, path, b"{}" if method == "POST" else None, JSON if method == "POST" else None)
    assert answer.status in (404, 405)
    assert_is_error(answer, answer.status)


@one_store
@pytest.mark.parametrize(
    ("path", "method"),
    [
        (path, method)
        for path in ROUTES
        for method in ("DELETE", "PUT", "TRACE", "BREW")
        if (path, method) != ("/workers/W1", "DELETE")  # which erases a person
    ],
)
def test_a_method_that_a_route_does_not_have_is_a_405_and_says_which_it_has(site: Site, path: str, method: str) -> None:
    answer = site.send(method, "/api/v1" + path)
    assert_is_error(answer, 405)
    assert answer.headers["Allow"]


@one_store
@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/events/batch", "GET"),
        ("/metrics/factory", "POST"),
        ("/health/", "POST"),
        ("/workers/", "PATCH"),
        ("/workers/W1", "POST"),
    ],
)
def test_a_method_of_another_route_is_a_405(site: Site, path: str, method: str) -> None:
    assert_is_error(site.send(method, "/api/v1" + path, b"{}", JSON), 405)


@one_store
@pytest.mark.parametrize(
    "path", [*READS, "/health/", "/health/live", "/health/ready", "/factories/", "/factories/default"]
)
def test_every_route_answers_with_and_without_its_trailing_slash(site: Site, path: str) -> None:
    site.post("/events/", GOOD)
    address, _, query = path.partition("?")
    bare, slashed = site.get(f"{address.rstrip('/')}?{query}"), site.get(f"{address.rstrip('/')}/?{query}")
    assert (bare.status, slashed.status) == (200, 200)
    assert bare.body.keys() == slashed.body.keys()


@pytest.mark.parametrize("path", READS)
def test_an_unknown_factory_is_a_404_on_every_route(site: Site, path: str) -> None:
    for answer in (site.get(path, **{"X-Factory-ID": "nowhere"}), site.get(path, **{"X-Factory-ID": SQL})):
        assert_is_error(answer, 404)
        assert answer.body["error"] == "Factory not found"


@pytest.mark.parametrize("factory", ["nowhere", "%00", "%FF", quote(SQL), "F" * 3000], ids=shown)
def test_an_unknown_factory_in_the_query_is_a_404_and_stores_nothing(site: Site, factory: str) -> None:
    for path in (f"/events/?factory={factory}", f"/events/batch?factory={factory}"):
        reply = site.client.post("/api/v1" + path, json=GOOD if "batch" not in path else [GOOD])
        assert reply.status_code in (400, 404)
        assert reply.get_json()["status"] == reply.status_code
    assert site.stored() == []


def test_a_worker_of_another_factory_is_a_stranger(site: Site) -> None:
    site.post("/events/", GOOD)
    other = f"{site.factory}-2"
    site.post("/factories/", {"factory_id": other, "name": "Other", "time_zone": "UTC"})
    for path in ("/workers/W1", "/metrics/workers/W1", "/metrics/workers/W1/intervals"):
        assert_is_error(site.get(path, **{"X-Factory-ID": other}), 404)
    for path in ("/workstations/S3", "/metrics/workstations/S3", "/metrics/workstations/S3/intervals"):
        assert_is_error(site.get(path, **{"X-Factory-ID": other}), 404)
    now = site.get("/metrics/now", **{"X-Factory-ID": other}).body["data"]
    assert (now["workers"], now["workstations"], now["last_event_at"]) == ([], [], None)
    for entity, identity in (("worker", "W1"), ("workstation", "S3")):
        path = f"/metrics/timeline?entity={entity}&from=2026-01-15T10:00:00Z"
        assert_is_error(site.get(f"{path}&id={identity}", **{"X-Factory-ID": other}), 404)
        for more in ("", "&bucket=hour"):
            assert site.get(path + more, **{"X-Factory-ID": other}).body["data"] == []
    for path in ("/workers/", "/workstations/", "/events/", "/metrics/workers", "/metrics/workstations"):
        assert site.get(path, **{"X-Factory-ID": other}).body["data"] == []
    assert site.get("/metrics/factory", **{"X-Factory-ID": other}).body["data"]["total_events"] == 0
    site.post("/events/batch", [event(event_id=str(number)) for number in range(3)])
    cursor = site.get("/events/?limit=1").body["next_cursor"]
    assert not site.get(f"/events/?cursor={cursor}", **{"X-Factory-ID": other}).body.get("data")


# Request ids


@one_store
@pytest.mark.parametrize("path", ["/api/v1/health/", "/api/v1/nothing", "/nothing", "/", "/api/v1/openapi.json"])
def test_a_good_request_id_is_on_the_answer(site: Site, path: str) -> None:
    for given in ("a", "A1._-z", "x" * 64):
        assert site.send("GET", path, headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@one_store
@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a:b", "a/b", "<script>", "é", "a,b", "${jndi:ldap}"])
def test_another_request_id_is_replaced(site: Site, given: str) -> None:
    answer = site.send("GET", "/api/v1/nothing", headers={"X-Request-ID": given.encode().decode("latin-1")})
    made = answer.headers["X-Request-ID"]
    assert made != given
    assert 1 <= len(made) <= 64
    assert_is_error(answer, 404)


# Registry and factories


@one_store
@pytest.mark.parametrize(("path", "key"), [("/workers/", "worker_id"), ("/workstations/", "workstation_id")])
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": ...}, "id"),
        ({"id": ""}, "id"),
        ({"id": "a b"}, "id"),
        ({"id": "é"}, "id"),
        ({"id": "x" * 65}, "id"),
        ({"id": 5}, "id"),
        ({"id": None}, "id"),
        ({"id": ["X"]}, "id"),
        ({"id": SQL}, "id"),
        ({"name": 5}, "name"),
        ({"name": ["x"]}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\x7fb"}, "name"),
        ({"name": "x" * 60_000}, "name"),
        ({"name": True}, "name"),
    ],
    ids=shown,
)
def test_a_bad_registration_is_a_400_and_registers_nothing(
    site: Site, path: str, key: str, change: dict[str, Any], field: str
) -> None:
    values = {"id": "X1", "name": "Name", **change}
    body = {(key if name == "id" else name): value for name, value in values.items() if value is not ...}
    assert_is_error(site.post(path, body), 400, field=key if field == "id" else field)
    assert site.get(path).body["data"] == []


@pytest.mark.parametrize(
    "name", ["Zoë Öst", "李小龍", "\U0001f477", "Robert'); DROP TABLE workers;--", '"', "<b>x</b>", "%s"]
)
def test_a_name_is_free_text_and_comes_back_as_it_was(site: Site, name: str) -> None:
    assert site.post("/workers/", {"worker_id": "W1", "name": name}).status == 201
    assert site.get("/workers/W1").body["data"]["name"] == name
    assert site.patch("/workers/W1", {"name": name + "!"}).body["data"]["name"] == name + "!"
    assert site.get("/metrics/workers/W1").body["data"]["name"] == name + "!"


@one_store
@pytest.mark.parametrize("path", ["/workers/W1", "/workstations/S3"])
@pytest.mark.parametrize("body", [{"name": 5}, {"name": ""}, {"name": "a\x00"}, {"name": "x" * 60_000}], ids=shown)
def test_a_bad_change_is_a_400_and_changes_nothing(site: Site, path: str, body: dict[str, Any]) -> None:
    site.post("/events/", GOOD)
    before = site.get(path).body["data"]
    assert_is_error(site.patch(path, body), 400, field="name")
    assert site.get(path).body["data"] == before


@pytest.mark.parametrize(("path", "key"), [("/workers/W1", "worker_id"), ("/workstations/S3", "workstation_id")])
def test_a_change_cannot_give_another_id(site: Site, path: str, key: str) -> None:
    site.post("/events/", GOOD)
    answer = site.patch(path, {key: "other", "name": "New"})
    assert answer.status in (200, 400)
    assert site.get(path).status == 200
    assert site.get(path.rsplit("/", 1)[0] + "/other").status == 404


def test_a_change_of_nobody_is_a_404(site: Site) -> None:
    assert_is_error(site.patch("/workers/nobody", {"name": "x"}), 404)
    assert_is_error(site.patch("/workstations/nothing", {"name": "x"}), 404)
    assert_is_error(site.patch("/factories/nowhere", {"name": "x"}), 404)


@one_store
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "Mars/Olympus"),
        ("time_zone", ""),
        ("time_zone", "/etc/localtime"),
        ("time_zone", "../../etc/passwd"),
        ("time_zone", "Europe/Berlin\x00"),
        ("time_zone", "europe/berlin "),
        ("time_zone", "Europe"),
        ("time_zone", "tzdata.zi"),
        ("time_zone", 5),
        ("time_zone", ["UTC"]),
        ("time_zone", "x" * 10_000),
        ("state_timeout_seconds", -1),
        ("state_timeout_seconds", 604_801),
        ("state_timeout_seconds", 1.5),
        ("state_timeout_seconds", "3600"),
        ("state_timeout_seconds", True),
        ("state_timeout_seconds", [1]),
        ("state_timeout_seconds", 10**30),
        ("name", ""),
        ("name", 5),
        ("name", "a\nb"),
        ("shifts", {}),
        ("shifts", "Early"),
        ("shifts", 5),
        ("shifts", [None]),
        ("shifts", [[]]),
        ("shifts", [{}]),
        ("shifts", [{"name": "A", "start": "06:00"}]),
        ("shifts", [{"name": "A", "start": "06:00", "end": None}]),
        ("shifts", [{"name": "A", "start": "06:00", "end": "6:00"}]),
        ("shifts", [{"name": "A", "start": "06:00", "end": "24:00"}]),
        ("shifts", [{"name": "A", "start": "06:00", "end": "14:60"}]),
        ("shifts", [{"name": "A", "start": "06:00", "end": "14:00\n"}]),
        ("shifts", [{"name": "A", "start": "06:00", "end": "14:00:00"}]),
        ("shifts", [{"name": "A", "start": 6, "end": 14}]),
        ("shifts", [{"name": "A", "start": "06:00", "end": "06:00"}]),
        ("shifts", [{"name": "", "start": "06:00", "end": "14:00"}]),
        ("shifts", [{"name": "x" * 65, "start": "06:00", "end": "14:00"}]),
        ("shifts", [{"name": "a\x85", "start": "06:00", "end": "14:00"}]),
        ("shifts", [{"name": 5, "start": "06:00", "end": "14:00"}]),
        ("shifts", [{"name": "A", "start": "06:00", "end": "14:00"}, {"name": "A", "start": "14:00", "end": "22:00"}]),
        ("shifts", [{"name": f"{n}", "start": "06:00", "end": "14:00"} for n in range(25)]),
    ],
    ids=shown,
)
def test_a_bad_setting_of_a_factory_is_a_400_at_creation_and_at_change(site: Site, field: str, value: Any) -> None:
    before = site.get(f"/factories/{site.factory}").body["data"]
    assert_is_error(site.patch(f"/factories/{site.factory}", {field: value}), 400, field=field)
    assert site.get(f"/factories/{site.factory}").body["data"] == before
    new = {"factory_id": f"{site.factory}-new", "name": "New", "time_zone": "UTC", field: value}
    assert_is_error(site.post("/factories/", new), 400, field=field)
    assert site.get(f"/factories/{site.factory}-new").status == 404


@pytest.mark.parametrize("value", [0, 1, 604_800])
def test_a_state_timeout_inside_its_range_is_accepted(site: Site, value: int) -> None:
    site.post("/events/", event(event_type="working"))
    assert site.patch(f"/factories/{site.factory}", {"state_timeout_seconds": value}).status == 200
    assert site.get("/metrics/factory").body["window"]["state_timeout_seconds"] == value
    hours = site.get("/metrics/workers/W1").body["data"]["total_active_time_hours"]
    assert hours == {0: 1.75, 1: round(1 / 3600, 4), 604_800: 1.75}[value]


@pytest.mark.parametrize(
    "shifts",
    [
        [],
        [{"name": "Zoë's <b>24h</b> \U0001f477", "start": "00:00", "end": "23:59"}],
        [{"name": "x" * 64, "start": "22:00", "end": "06:00"}, {"name": "X", "start": "22:00", "end": "21:59"}],
        [{"name": f"{n}", "start": f"{n:02}:00", "end": f"{n:02}:59"} for n in range(24)],
    ],
    ids=shown,
)
def test_shifts_come_back_as_they_were_set_and_change_no_number(site: Site, shifts: list[dict[str, str]]) -> None:
    site.post("/events/", event(event_type="working"))
    usual = [("Early", "06:00", "14:00"), ("Late", "14:00", "22:00"), ("Night", "22:00", "06:00")]
    for factory in (site.factory, "default"):
        given = site.get(f"/factories/{factory}").body["data"]["shifts"]
        assert [(one["name"], one["start"], one["end"]) for one in given] == usual
    before = site.get("/metrics/factory").body
    sent = [{**one, "breaks": []} for one in shifts]  # other fields are ignored
    assert site.patch(f"/factories/{site.factory}", {"shifts": sent}).body["data"]["shifts"] == shifts
    assert site.patch(f"/factories/{site.factory}", {"shifts": None, "time_zone": "Asia/Tokyo"}).status == 200
    assert site.get(f"/factories/{site.factory}").body["data"]["shifts"] == shifts
    assert site.get("/metrics/factory").body["data"] == before["data"]
    new = {"factory_id": f"{site.factory}-new", "shifts": shifts}
    assert site.post("/factories/", new).body["data"]["shifts"] == shifts


@one_store
@pytest.mark.parametrize("identity", ["", "a b", "x" * 65, "é", 5, None, "-x", "a/b"])
def test_a_factory_needs_a_good_id(site: Site, identity: Any) -> None:
    body = {"factory_id": identity, "name": "New", "time_zone": "UTC"}
    assert_is_error(site.post("/factories/", body), 400, field="factory_id")


def test_what_is_registered_twice_is_a_409_and_the_first_stays(site: Site) -> None:
    for path, body in (
        ("/workers/", {"worker_id": "X", "name": "First"}),
        ("/workstations/", {"workstation_id": "X", "name": "First", "type": "a"}),
    ):
        assert site.post(path, body).status == 201
        assert_is_error(site.post(path, {**body, "name": "Second"}), 409)
        assert site.get(path + "X").body["data"]["name"] == "First"
    assert_is_error(site.post("/factories/", {"factory_id": site.factory, "name": "x", "time_zone": "UTC"}), 409)


# What is switched off, rejected or away


def test_seeding_is_not_allowed_without_demo_mode(site: Site) -> None:
    site.post("/events/", GOOD)
    assert_is_error(site.send("POST", "/api/v1/demo/seed"), 403)
    assert len(site.stored()) == 1


def make_site(database_url: str, **changes: str) -> tuple[Site, Any]:
    from factory.app import create_app

    app = create_app(make_settings(database_url, **changes), clock=Clock(NOON))
    return Site(app.test_client(), "default"), app


def test_with_the_reject_policy_events_of_unknown_workers_fail_and_register_nobody(database_url: str) -> None:
    site, app = make_site(database_url, UNKNOWN_ENTITY_POLICY="reject")
    assert site.post("/workers/", {"worker_id": "W1", "name": "Alice"}).status == 201
    assert_is_error(site.post("/events/", GOOD), 400, field="workstation_id")
    assert site.post("/workstations/", {"workstation_id": "S3", "name": "QC", "type": "inspection"}).status == 201
    assert_is_error(site.post("/events/", event(worker_id="W2")), 400, field="worker_id")
    assert_batch(site.post("/events/batch", [event(worker_id="W2"), GOOD]), 201, created=1, failed=[0])
    assert [worker["worker_id"] for worker in site.get("/workers/").body["data"]] == ["W1"]
    app.extensions["factory_store"].engine.dispose()


def test_the_limits_of_a_batch_are_settings(database_url: str) -> None:
    site, app = make_site(database_url, MAX_BATCH_EVENTS="2", MAX_BODY_BYTES="1024")
    assert_batch(site.post("/events/batch", [event(event_id=c) for c in "ab"]), 201, created=2, failed=[])
    assert_is_error(site.post("/events/batch", [event(event_id=c) for c in "abc"]), 413)
    assert_is_error(site.post("/events/batch", b"[" + b" " * 1023 + b"]"), 413)
    app.extensions["factory_store"].engine.dispose()


def test_a_database_that_is_away_is_a_503_with_retry_after(fresh_database: Any, postgresql_server: str) -> None:
    from sqlalchemy import create_engine, make_url, text

    url = fresh_database("postgresql")
    _, app = make_site(url)
    client = app.test_client()
    name = make_url(url).database
    admin = create_engine(
        make_url(postgresql_server).set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))
        for method, path, body in (
            ("GET", "/health/ready", None),
            ("POST", "/events/", GOOD),
            ("POST", "/events/batch", [GOOD]),
            ("GET", "/metrics/factory", None),
            ("GET", "/workers/", None),
            ("GET", "/events/", None),
        ):
            reply = client.open("/api/v1" + path, method=method, json=body)
            assert reply.status_code == 503, (path, reply.text)
            assert int(reply.headers["Retry-After"]) >= 1
            assert "psycopg2" not in reply.text
            assert name not in reply.text
        assert client.get("/api/v1/health/live").status_code == 200
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    admin.dispose()
    assert client.post("/api/v1/events/", json=GOOD).status_code == 201
    app.extensions["factory_store"].engine.dispose()
