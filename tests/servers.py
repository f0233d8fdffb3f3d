"""Real server processes for tests: started as an operator starts them, and killed without mercy."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_SECONDS = 40.0
FAKETIME = {"LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC"}
"""Tests under another date (`faketime -m '2027-02-28 23:50' pytest …`) have their servers there as well."""


@dataclass(frozen=True)
class Reply:
    """A client's view of an answer: the status, the headers in lower case and the body."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


# Below the range from which systems take the ports of outgoing connections: a client of ours cannot take the
# port of a server that is down for a moment. Each test process has a stretch of its own.
PORTS_A_PROCESS = 1_000
_first_port = 12_000 + PORTS_A_PROCESS * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 18)
_ports = itertools.cycle(random.sample(range(_first_port, _first_port + PORTS_A_PROCESS), PORTS_A_PROCESS))


def free_port() -> int:
    """Return a port of this host on which nobody listens, and no other test process will."""
    for port in itertools.islice(_ports, PORTS_A_PROCESS):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise AssertionError("no port is free")


def wait_until(true: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Poll until something is true; fails after so many seconds with what was waited for."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def http_request(
    host: str,
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 20.0,
) -> Reply:
    """One request on a connection of its own. Raises OSError or HTTPException when nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        content = response.read()
        names: dict[str, str] = {}
        for name, value in response.getheaders():  # a repeated one is a list
            names[name.lower()] = f"{names[name.lower()]}, {value}" if name.lower() in names else value
        return Reply(response.status, names, content)
    finally:
        connection.close()


class RunningServer:
    """`factory serve` on a port of its own, its processes in one group; one of them serves, or WEB_WORKERS."""

    def __init__(self, database_url: str, log: Path, **environment: str) -> None:
        self.port = free_port()
        self.log = log
        # Nothing of the caller's own configuration may leak into the server.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name in {"PATH", "HOME", "LANG", "PYTHONPATH", "VIRTUAL_ENV", "TMPDIR"} | FAKETIME
        }
        self.environment = {
            **inherited,
            "DATABASE_URL": database_url,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WEB_WORKERS": "1",
            "LOG_LEVEL": "WARNING",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> RunningServer:
        self.spawn()
        self.wait_until_ready()
        return self

    def spawn(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "factory.cli.main", "serve"],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended while starting:\n{self.read_log()}")
            try:
                if self.request("GET", "/api/v1/health/ready").status == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)
        raise AssertionError(f"the server was not ready in time:\n{self.read_log()}")

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 20.0,
    ) -> Reply:
        return http_request("127.0.0.1", self.port, method, path, body, headers, timeout)

    def post_json(self, path: str, value: object, timeout: float = 20.0) -> Reply:
        headers = {"Content-Type": "application/json"}
        return self.request("POST", path, json.dumps(value).encode(), headers, timeout)

    def raw(self, data: bytes, *, shut: bool = True, timeout: float = 5.0) -> bytes:
        """Send bytes as they stand and return all that comes back before the server hangs up.

        `shut` closes our sending side afterwards, as a client does that has died.
        """
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as link:
            received = b""
            try:
                link.sendall(data)
                if shut:
                    link.shutdown(socket.SHUT_WR)
                while chunk := link.recv(65536):
                    received += chunk
            except OSError:
                pass  # a server may hang up on such a client at any moment
            return received

    def kill(self) -> None:
        """SIGKILL to every process at once: nobody gets to say goodbye."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def read_log(self) -> str:
        return self.log.read_text(errors="replace")[-5000:] if self.log.exists() else ""

    def __enter__(self) -> RunningServer:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.kill()
