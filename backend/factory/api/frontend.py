"""The static page at `/`."""

from __future__ import annotations

import logging
from pathlib import Path

from flask import Flask, Response, send_from_directory

log = logging.getLogger("factory.api")


def register_frontend(app: Flask, directory: Path) -> None:
    """Serve `index.html` at `/` and what lies beside it.

    Each entry of the directory gets a rule of its own: one rule for all paths would answer 405, or 404,
    for addresses below /api that are not its business.
    """
    if not (directory / "index.html").is_file():
        log.warning("no page to serve: FRONTEND_DIR holds no index.html")
        return

    def serve(file: str) -> Response:
        answer = send_from_directory(directory, file)
        answer.headers["Cache-Control"] = "no-cache"
        return answer

    app.add_url_rule("/", "frontend", lambda: serve("index.html"))
    for entry in sorted(directory.iterdir()):
        name = entry.name
        if name.startswith("."):
            continue
        if entry.is_dir():

            def below(file: str, name: str = name) -> Response:
                return serve(f"{name}/{file}")

            app.add_url_rule(f"/{name}/<path:file>", f"frontend {name}".replace(".", " "), below)
        else:

            def only(name: str = name) -> Response:
                return serve(name)

            app.add_url_rule(f"/{name}", f"frontend {name}".replace(".", " "), only)
