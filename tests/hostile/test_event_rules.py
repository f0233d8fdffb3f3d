"""Each rule of an event (SPEC section 2), by the one route, the list and the lines."""

from __future__ import annotations

from typing import Any

import pytest
from tests.hostile.site import GOOD, Site, assert_batch, assert_is_error, event, line, one_store, raw_event

TOO_LONG_ID = b'"' + b"W" * 65 + b'"'
CONTROL = rb'"a\u0000b"', rb'"a\nb"', rb'"\u007f"', rb'"\u0085"', rb'"a\u001f"'
NO_TEXT = b"5", b"1.5", b"true", b"[]", b"{}", b'["W1"]'
SURROGATES = rb'"\ud800"', rb'"\udc00\ud800"', rb'"a\udfffb"'

REFUSED: list[tuple[str, bytes]] = [
    *(("timestamp", token) for token in NO_TEXT),
    *(("timestamp", token) for token in SURROGATES),
    *(
        ("timestamp", line(text))
        for text in (
            "",
            "now",
            "2026-01-15",
            "10:15:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-01-15T24:00:00Z",
            "2026-01-14T23:59:60Z",
            "2026-01-15T10:60:00Z",
            "2026-01-15T10:15Z",
            "2026-01-15T10:15:00.Z",
            "2026-01-15T10:15:00,5Z",
            "2026-01-15T10:15:00 Z",
            "2026-01-15T10:15:00+0100",
            "2026-01-15T10:15:00+01",
            "2026-01-15T10:15:00+24:00",
            "2026-01-15T10:15:00+01:60",
            "2026-01-15T10:15:00Z\n",
            " 2026-01-15T10:15:00Z",
            "2026-01-15_10:15:00Z",
            "2026-01-15TT10:15:00",
            "20260115T101500Z",
            "2026-015T10:15:00Z",
            "2026-W03-4T10:15:00Z",
            "+2026-01-15T10:15:00Z",
            "2026-1-15T10:15:00Z",
            "２０２６-01-15T10:15:00Z",
            "٢٠٢٦-01-15T10:15:00Z",
            "2026-01-15T10:15:00Z\x00",
            "1768472100",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-23:59",
            "0001-01-01T00:00:00+23:59",
            "Z" * 100_000,
        )
    ),
    *((name, token) for name in ("worker_id", "workstation_id") for token in (*NO_TEXT, *SURROGATES, *CONTROL)),
    *(
        (name, token)
        for name in ("worker_id", "workstation_id")
        for token in (b'""', b'" "', b'" W1"', b'"W1 "', b'"W 1"', b'"-W"', b'".W"', b'"_W"', b'":W"', TOO_LONG_ID)
    ),
    ("worker_id", rb'"W1\n"'),
    ("worker_id", line("Ŵ1")),
    ("worker_id", line("Ｗ1")),
    ("worker_id", line("W1'; DROP TABLE events; --")),
    ("workstation_id", line('S1" OR "1"="1')),
    ("workstation_id", line("../S1")),
    ("workstation_id", line("S" * 1_000_000)),
    *(("event_type", token) for token in (*NO_TEXT, *SURROGATES)),
    *(
        ("event_type", line(text))
        for text in ("", "Working", "WORKING", "working ", "unknown", "product-count", "idle\x00", "1")
    ),
    *(
        ("count", token)
        for token in (
            b"-1",
            b"1000001",
            b"1.0",
            b"0.0",
            b"1.5",
            b"1e0",
            b"1E2",
            b'"1"',
            b'""',
            b"true",
            b"false",
            b"[]",
            b"[1]",
            b"{}",
            b"9223372036854775807",
            b"9223372036854775808",
            b"18446744073709551616",
            b"-9223372036854775809",
            b"9" * 1000,
            b"-" + b"9" * 5000,
            b"1e400",
            b"-1e400",
            b"1e999999999",
        )
    ),
    *(
        ("confidence", token)
        for token in (
            b"-0.1",
            b"1.1",
            b"1.0000000000000002",
            b"-5e-324",
            b"2",
            b"93",
            b'"0.93"',
            b'""',
            b"true",
            b"false",
            b"[]",
            b"{}",
            b"1e400",
            b"-1e400",
            b"9" * 1000,
            b"9" * 5000,
            b"9" * 400 + b".5",
        )
    ),
    *((name, token) for name in ("event_id", "source_id", "model_version") for token in (*NO_TEXT, *SURROGATES)),
    *((name, token) for name in ("event_id", "source_id", "model_version") for token in (b'""', *CONTROL)),
    ("event_id", b'"' + b"e" * 129 + b'"'),
    ("source_id", b'"' + b"s" * 65 + b'"'),
    ("model_version", b'"' + b"m" * 65 + b'"'),
]

