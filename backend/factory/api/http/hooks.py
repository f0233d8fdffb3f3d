"""The outermost hooks of every request: its id, its log line, the headers of every answer."""

from __future__ import annotations

import logging
import re
import time
from uuid import uuid4

from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from factory.adapters.observe.logging_setup import request_id_of_this_thread
from factory.domain.access.permissions import Caller

log = logging.getLogger("factory.request")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

# Features that browsers offer to pages; this page uses none of them.
_UNUSED = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
)

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED),
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
}

OVER_TLS = {"Strict-Transport-Security": "max-age=31536000"}
"""One year, for this host alone: subdomains may belong to others."""


def believe_proxies(app: Flask, number: int) -> None:
    """Believe that many of the addresses in X-Forwarded-For, and values of X-Forwarded-Proto, counted from the right.

    With 0 both headers mean nothing. No other header of a proxy is believed: one that a proxy does not set reaches us
    as its client sent it.
    """
    if number:
        through_proxies = ProxyFix(app.wsgi_app, x_for=number, x_proto=number, x_host=0, x_port=0, x_prefix=0)
        app.wsgi_app = through_proxies  # type: ignore[method-assign]


def begin() -> None:
    """Give the request its id: the caller's, if it is one, else a new one."""
    g.started = time.perf_counter()
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
    request_id_of_this_thread.set(g.request_id)


def finish(response: Response) -> Response:
    """Add the headers of every answer, and write the request's log line."""
    response.headers["X-Request-ID"] = g.request_id
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.extend(OVER_TLS)
    if response.mimetype == "application/json":
        response.headers.setdefault("Cache-Control", "no-store")
    log.info("request", extra={"fields": _log_fields(response)})
    return response


def forget(_error: BaseException | None) -> None:
    """Clear the request id: the thread's next log line may belong to no request."""
    request_id_of_this_thread.set("")


def add_log_fields(**fields: int) -> None:
    """Add numbers to the log line of this request."""
    g.log_fields = fields


def _log_fields(response: Response) -> dict[str, object]:
    """Return the fields of the log line. Query and body are left out: they may reveal who did what.

    The address and the number of the caller are in the lines of refusals alone.
    """
    fields: dict[str, object] = {
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else "(none)",
        "status": response.status_code,
        "duration_ms": round((time.perf_counter() - g.started) * 1000, 2),
    }
    if "factory_id" in g:
        fields["factory"] = g.factory_id
    if "refusal_code" in g:
        fields["code"] = g.refusal_code
        fields["client"] = request.remote_addr or ""
        fields |= _who()
    return {**fields, **g.get("log_fields", {})}


def _who() -> dict[str, object]:
    """Return the number of the user or the id of the key, as far as it is proved; never a name or an address."""
    known: Caller | None = g.get("caller")
    if known is None or known.api_key is known.user_key is None:
        return {}
    return {"user": str(known.user_key)} if known.api_key is None else {"key": known.api_key}
