"""The product's server as in production, and what its processes use."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.child import Child, Result, run_together, write_parts

_INHERITED = {"PATH", "HOME", "LANG", "PYTHONPATH", "VIRTUAL_ENV", "TMPDIR"}
SERVE = ["-m", "factory.cli.main", "serve"]
SERVE_WITH_NOTHING = [
    "-m",
    "gunicorn",
    "--config",
    "python:factory.server.gunicorn_config",
    "benchmarks.noop_app:create_app()",
]


def environment(database_url: str, **more: str) -> dict[str, str]:
    """Make the product's environment: its defaults, production logs, open access unless `more` says otherwise."""
    inherited = {name: value for name, value in os.environ.items() if name in _INHERITED}
    return {**inherited, "ENVIRONMENT": "staging", "ACCESS": "open", "DATABASE_URL": database_url, **more}


class Server:
    """A running server; stopped at the end of the block."""

    def __init__(self, database_url: str, directory: Path, *, command: list[str] = SERVE, **more: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._directory = directory
        self._log = directory / f"server-{self.port}.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                env=environment(database_url, PORT=str(self.port), **more),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Server:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.request("GET", "/api/v1/health/ready")[0] == 200:
                    return self
            time.sleep(0.05)
        self.__exit__()
        raise RuntimeError("The server did not start:\n" + self._log.read_text()[-3000:])

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Return the CPU time of the server's processes until now, without the database's own."""
        return sum(_cpu_seconds(pid) for pid in self._processes())

    def _processes(self) -> list[str]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [str(self.pid), *children]

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def load(
        self, requests: list[bytes], *, connections: int, seconds: float | None = None, last: bytes | None = None
    ) -> Result:
        """Send requests from the load generator and wait for its result; `last` is sent after all others."""
        file = write_parts(self._directory / "requests", requests)
        child = Child(
            "load",
            port=self.port,
            file=str(file),
            connections=connections,
            seconds=seconds,
            last=last.decode() if last else None,
        )
        file.unlink()
        (result,) = run_together([child])
        refused = {status: count for status, count in result["statuses"].items() if not status.startswith("2")}
        if refused:
            raise RuntimeError(f"Requests were refused: {refused}\n" + self._log.read_text()[-3000:])
        return result

    def peak_megabytes(self) -> float:
        """Return the peak resident memory of the server's largest process."""
        return max(_peak_kilobytes(pid) for pid in self._processes()) / 1024


def _peak_kilobytes(pid: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _cpu_seconds(pid: str) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def request(method: str, path: str, body: bytes = b"", *, key: str | None = None) -> bytes:
    """Write a request as it goes over the wire, on a connection that stays open."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
    if key is not None:
        head += f"Authorization: Bearer {key}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def command(database_url: str, *arguments: str) -> tuple[float, float]:
    """Run a command of `factory`; seconds and the peak of its memory in megabytes."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "factory.cli.main", *arguments],
        env=environment(database_url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak = 0
    # Not the resource usage of the ended process: that remembers the size of this one, from before exec.
    while process.poll() is None:
        with contextlib.suppress(OSError, StopIteration):
            peak = _peak_kilobytes(str(process.pid))
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(f"factory {' '.join(arguments)} ended with {process.returncode}")
    return time.monotonic() - began, peak / 1024
