"""Serve the file written by `backup` for Prometheus: /metrics on port 9188."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

METRICS = Path(os.environ.get("BACKUP_HOME", "/var/lib/barman")) / "metrics.prom"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.path == "/metrics" and METRICS.exists()
        body = METRICS.read_bytes() if found else b""
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: a scrape every fifteen seconds is not worth a line."""


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(os.environ.get("BACKUP_METRICS_PORT", "9188"))), Handler).serve_forever()