# Not the JSON of RFC 8259 at all, although many parsers take them.
NOT_JSON = {
    "confidence": (b"NaN", b"Infinity", b"-Infinity", b"nan", b".5", b"1.", b"+1", b"0x1", b"01"),
    "count": (b"NaN", b"Infinity", b"01", b"+1", b"1_000", b"0b1", b"None", b"True"),
    "event_id": (b"'a'", b'"a\tb"', b'"a\x00b"', rb'"\x41"', rb'"\u12"', b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\xaf"'),
}


def shown(value: object) -> str:
    return repr(value)[:40]


@one_store
@pytest.mark.parametrize(("field", "token"), REFUSED, ids=shown)
def test_a_field_that_breaks_its_rule_is_named_and_the_rest_of_the_batch_is_kept(
    site: Site, field: str, token: bytes
) -> None:
    bad = raw_event(field, token)
    first, last = line(event(event_id="first")), line(event(event_id="last"))

    assert_is_error(site.post("/events/", bad), 400, field=field)
    assert site.stored() == []

    in_list = site.post("/events/batch", b"[" + b",".join([first, bad, last]) + b"]")
    assert_batch(in_list, 201, created=2, failed=[1])
    assert {error["field"] for error in in_list.body["errors"]} == {field}

    in_lines = site.post_lines(first, bad, last)
    assert_batch(in_lines, 200, duplicates=2, failed=[1])
    assert in_lines.body["errors"] == in_list.body["errors"]
    assert [row["event_id"] for row in site.stored()] in (["first", "last"], ["last", "first"])


@one_store
@pytest.mark.parametrize(
    ("field", "token"), [(field, token) for field, tokens in NOT_JSON.items() for token in tokens], ids=shown
)
def test_what_is_not_json_is_refused_whole_in_a_list_and_by_its_line_in_lines(
    site: Site, field: str, token: bytes
) -> None:
    bad, good = raw_event(field, token), line(GOOD)
    assert_is_error(site.post("/events/", bad), 400)
    assert_is_error(site.post("/events/batch", b"[" + good + b"," + bad + b"]"), 400)
    assert site.stored() == []
    assert_batch(site.post_lines(bad, good), 201, created=1, failed=[0])


@one_store
@pytest.mark.parametrize("field", ["timestamp", "worker_id", "workstation_id", "event_type"])
def test_a_required_field_may_be_neither_missing_nor_null(site: Site, field: str) -> None:
    missing = site.post("/events/", event(**{field: ...}))
    assert_is_error(missing, 400, field=field)
    assert missing.body["error"] == f"Missing required fields: {field}"
    assert_is_error(site.post("/events/", event(**{field: None})), 400, field=field)
    both = site.post("/events/batch", [event(**{field: ...}), event(**{field: None})])
    assert_batch(both, 422, failed=[0, 1])
    assert site.stored() == []


def test_all_missing_fields_are_named_at_once(site: Site) -> None:
    answer = site.post("/events/", {})
    assert answer.body["error"] == "Missing required fields: timestamp, worker_id, workstation_id, event_type"
    in_batch = site.post("/events/batch", [{}, GOOD])
    assert_batch(in_batch, 201, created=1, failed=[0])


def test_an_event_with_two_faults_fails_once(site: Site) -> None:
    answer = site.post("/events/batch", [event(count=-1, confidence=2), GOOD])
    assert_batch(answer, 201, created=1, failed=[0])
    single = site.post("/events/", event(count=-1, confidence=2))
    assert {fault["field"] for fault in single.body["errors"]} == {"count", "confidence"}


@pytest.mark.parametrize(
    ("timestamp", "code"),
    [
        ("2026-01-15T12:05:00.000001Z", "timestamp_in_future"),
        ("2026-01-15T12:05:01Z", "timestamp_in_future"),
        ("2026-01-15T14:00:00+01:00", "timestamp_in_future"),
        ("9999-12-31T23:59:59.999999Z", "timestamp_in_future"),
        ("2014-12-31T23:59:59.999999Z", "timestamp_too_old"),
        ("2015-01-01T00:59:59+01:00", "timestamp_too_old"),
        ("1970-01-01T00:00:00Z", "timestamp_too_old"),
        ("1969-12-31T23:59:59Z", "timestamp_too_old"),
        ("0001-01-01T00:00:00Z", "timestamp_too_old"),
    ],
)
def test_a_timestamp_outside_the_accepted_range_has_a_code_of_its_own(site: Site, timestamp: str, code: str) -> None:
    bad = event(timestamp=timestamp)
    single = site.post("/events/", bad)
    assert_is_error(single, 400, code, "timestamp")
    for answer in (site.post("/events/batch", [bad]), site.post_lines(line(bad))):
        assert_batch(answer, 422, failed=[0])
        assert [(error["field"], error["code"]) for error in answer.body["errors"]] == [("timestamp", code)]
    assert site.stored() == []


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("2026-01-15T10:15:00", "2026-01-15T10:15:00Z"),
        ("2026-01-15 10:15:00", "2026-01-15T10:15:00Z"),
        ("2026-01-15t10:15:00z", "2026-01-15T10:15:00Z"),
        ("2026-01-15T10:15:00+00:00", "2026-01-15T10:15:00Z"),
        ("2026-01-15T10:15:00-00:00", "2026-01-15T10:15:00Z"),
        ("2026-01-15T11:15:00+01:00", "2026-01-15T10:15:00Z"),
        ("2026-01-14T10:16:00-23:59", "2026-01-15T10:15:00Z"),
        ("2026-01-15T10:15:00.5Z", "2026-01-15T10:15:00.500000Z"),
        ("2026-01-15T10:15:00.123456789Z", "2026-01-15T10:15:00.123456Z"),
        ("2026-01-15T10:15:00.9999999999", "2026-01-15T10:15:00.999999Z"),
        ("2026-01-15T10:15:00." + "1" * 1000 + "Z", "2026-01-15T10:15:00.111111Z"),
        ("2026-01-15T12:05:00.0000009Z", "2026-01-15T12:05:00Z"),
        ("2015-01-01T00:00:00Z", "2015-01-01T00:00:00Z"),
        ("2024-02-29T23:59:59.000001Z", "2024-02-29T23:59:59.000001Z"),
    ],
)
def test_a_timestamp_is_kept_as_utc_with_microseconds(site: Site, sent: str, stored: str) -> None:
    assert site.post("/events/", event(timestamp=sent)).status == 201
    [row] = site.stored()
    assert row["timestamp"] in (stored, stored.replace(".500000Z", ".5Z"))
    # The same instant in another spelling is the same event, by each of the routes.
    assert_batch(site.post("/events/batch", [event(timestamp=sent)]), 200, duplicates=1, failed=[])
    assert_batch(site.post_lines(line(event(timestamp=stored))), 200, duplicates=1, failed=[])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("worker_id", "0"),
        ("worker_id", "W" * 64),
        ("worker_id", "W1.a_b:c-d"),
        ("workstation_id", "s3"),
        ("count", 0),
        ("count", 1_000_000),
        ("confidence", 0),
        ("confidence", 1),
        ("confidence", 5e-324),
        ("confidence", 0.1 + 0.2),
        ("confidence", 0.9999999999999999),
        ("event_id", "e" * 128),
        ("event_id", "é" * 128),
        ("event_id", "\U0001f600" * 128),
        ("event_id", "'; DROP TABLE events; --"),
        ("event_id", "%s %(a)s {0} \\u0000 \\0 $1 ?"),
        ("source_id", " camera 7 "),
        ("source_id", "\U0001f4f7" * 64),
        ("model_version", "v" * 64),
    ],
    ids=shown,
)
def test_a_value_inside_its_rule_is_kept_as_it_was_sent(site: Site, field: str, value: Any) -> None:
    assert site.post("/events/", event(**{field: value})).status == 201
    [row] = site.stored()
    assert row[field] == value
    assert_batch(site.post("/events/batch", [event(**{field: value})]), 200, duplicates=1, failed=[])


