"""Bodies that are malformed, oversized or compressed with ill intent: never a 500, nothing half stored."""

from __future__ import annotations

import gzip
import io
import json
import time
import tracemalloc

import pytest
from tests.hostile.site import GOOD, JSON, LINES, Site, assert_batch, assert_is_error, event, line, one_store

MIB = 1024 * 1024
DEEP = b"[" * 30_000 + b"]" * 30_000  # as deep as a body of any route can be
DEEP_OBJECT = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
NO_JSON = [
    b"",
    b" \n ",
    b"{",
    b"}",
    b"[",
    b"[{}",
    b"[{},]",
    b"{'timestamp': 1}",
    b"timestamp=2026",
    b"<event/>",
    b"\x00",
    b"\xff\xfe[\x00]\x00",
    b'{"a": "\xff"}',
    b'["\xed\xa0\x80"]',
    b"[1] [2]",
    b"[] x",
    b"nul",
    b"\x1f\x8b\x08\x00",
    b"[/* comment */]",
    b"[" * 60_000,
    b'{"a":' * 12_000,
]
POSTS = ["/events/", "/events/batch", "/workers/", "/workstations/", "/factories/"]


pytestmark = one_store


WHOLE_GZIP = gzip.compress(line([GOOD]), mtime=0)  # no time inside: each test process collects the same tests


def shown(value: object) -> str:
    return repr(value)[:30]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", NO_JSON, ids=shown)
def test_a_body_that_is_not_json_is_a_400(site: Site, path: str, body: bytes) -> None:
    answer = site.post(path, body)
    assert_is_error(answer, 400)
    assert not answer.body.get("errors")
    assert site.stored() == []


