"""CORS: pages of the origins in CORS_ORIGINS, and of no other, may call the API from a browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Flask
from flask_cors import CORS

_SENT = (
    "Authorization",
    "Content-Encoding",
    "Content-Type",
    "If-None-Match",
    "X-API-Key",
    "X-Factory-ID",
    "X-Request-ID",
)
_READ = ("ETag", "X-Request-ID", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_TEN_MINUTES = 600


def allow_origins(origins: Sequence[str]) -> Callable[[Flask], None]:
    """Let pages of these origins read the API's answers. Cookies are left out: such a page sends a token.

    The function that is returned registers Flask-CORS.
    """

    def register(app: Flask) -> None:
        CORS(
            app,
            resources=r"/api/.*",
            origins=list(origins),
            methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=list(_SENT),
            expose_headers=list(_READ),
            supports_credentials=False,
            always_send=False,
            max_age=_TEN_MINUTES,
        )

    return register
