"""`make run-secure` and the banner of `make run`, as a person meets them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers import RunningServer, free_port, http_request

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
ROLES = ("wall", "viewer", "supervisor", "manager", "admin")


class Secure:
    """`python -m tools.run_secure` in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Start it and return all that it printed before it served."""
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tools.run_secure", "--directory", str(self.directory)],
            cwd=ROOT,
            env={**kept, "PORT": str(self.port), "WEB_WORKERS": "1", "LOG_LEVEL": "WARNING"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        printed = ""
        while "To begin anew" not in printed:
            line = self.process.stdout.readline()
            assert line, printed
            printed += line
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            try:
                if http_request("127.0.0.1", self.port, "GET", "/api/v1/health/ready").status == 200:
                    return printed
            except OSError:
                time.sleep(0.1)
        raise AssertionError("it does not serve")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(40)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    running = Secure(tmp_path / "var")
    yield running
    running.stop()


def test_the_first_start_tells_users_and_a_key_and_the_next_ones_keep_them(secure: Secure) -> None:
    printed = secure.start()
    secret = secure.directory / "secret_key"
    assert secret.stat().st_mode & 0o777 == 0o600
    first_secret = secret.read_text()
    assert len(first_secret.strip()) >= 48

    passwords = dict(re.findall(r"^  (\S+@example\.org)\s+(\S+)$", printed, flags=re.MULTILINE))
    assert set(passwords) == {f"{one}@example.org" for one in (*ROLES, "operator")}
    assert len(set(passwords.values())) == len(passwords)
    for email, password in passwords.items():
        body = json.dumps({"email": email, "password": password}).encode()
        answer = http_request(
            "127.0.0.1", secure.port, "POST", "/api/v1/session/", body, {"Content-Type": "application/json"}
        )
        assert (answer.status, answer.body["must_change_password"]) == (200, True)

    [key] = re.findall(r"FACTORY_API_KEY=(fk_\S+) factory simulate", printed)

    def send() -> int:
        headers = {"Content-Type": "application/json", "X-API-Key": key}
        return http_request("127.0.0.1", secure.port, "POST", "/api/v1/events/batch", b"[]", headers).status

    assert send() == 200
    assert http_request("127.0.0.1", secure.port, "GET", "/api/v1/workers/").status == 401
    secure.stop()

    again = secure.start()
    assert "@example.org" not in again
    assert key not in again
    assert secret.read_text() == first_secret
    assert send() == 200


def test_open_access_is_told_on_the_terminal(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with RunningServer(f"sqlite:///{tmp_path / 'factory.db'}", log) as server:
        assert "Access is open: everybody on this machine sees and changes everything" in log.read_text()
        assert f"http://localhost:{server.port}" in log.read_text()


def test_required_access_is_told_to_nobody(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    secret = "only-for-tests: 0123456789abcdef-ghijklmnop"
    with RunningServer(f"sqlite:///{tmp_path / 'factory.db'}", log, ACCESS="required", SECRET_KEY=secret):
        assert "Access is open" not in log.read_text()