def test_null_in_an_optional_field_is_its_absence(site: Site) -> None:
    nulls = dict.fromkeys(["count", "confidence", "event_id", "source_id", "model_version"])
    assert site.post("/events/", event(**nulls)).status == 201
    assert_batch(site.post("/events/batch", [GOOD, event(**nulls)]), 200, duplicates=2, failed=[])


def test_other_fields_are_ignored(site: Site) -> None:
    extra = event(received_at="x", factory="other", zone={"a": [1, None]}, **{"": 0, "__proto__": {}})
    assert site.post("/events/", extra).status == 201
    [row] = site.stored()
    assert "zone" not in row
    assert row["received_at"] == "2026-01-15T12:00:00Z"


def test_duplicate_keys_keep_the_last(site: Site) -> None:
    body = line(GOOD)[:-1] + b',"worker_id":"first","worker_id":"last","count":"none","count":7}'
    assert site.post("/events/", body).status == 201
    [row] = site.stored()
    assert (row["worker_id"], row["count"]) == ("last", 7)
    assert_batch(site.post("/events/batch", b"[" + body + b"]"), 200, duplicates=1, failed=[])


def test_a_key_may_be_written_with_escapes(site: Site) -> None:
    body = line(GOOD).replace(b'"worker_id"', rb'"work\u0065r_id"')
    assert site.post("/events/", body).status == 201
    assert_batch(site.post("/events/batch", b"[" + body + b"]"), 200, duplicates=1, failed=[])


