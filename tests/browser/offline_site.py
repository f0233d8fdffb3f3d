"""A small server under the real service worker, which does as the test says."""

from __future__ import annotations

import json
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.servers import free_port

FRONTEND = Path(__file__).resolve().parents[2] / "frontend"


class Site:
    """A page of two files with the real service worker, and an API that answers with what the test says."""

    def __init__(self) -> None:
        self.files = {
            "/": b"<!doctype html><title>first</title><script type=module src=main.js></script>",
            "/main.js": b"document.documentElement.dataset.version = 'first';",
            "/shell.js": b'self.SHELL = ["./", "main.js"];',
            "/sw.js": (FRONTEND / "sw.js").read_bytes(),
        }
        self.away = False
        self.seconds = 0.0
        self.status = 200
        self.seen: list[dict[str, str]] = []
        self.fetched: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.answer(self)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if self.away:
            request.close_connection = True  # without a word
            return
        time.sleep(self.seconds)
        path = request.path.split("?")[0]
        file = self.files.get(path)
        if path in ("/", "/main.js"):
            self.fetched.append(path)
        if path.startswith("/api/"):
            self.seen.append({name.lower(): value for name, value in request.headers.items()})
            status, body = self.status, json.dumps({"answer": len(self.seen)}).encode()
        else:
            status, body = (404, b"") if file is None else (200, file)
        kind = "text/html" if path == "/" else "text/javascript" if path.endswith(".js") else "application/json"
        try:
            request.send_response(status)
            request.send_header("Content-Type", kind)
            request.send_header("ETag", f'"{zlib.crc32(body)}"')
            request.end_headers()
            request.wfile.write(b"" if status == 304 else body)
        except OSError:
            pass  # the browser no longer waits