@pytest.mark.parametrize("path", ["/workers/W1", "/workstations/S1", "/factories/{factory}"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"\xff"', DEEP], ids=shown)
def test_a_patch_that_is_no_object_is_a_400(site: Site, path: str, body: bytes) -> None:
    site.post("/events/", event(workstation_id="S1"))
    path = path.format(factory=site.factory)
    before = site.get(path).body["data"]
    assert_is_error(site.send("PATCH", "/api/v1" + path, body, JSON), 400)
    assert site.get(path).body["data"] == before


@pytest.mark.parametrize("path", [path for path in POSTS if path != "/events/batch"])
@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"x"', b"true", b"[{}]", DEEP], ids=shown)
def test_json_of_another_shape_than_an_object_is_a_400(site: Site, path: str, body: bytes) -> None:
    assert_is_error(site.post(path, body), 400)


@pytest.mark.parametrize(
    "body", [b"{}", b"null", b"5", b'"x"', b"true", line(GOOD), line({"events": [GOOD]})], ids=shown
)
def test_a_batch_of_another_shape_than_a_list_is_a_400(site: Site, body: bytes) -> None:
    answer = site.post("/events/batch", body)
    assert_is_error(answer, 400)
    assert "Expected a list of events" in answer.body["error"]
    assert site.stored() == []


@pytest.mark.parametrize(
    "item", [b"null", b"5", b'"x"', b"[]", b"true", b"1.5", b"{}", b"9" * 5000, b"1e999"], ids=shown
)
def test_an_item_that_is_no_event_fails_and_the_good_part_is_kept(site: Site, item: bytes) -> None:
    assert_batch(site.post("/events/batch", b"[" + item + b"," + line(GOOD) + b"]"), 201, created=1, failed=[0])
    assert_batch(site.post_lines(line(GOOD), item), 200, duplicates=1, failed=[1])
    assert_batch(site.post("/events/batch", b"[" + item + b"]"), 422, failed=[0])


@pytest.mark.parametrize("deep", [DEEP, DEEP_OBJECT], ids=["lists", "objects"])
def test_deep_nesting_stores_nothing_half(site: Site, deep: bytes) -> None:
    ignored_field = line(GOOD)[:-1] + b',"extra":' + deep + b"}"
    single = site.post("/events/", ignored_field)
    in_list = site.post("/events/batch", b"[" + line(event(worker_id="W2")) + b"," + ignored_field + b"]")
    assert {single.status, in_list.status} <= {200, 201, 400}
    assert len(site.stored()) == (single.status == 201) + (in_list.status == 201) * 1 or in_list.status == 400
    assert_is_error(site.post("/events/batch", deep[: len(deep) // 2]), 400)


def test_a_deep_line_fails_alone(site: Site) -> None:
    assert_batch(site.post_lines(DEEP, line(GOOD), DEEP_OBJECT), 201, created=1, failed=[0, 2])


@pytest.mark.parametrize("surrogate", [rb'"\ud800"', rb'"\udc00"', rb'"\ud800\ud800"', rb'"\ud83d x"'], ids=shown)
def test_a_lone_surrogate_in_an_ignored_field_does_no_harm(site: Site, surrogate: bytes) -> None:
    for key, value in ((b'"extra"', surrogate), (surrogate, b"1")):
        body = line(GOOD)[:-1] + b"," + key + b":" + value + b"}"
        assert site.post("/events/", body).status in (200, 201, 400)
        assert site.post("/events/batch", b"[" + body + b"]").status in (200, 201, 400, 422)
        assert_batch(
            site.post_lines(line(event(worker_id="W2")), b"[]"),
            201 if key == b'"extra"' else 200,
            created=int(key == b'"extra"'),
            duplicates=int(key != b'"extra"'),
            failed=[1],
        )


def test_a_nul_character_is_refused_where_it_is_kept_and_harmless_where_it_is_not(site: Site) -> None:
    assert_is_error(site.post("/events/", event(event_id="a\x00b")), 400, field="event_id")
    assert_is_error(site.post("/workers/", {"worker_id": "W1", "name": "a\x00b"}), 400, field="name")
    assert site.post("/events/", event(extra="a\x00b")).status == 201


def test_a_byte_order_mark_is_left_out(site: Site) -> None:
    mark = b"\xef\xbb\xbf"
    assert site.post("/events/", mark + line(GOOD)).status == 201
    assert site.post("/events/batch", mark + line([event(timestamp="2026-01-15T10:00:01Z")])).status == 201
    assert site.send("PATCH", "/api/v1/workers/W1", mark + line({"name": "Ada"}), JSON).status == 200
    assert len(site.stored()) == 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_other_encodings_than_utf_8_store_nothing_wrong(site: Site, encoding: str) -> None:
    answer = site.post("/events/batch", json.dumps([event(source_id="é")]).encode(encoding))
    assert answer.status in (201, 400)
    assert [row["source_id"] for row in site.stored()] == (["é"] if answer.status == 201 else [])


def test_a_member_named_like_a_python_attribute_is_just_ignored(site: Site) -> None:
    assert site.post("/events/", event(__class__="x", __init__={}, self=1)).status == 201


# Lines


def test_lines_may_end_with_carriage_returns_and_blank_lines_do_not_count(site: Site) -> None:
    first, second = line(event(worker_id="W1")), line(event(worker_id="W2"))
    body = b"\r\n\r\n" + first + b"\r\n \t\r\n\n{bad\r\n" + second + b"\r\n\n"
    assert_batch(site.post("/events/batch", body, LINES), 201, created=2, failed=[1])


@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n \t \n\n"], ids=shown)
def test_no_lines_are_an_empty_batch(site: Site, body: bytes) -> None:
    answer = site.post("/events/batch", body, LINES)
    assert_batch(answer, 200, failed=[])
    assert answer.body["total_count"] == 0


def test_each_bad_line_fails_by_its_index_and_the_good_lines_are_kept(site: Site) -> None:
    bad = [
        b"{",
        b"\xff\xfe",
        b'{"a":"\xff"}',
        b"null",
        b"[]",
        line([GOOD]),
        b"NaN",
        b"9" * 5000,
        line(GOOD) + b",",
        b"\x00",
    ]
    lines: list[bytes] = []
    for number, one in enumerate(bad):
        lines += [one, line(event(event_id=str(number)))]
    assert_batch(site.post_lines(*lines), 201, created=len(bad), failed=list(range(0, 2 * len(bad), 2)))
    assert len(site.stored()) == len(bad)


def test_two_events_on_one_line_are_one_failure(site: Site) -> None:
    assert_batch(site.post_lines(line(GOOD) + line(event(worker_id="W2"))), 422, failed=[0])
    assert site.stored() == []


@pytest.mark.parametrize("separator", ["\u2028", "\u0085"], ids=shown)
def test_only_a_line_feed_ends_a_line(site: Site, separator: str) -> None:
    body = json.dumps(event(extra=f"a{separator}b"), ensure_ascii=False).encode()
    assert_batch(site.post("/events/batch", body + b"\n" + b"{}", LINES), 201, created=1, failed=[1])


# Sizes


@pytest.mark.parametrize("route", ["list", "lines"])
def test_one_event_too_many_is_a_413_and_nothing_is_stored(site: Site, route: str) -> None:
    events = [line(event(event_id=str(number))) for number in range(10_001)]
    answer = (
        site.post("/events/batch", b"[" + b",".join(events) + b"]") if route == "list" else site.post_lines(*events)
    )
    assert_is_error(answer, 413)
    assert site.stored() == []


def test_the_largest_batch_is_accepted_and_blank_lines_are_no_events(site: Site) -> None:
    lines = [b"{}" for _ in range(9_999)] + [b""] * 5 + [line(GOOD)]
    assert_batch(site.post_lines(*lines), 201, created=1, failed=list(range(9_999)))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"[" + b"0," * 5_000_000 + b"0]", JSON),
        (b"[" + b"{}," * 4_000_000 + b"{}]", JSON),
        (b"0\n" * 5_000_000, LINES),
        pytest.param(
            b"[" + b'["' + b'\\"' * 1_000_000 + b'",' + b"0," * 1_000_000 + b"0]" + b",0" * 10_000 + b"]",
            JSON,
            marks=pytest.mark.system,
        ),
    ],
    ids=["numbers", "objects", "lines", "text"],
)
def test_millions_of_nothings_are_a_413_before_they_fill_the_memory(site: Site, body: bytes, content_type: str) -> None:
    packed = gzip.compress(body, compresslevel=1)
    tracemalloc.start()
    answer = site.post("/events/batch", packed, content_type, Content_Encoding="gzip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert_is_error(answer, 413)
    assert peak < 64 * MIB


@pytest.mark.parametrize("path", POSTS)
def test_a_body_over_the_limit_is_a_413(site: Site, path: str) -> None:
    body = b"[" + b" " * (16 * MIB) + b"]"
    assert_is_error(site.post(path, body), 413)


def test_a_body_at_the_limit_is_read(site: Site) -> None:
    body = b"[" + line(GOOD) + b"]"
    body += b" " * (16 * MIB - len(body))
    assert_batch(site.post("/events/batch", body), 201, created=1, failed=[])


# Compression


@pytest.mark.parametrize("content_type", [JSON, LINES])
@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
def test_a_gzipped_batch_is_inflated(site: Site, content_type: str, encoding: str) -> None:
    body = line([GOOD]) if content_type == JSON else line(GOOD)
    answer = site.post("/events/batch", gzip.compress(body), content_type, Content_Encoding=encoding)
    assert_batch(answer, 201, created=1, failed=[])


def test_a_gzip_file_of_several_members_is_one_body(site: Site) -> None:
    first, second = line(event(worker_id="W1")) + b"\n", line(event(worker_id="W2"))
    body = gzip.compress(first) + gzip.compress(second)
    assert_batch(site.post("/events/batch", body, LINES, Content_Encoding="gzip"), 201, created=2, failed=[])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not gzip at all",
        b"\x1f\x8b",
        WHOLE_GZIP[:-1],
        WHOLE_GZIP[:-8],
        WHOLE_GZIP[:20],
        WHOLE_GZIP[:-8] + b"\0" * 8,
        WHOLE_GZIP + b"trailing garbage",
        line([GOOD]),
        gzip.compress(WHOLE_GZIP, mtime=0),
    ],
    ids=shown,
)
def test_a_body_that_is_no_whole_gzip_is_a_400_and_nothing_is_stored(site: Site, body: bytes) -> None:
    assert_is_error(site.post("/events/batch", body, Content_Encoding="gzip"), 400)
    assert site.stored() == []


def test_lines_cut_off_in_a_gzip_are_not_half_stored(site: Site) -> None:
    lines = b"\n".join(line(event(event_id=str(number))) for number in range(2_000))
    body = gzip.compress(lines)
    assert_is_error(site.post("/events/batch", body[: len(body) // 2], LINES, Content_Encoding="gzip"), 400)
    assert site.stored() == []


def zeros(mebibytes: int) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as stream:
        for _ in range(mebibytes):
            stream.write(b" " * MIB)
    return packed.getvalue()


@pytest.mark.parametrize("path", POSTS)
def test_a_gzip_bomb_is_a_413_without_being_unpacked(site: Site, path: str) -> None:
    bomb = zeros(300)
    tracemalloc.start()
    started = time.perf_counter()
    answer = site.post(path, bomb, Content_Encoding="gzip")
    seconds, (_, peak) = time.perf_counter() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status in (413, 415)
    if path == "/events/batch":
        assert_is_error(answer, 413)
    assert peak < 64 * MIB
    assert seconds < 5


def test_a_gzip_bomb_of_many_members_is_a_413(site: Site) -> None:
    assert_is_error(site.post("/events/batch", zeros(1) * 20, LINES, Content_Encoding="gzip"), 413)


def test_a_million_empty_gzip_members_do_not_hold_the_server_up(site: Site) -> None:
    body = gzip.compress(b"") * 100_000
    started = time.perf_counter()
    assert site.post("/events/batch", body, LINES, Content_Encoding="gzip").status in (200, 400, 413)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "compress", "bogus", "\x7f"])
def test_another_content_encoding_is_a_415(site: Site, encoding: str) -> None:
    assert_is_error(site.post("/events/batch", line([GOOD]), Content_Encoding=encoding), 415)
    assert site.stored() == []


def test_the_identity_encoding_is_none(site: Site) -> None:
    assert_batch(site.post("/events/batch", line([GOOD]), Content_Encoding="identity"), 201, created=1, failed=[])


# Content types


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/jsonx",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        ";",
        "application/json-patch+json",
        "\xe9",
    ],
    ids=shown,
)
def test_a_content_type_that_is_not_accepted_is_a_415(site: Site, path: str, content_type: str | None) -> None:
    assert_is_error(site.post(path, line([GOOD]), content_type), 415)


def test_lines_are_accepted_by_the_batch_route_only(site: Site) -> None:
    assert_is_error(site.post("/events/", line(GOOD), LINES), 415)


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"']
)
def test_a_content_type_may_have_a_charset_and_any_case(site: Site, content_type: str) -> None:
    assert site.post("/events/", GOOD, content_type).status == 201
    assert_batch(site.post("/events/batch", [GOOD], content_type), 200, duplicates=1, failed=[])
