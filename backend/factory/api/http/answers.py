"""Answers in compact JSON, encoded once. The answer to a GET carries a weak ETag, for all routes made here."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec
from flask import Response, request
from werkzeug.http import quote_etag

from factory.api.http.request import now
from factory.domain.timestamp import format_timestamp

_encoder = msgspec.json.Encoder()


def json_answer(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(_encoder.encode(body), status, headers, mimetype="application/json")


def timestamp() -> str:
    """Return the instant at which this request is answered."""
    return format_timestamp(now())


def one(data: Any, status: int = 200, **beside: Any) -> Response:
    """Answer `{"status","data","timestamp"}` and the fields in `beside`; or 304 to a GET with the current ETag."""
    return _found({"data": data, **beside}, status)


def many(data: list[Any], *, left_out: int = 0, **beside: Any) -> Response:
    """Answer `{"status","count","data","timestamp"}` and the fields in `beside`; or 304 as `one` does.

    `left_out` says how many rows there are beside, if there are any.
    """
    return _found({"count": len(data), "data": data, **beside, **({"left_out": left_out} if left_out else {})})


def _found(content: dict[str, Any], status: int = 200) -> Response:
    encoded = {name: _encoder.encode(value) for name, value in content.items()}
    headers = {}
    if request.method in ("GET", "HEAD"):
        tag = _tag(encoded, content.get("window"))
        headers["ETag"] = quote_etag(tag, weak=True)
        if request.if_none_match.contains_weak(tag):
            return Response(status=304, headers=headers, mimetype="application/json")
    parts = {name: msgspec.Raw(part) for name, part in encoded.items()}
    return json_answer({"status": "success", **parts, "timestamp": timestamp()}, status, headers)


def _tag(encoded: dict[str, bytes], window: dict[str, Any] | None) -> str:
    """Digest of the content without the instant of evaluation: the same content later has the same tag."""
    digest = blake2b(digest_size=12)
    for name, part in encoded.items():
        if name == "window" and window is not None:
            part = _encoder.encode({**window, "evaluated_at": None})
        digest.update(part)
        digest.update(b"\n")
    return digest.hexdigest()