def test_ids_are_case_sensitive(site: Site) -> None:
    events = [event(worker_id="w1"), event(worker_id="W1")]
    assert_batch(site.post("/events/batch", events), 201, created=2, failed=[])
    assert {row["worker_id"] for row in site.get("/workers/").body["data"]} == {"w1", "W1"}


# Identity


@pytest.mark.parametrize(
    "change",
    [
        {"worker_id": "W2"},
        {"timestamp": "2026-01-15T10:15:00.000001Z"},
        {"event_type": "idle"},
        {"workstation_id": "S4"},
        {"source_id": "camera-1"},
        {"event_id": "e-1"},
    ],
    ids=shown,
)
def test_events_that_differ_in_what_identifies_them_are_two(site: Site, change: dict[str, str]) -> None:
    assert_batch(site.post("/events/batch", [GOOD, event(**change)]), 201, created=2, failed=[])
    assert_batch(site.post("/events/batch", [event(**change), GOOD]), 200, duplicates=2, failed=[])
    assert len(site.stored()) == 2


@pytest.mark.parametrize(
    ("stored", "changed"),
    [
        ({"count": 5}, {"count": 6}),
        ({"count": ...}, {"count": 0}),
        ({"confidence": 0.5}, {"confidence": 0.5000000000000001}),
        ({"confidence": 0.5}, {"confidence": ...}),
        ({"confidence": ...}, {"confidence": 0}),
        ({"model_version": "a"}, {"model_version": "b"}),
        ({"model_version": ...}, {"model_version": "a"}),
        ({"event_id": "e", "count": 1}, {"event_id": "e", "count": 2}),
    ],
    ids=shown,
)
def test_a_second_delivery_with_other_content_is_a_conflict_and_the_stored_one_stays(
    site: Site, stored: dict[str, Any], changed: dict[str, Any]
) -> None:
    assert site.post("/events/", event(**stored)).status == 201
    before = site.stored()
    assert_is_error(site.post("/events/", event(**changed)), 409, "conflict")
    assert_batch(site.post("/events/batch", [event(**changed)]), 422, failed=[0])
    mixed = site.post("/events/batch", [event(**changed), event(**stored), event(worker_id="W9")])
    assert_batch(mixed, 201, created=1, duplicates=1, failed=[0])
    assert mixed.body["errors"][0]["code"] == "conflict"
    assert [row for row in site.stored() if row["worker_id"] != "W9"] == before


@pytest.mark.parametrize(
    ("stored", "again"),
    [
        ({"count": ...}, {"count": 1}),
        ({"count": 1}, {"count": None}),
        ({"confidence": 0}, {"confidence": 0.0}),
        ({"confidence": 0.0}, {"confidence": -0.0}),
        ({"confidence": 1}, {"confidence": 1.0}),
        ({"event_type": "working", "count": 1}, {"event_type": "working", "count": 99}),
        ({"event_type": "idle"}, {"event_type": "idle", "count": 0}),
        ({"other": 1}, {"other": 2}),
    ],
    ids=shown,
)
def test_a_second_delivery_with_equal_content_is_a_duplicate(
    site: Site, stored: dict[str, Any], again: dict[str, Any]
) -> None:
    assert site.post("/events/", event(**stored)).status == 201
    second = site.post("/events/", event(**again))
    assert (second.status, second.body["duplicate"]) == (200, True)
    assert len(site.stored()) == 1


def test_of_two_conflicting_events_in_one_batch_the_first_is_stored(site: Site) -> None:
    answer = site.post("/events/batch", [event(count=5), event(count=6), event(count=5)])
    assert_batch(answer, 201, created=1, duplicates=1, failed=[1])
    assert answer.body["errors"][0]["code"] == "conflict"
    assert [row["count"] for row in site.stored()] == [5]


def test_a_factory_does_not_share_identities_with_another(site: Site) -> None:
    assert site.post("/events/", event(count=5)).status == 201
    other = f"{site.factory}-2"
    site.post("/factories/", {"factory_id": other, "name": "Other", "time_zone": "UTC"})
    assert site.post(f"/events/?factory={other}", event(count=6), X_Factory_ID=other).status == 201


def test_a_heartbeat_makes_no_units_and_a_missing_count_makes_one(site: Site) -> None:
    site.post("/events/batch", [event(count=0), event(timestamp="2026-01-15T10:16:00Z")])
    data = site.get("/metrics/workers/W1").body["data"]
    assert (data["total_units_produced"], data["event_count"]) == (1, 2)
