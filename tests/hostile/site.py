"""Requests of the hostile tests to the service, and the rules that they hold every answer to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

JSON = "application/json"
LINES = "application/x-ndjson"
GOOD = {
    "timestamp": "2026-01-15T10:15:00Z",
    "worker_id": "W1",
    "workstation_id": "S3",
    "event_type": "product_count",
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
# What only the inside of the service could say.
INSIDE = re.compile(
    r"Traceback|sqlalchemy|psycopg2|sqlite3|msgspec|SELECT |INSERT |File \"|line \d+, in ", re.IGNORECASE
)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]


one_store = pytest.mark.parametrize("attacked_app", ["sqlite"], indirect=True)
"""For what is refused before a store is asked."""


class Site:
    """A client of /api/v1 in a factory of its own; no answer may be a 500."""

    def __init__(self, client: Any, factory: str) -> None:
        self.client = client
        self.factory = factory

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = {"X-Factory-ID": self.factory, **(headers or {})}
        if content_type is not None:
            sent["Content-Type"] = content_type
        reply = self.client.open(path, base_url="http://localhost", method=method, data=body, headers=sent)
        assert reply.status_code < 500, f"{method} {path}: {reply.status_code} {reply.text[:500]}"
        is_json = (reply.content_type or "").startswith(JSON)
        return Answer(reply.status_code, reply.get_json() if is_json and reply.data else None, reply.headers)

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", "/api/v1" + path, headers=headers)

    def post(self, path: str, value: Any, content_type: str | None = JSON, **headers: str) -> Answer:
        """POST a value as JSON, or bytes as they stand."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.send("POST", "/api/v1" + path, body, content_type, sent)

    def patch(self, path: str, value: Any) -> Answer:
        return self.send("PATCH", "/api/v1" + path, json.dumps(value).encode(), JSON)

    def post_lines(self, *lines: bytes, end: bytes = b"\n") -> Answer:
        return self.post("/events/batch", end.join(lines), LINES)

    def stored(self) -> list[dict[str, Any]]:
        """Every stored event of the site's factory, oldest first."""
        answer = self.get("/events/?limit=1000")
        assert answer.status == 200
        assert not answer.body.get("next_cursor"), "more events than a test here may store"
        events: list[dict[str, Any]] = answer.body["data"]
        return events[::-1]


def event(**changes: Any) -> dict[str, Any]:
    """Make a good event with changes; a change to `...` leaves the field out."""
    return {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}


def line(value: Any) -> bytes:
    return json.dumps(value).encode()


def raw_event(field: str, token: bytes) -> bytes:
    """Return a good event's JSON in which `field` is the given bytes as they stand."""
    members = [line(name) + b":" + line(value) for name, value in GOOD.items() if name != field]
    return b"{" + b",".join([*members, line(field) + b":" + token]) + b"}"


def assert_is_error(answer: Answer, status: int, code: str | None = None, field: str | None = None) -> None:
    """Assert the one shape of errors, with the given status and where given the code and the faulty field."""
    assert answer.status == status, answer.body
    body = answer.body
    assert isinstance(body["error"], str)
    assert body["error"]
    assert not INSIDE.search(json.dumps(body)), body
    assert re.fullmatch(r"[a-z][a-z0-9_]*", body["code"])
    assert body["status"] == status
    assert INSTANT.fullmatch(body["timestamp"])
    assert isinstance(body["path"], str)
    assert body["request_id"] == answer.headers["X-Request-ID"]
    for fault in body.get("errors", []):
        assert fault.keys() == {"field", "code", "message"}
        assert re.fullmatch(r"[a-z][a-z0-9_]*", fault["code"])
        assert fault["message"]
    if field is not None:
        assert field in {fault["field"] for fault in body["errors"]}, body
    if code is not None:
        assert code in {body["code"], *(fault["code"] for fault in body.get("errors", []))}, body


def assert_batch(answer: Answer, status: int, *, created: int = 0, duplicates: int = 0, failed: list[int]) -> None:
    """Assert that a batch's counts, indices and errors agree with each other and with what is expected."""
    assert answer.status == status, answer.body
    body = answer.body
    assert (body["created_count"], body["duplicate_count"]) == (created, duplicates), body
    assert body["success_count"] == created + duplicates
    assert body["failed_indices"] == failed, body
    assert body["failed_count"] == len(failed), body
    assert sorted({error["index"] for error in body["errors"]}) == failed
    for error in body["errors"]:
        assert error.keys() == {"index", "code", "field", "message"}
        assert re.fullmatch(r"[a-z][a-z0-9_]*", error["code"])
        assert error["message"]
        assert not INSIDE.search(error["message"])
    assert body["message"]
    assert INSTANT.fullmatch(body["timestamp"])
