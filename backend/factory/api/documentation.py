"""Swagger UI and the two documents. Everything is served from here; no third-party host is asked."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, make_response
from flask_restx import Api
from flask_restx.apidoc import ui_for
from werkzeug.utils import cached_property

from factory import __version__
from factory.api.http.contract import swagger_2
from factory.api.metrics.schemas import ANSWERS
from factory.api.openapi import BODIES, DESCRIPTION, SECURITY_SCHEMES, TITLE, openapi_document

# Swagger 2 has no scheme for it.
_BEARER = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "`Bearer` and an access token of `POST /session/`, or an API key.",
}
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]* src=)[^>]*>(.+?)</script>", re.DOTALL)


@cache
def _definitions() -> dict[str, Any]:
    return {name: swagger_2(schema) for name, schema in {**BODIES, **ANSWERS}.items()}


class DocumentedApi(Api):  # type: ignore[misc]
    """Flask-RESTX with errors left to errors.py, and our schemas and content types in its document."""

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(
            blueprint,
            version=__version__,
            title=TITLE,
            description=DESCRIPTION,
            doc="/docs",
            validate=False,
            authorizations={"bearer": _BEARER, "key": SECURITY_SCHEMES["key"]},
        )
        for name, definition in _definitions().items():
            self.schema_model(name, definition)

    def error_router(self, original_handler: Any, error: Exception) -> Any:
        return original_handler(error)

    def _register_doc(self, blueprint: Blueprint) -> None:
        blueprint.add_url_rule("/docs", "doc", self.render_doc)

    @property
    def base_path(self) -> str:
        return str(self.blueprint.url_prefix)

    def render_doc(self) -> Response:
        """Swagger UI. Its page starts it by an inline script, so this page allows just that one, by its hash."""
        page = make_response(ui_for(self))
        hashes = [hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(page.get_data())]
        scripts = " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in hashes)
        page.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
        )
        return page

    @cached_property
    def __schema__(self) -> dict[str, Any]:
        document: dict[str, Any] = super().__schema__
        document.pop("responses", None)  # of Flask-RESTX's own field masks, which we do not use
        for path in document["paths"].values():
            for operation in path.values():
                if isinstance(operation, dict) and "x-consumes" in operation:
                    operation["consumes"] = operation.pop("x-consumes")
        return document


def register_documents(app: Flask, api: DocumentedApi, blueprint: Blueprint, base_path: str) -> None:
    """`/docs` beside the API's own, and both documents below the API."""

    @cache
    def body() -> bytes:
        return msgspec.json.encode(openapi_document(api, base_path))

    blueprint.add_url_rule("/openapi.json", "openapi", lambda: Response(body(), mimetype="application/json"))
    app.add_url_rule("/docs", "docs", api.render_doc)
