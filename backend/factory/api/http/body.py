"""Read the body of a request: its type, its size on the wire and inflated, its JSON."""

from __future__ import annotations

import zlib
from codecs import BOM_UTF8
from typing import Any, Protocol

import msgspec
from flask import request

from factory.api.http.request import settings
from factory.domain.errors import InvalidInput, TooLarge, UnsupportedMediaType

JSON = "application/json"
NDJSON = "application/x-ndjson"
SMALL_BODY_BYTES = 64 * 1024
"""Largest body of all routes but those of events."""
_CHUNK = 64 * 1024
_GZIP = 31  # zlib's window bits for a gzip header and trailer
_MOST_MEMBERS = 10_000  # each costs a copy of a chunk; an honest writer makes few
_decoder = msgspec.json.Decoder()


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def content_type(*accepted: str) -> str:
    """Return the media type of the body; raises UnsupportedMediaType unless it is one of `accepted`, in UTF-8."""
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype not in accepted or charset not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType(f"Content-Type must be {' or '.join(accepted)}")
    return request.mimetype


def read_body(*, most: int | None = None) -> bytes:
    """Read and inflate the body of at most `most` bytes; a byte order mark is left out, as RFC 8259 lets a reader do.

    Raises TooLarge, UnsupportedMediaType, or InvalidInput for a broken one.
    """
    limit = settings().max_body_bytes if most is None else min(most, settings().max_body_bytes)
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        raise UnsupportedMediaType("Content-Encoding must be gzip or identity", code="unsupported_encoding")
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    try:
        body = _read_up_to(request.stream, limit)
    except TooLarge:
        raise
    except Exception:  # each server has its own errors for a connection that broke or spoke nonsense
        raise _incomplete() from None
    if len(body) < (request.content_length or 0):
        raise _incomplete()
    return (inflate(body, limit) if encoding.endswith("gzip") else body).removeprefix(BOM_UTF8)


def read_object() -> dict[str, Any]:
    """Return the JSON object of a body of that content type, SMALL_BODY_BYTES and a Content-Length.

    A server knows by its length when such a body is there, and has no thread wait for it.
    """
    content_type(JSON)
    if "Transfer-Encoding" in request.headers:
        raise InvalidInput("This route takes a body with a Content-Length only", code="length_required")
    body = read_body(most=SMALL_BODY_BYTES)
    try:
        body.decode("utf-8")
        value = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise InvalidInput("The body is not valid JSON", code="invalid_json") from None
    if not isinstance(value, dict):
        raise InvalidInput("Expected a JSON object", code="not_an_object")
    return value


def inflate(body: bytes, limit: int) -> bytes:
    """Return the content of a gzip body of one or more members; never holds more than `limit` bytes of it."""
    parts: list[bytes] = []
    size = position = members = 0
    try:
        while position < len(body) or not members:
            member = zlib.decompressobj(_GZIP)
            members += 1
            while not member.eof:
                chunk = body[position : position + _CHUNK]
                if not chunk or members > _MOST_MEMBERS:
                    raise InvalidInput("The gzip body ends too early or has too many members", code="invalid_gzip")
                part = member.decompress(chunk, limit - size + 1)
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                parts.append(part)
                position += len(chunk) - len(member.unused_data)
    except zlib.error:
        raise InvalidInput("The body is not valid gzip", code="invalid_gzip") from None
    return b"".join(parts)


def _read_up_to(stream: Readable, limit: int) -> bytes:
    """All of a stream; Content-Length may be absent or a lie, so the bytes themselves are counted."""
    parts: list[bytes] = []
    size = 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        parts.append(chunk)
    return b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes", code="body_too_large")


def _incomplete() -> InvalidInput:
    return InvalidInput("The body ended early or was not framed as announced", code="incomplete_body")
