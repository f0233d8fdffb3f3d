"""The static page at `/`."""

from __future__ import annotations

import gzip
import logging
import mimetypes
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

log = logging.getLogger("factory.api")

_TEXTS = ("application/json", "application/manifest+json", "image/svg+xml")
"""Types that gzip makes smaller, beside text/*."""


def register_frontend(app: Flask, directory: Path) -> None:
    """Serve `index.html` at `/` and what lies beside it.

    Each entry of the directory gets a rule of its own: one rule for all paths would answer for addresses
    below /api that are not its business.
    """
    if not (directory / "index.html").is_file():
        log.warning("no page to serve: FRONTEND_DIR holds no index.html")
        return
    app.add_url_rule("/", "page", lambda: answer_with(directory / "index.html"))
    for number, entry in enumerate(sorted(directory.iterdir())):
        if not entry.name.startswith("."):
            _register(app, entry, endpoint=f"page_{number}")


def _register(app: Flask, entry: Path, *, endpoint: str) -> None:
    def below(file: str) -> Response:
        path = safe_join(str(entry), file)
        if path is None:
            raise NotFound
        return answer_with(Path(path))

    if entry.is_dir():
        app.add_url_rule(f"/{entry.name}/<path:file>", endpoint, below)
    else:
        app.add_url_rule(f"/{entry.name}", endpoint, lambda: answer_with(entry))


def answer_with(file: Path) -> Response:
    """Return a file of the page, small enough to be read whole; the browser asks each time whether it changed."""
    if not file.is_file():
        raise NotFound
    mimetype = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    headers = {"Cache-Control": "no-cache"}
    content = file.read_bytes()
    if mimetype.startswith("text/") or mimetype in _TEXTS:
        headers["Vary"] = "Accept-Encoding"
        if request.accept_encodings.quality("gzip") > 0:
            headers["Content-Encoding"] = "gzip"
            content = _compressed(content)
    answer = Response(content, mimetype=mimetype, headers=headers)
    answer.add_etag()
    answer.make_conditional(request)
    return answer


@lru_cache(maxsize=256)
def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)
