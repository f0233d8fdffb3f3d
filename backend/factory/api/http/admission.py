"""What a full process is asked is refused before its body is read; what it has taken on is answered in time."""

from __future__ import annotations

from flask import Flask, request

from factory.domain.errors import Unavailable

FULL = "factory.full"
"""In the WSGI environment: whether the process has as many requests already as it may."""


def register_admission(app: Flask, *, spared: tuple[str, ...]) -> None:
    """Refuse the API's requests to a full process, except below the addresses that are spared.

    Call it after the hook is registered that gives a request its id.
    """

    def admit() -> None:
        path = request.path
        if request.environ.get(FULL) and path.startswith("/api/") and not path.startswith(spared):
            raise Unavailable("Too many requests at once", code="overloaded")

    app.before_request(admit)
