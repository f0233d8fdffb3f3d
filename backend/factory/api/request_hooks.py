"""Around every request: its id, one log line, the headers that every answer carries."""

from __future__ import annotations

import logging
import re
import time
from uuid import uuid4

from flask import Flask, Response, g, request

from factory.adapters.logging_setup import request_id_of_this_thread

log = logging.getLogger("factory.request")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
}


def register_hooks(app: Flask) -> None:
    app.before_request(begin)
    app.after_request(finish)
    app.teardown_request(forget)


def begin() -> None:
    g.started = time.perf_counter()
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
    request_id_of_this_thread.set(g.request_id)


def finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if response.mimetype == "application/json":
        response.headers.setdefault("Cache-Control", "no-store")
    log.info("request", extra={"fields": _log_fields(response)})
    return response


def forget(_error: BaseException | None) -> None:
    """The thread's next log line may belong to no request."""
    request_id_of_this_thread.set("")


def count(**counts: int) -> None:
    """Numbers for the log line of this request."""
    g.counts = counts


def _log_fields(response: Response) -> dict[str, object]:
    """Never the query, the body or the caller's address: they may tell who did what."""
    fields: dict[str, object] = {
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else "(none)",
        "status": response.status_code,
        "duration_ms": round((time.perf_counter() - g.started) * 1000, 2),
    }
    if "factory" in g:
        fields["factory"] = g.factory
    return {**fields, **g.get("counts", {})}
