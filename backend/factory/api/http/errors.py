"""Map errors to statuses, and answer all of them in one shape."""

from __future__ import annotations

import logging
import re
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from factory.api.http.answers import json_answer, timestamp
from factory.api.http.request import prometheus_metrics
from factory.domain.errors import (
    Conflict,
    FactoryError,
    InvalidInput,
    NotAllowed,
    NotFound,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)

log = logging.getLogger("factory.api")

STATUS = {
    InvalidInput: 400,
    Unauthenticated: 401,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    UnsupportedMediaType: 415,
    TooMany: 429,
    Unavailable: 503,
}

REFUSALS = (401, 403, 429)
"""Statuses of callers who are not let in: counted by code, and their log line says who it was and from where."""

_MESSAGES = {404: "There is nothing at this address", 405: "This address does not answer that method"}
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def register_errors(app: Flask) -> None:
    """Answer every error of every route, unknown addresses included, in the one shape."""
    app.register_error_handler(FactoryError, refused)
    app.register_error_handler(HTTPException, refused_by_http)
    app.register_error_handler(Exception, failed)


def refused(error: FactoryError) -> Response:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    if status == 500:
        return failed(error)
    if isinstance(error, Unavailable):
        prometheus_metrics().unavailable(error.code)
    if status in REFUSALS:
        prometheus_metrics().refused(status, error.code)
        g.refusal_code = error.code
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return error_answer(status, error.code, error.message, errors=error.errors, headers=headers)


def refused_by_http(error: HTTPException) -> Response:
    """Answer an error of Flask or Werkzeug: an unknown address or method, a broken connection."""
    status = error.code or 500
    if status >= 500:
        return failed(error)
    message = _MESSAGES.get(status) or (error.description or error.name).replace("\n", " ")
    code = re.sub(r"[^a-z]+", "_", error.name.lower()).strip("_")
    headers = {name: value for name, value in error.get_headers() if name.lower() in ("allow", "retry-after")}
    return error_answer(status, code, message, headers=headers)


def failed(error: Exception) -> Response:
    """Answer an unexpected error: the log has its traceback, the answer no detail."""
    log.error("unhandled error", exc_info=error)
    return error_answer(500, "internal_error", "Something went wrong on our side; the request id finds it in the log")


def error_answer(
    status: int,
    code: str,
    message: str,
    *,
    errors: Any = None,
    headers: dict[str, str] | None = None,
) -> Response:
    body = {
        "error": message,
        "code": code,
        "status": status,
        "timestamp": timestamp(),
        "path": _UNSAFE.sub("�", request.path),
        "request_id": g.get("request_id", ""),
    }
    if errors:
        body["errors"] = errors
    return json_answer(body, status, headers)
