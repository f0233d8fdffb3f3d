"""Pages of other origins that may call the API from a browser (CORS): those of CORS_ORIGINS, and no other."""

from __future__ import annotations

from collections.abc import Sequence

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


def register_cross_origin(app: Flask, origins: Sequence[str]) -> None:
    """Tell browsers which origins may read the API's answers. Cookies stay out of it: whoever calls sends a token."""
    if origins:
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
