"""Bodies of answers: compact JSON, encoded once."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response

from factory.api.request_context import now
from factory.domain.timestamp import format_timestamp

_encoder = msgspec.json.Encoder()


def json_answer(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(_encoder.encode(body), status, headers, mimetype="application/json")


def timestamp() -> str:
    """The instant at which this request is answered."""
    return format_timestamp(now())


def one(data: Any, status: int = 200, **beside: Any) -> Response:
    """`{"status","data","timestamp"}`, with what stands beside the data."""
    return json_answer({"status": "success", "data": data, **beside, "timestamp": timestamp()}, status)


def many(data: list[Any], **beside: Any) -> Response:
    """`{"status","count","data","timestamp"}`, with what stands beside the data."""
    body = {"status": "success", "count": len(data), "data": data, **beside, "timestamp": timestamp()}
    return json_answer(body)
