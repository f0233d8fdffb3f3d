"""Admission control: when the process is at its request limit, refuse with 503 before the body is read."""

from __future__ import annotations

from flask import request

from factory.domain.errors import Unavailable

FULL = "factory.full"
"""In the WSGI environment: whether the process has as many requests already as it may."""

_SPARED = "/api/v1/health"


def refuse_when_full() -> None:
    """Refuse the API's requests to a full process, but for those of health checks. Raises Unavailable."""
    path = request.path
    if request.environ.get(FULL) and path.startswith("/api/") and not path.startswith(_SPARED):
        raise Unavailable("Too many requests at once", code="overloaded")
