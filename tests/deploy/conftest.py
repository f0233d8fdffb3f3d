"""A host with stand-ins for docker and ssh: the commands of deploy/ run whole, in seconds and without Docker."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
"""Limit for anything here on a machine that has other things to do."""


@dataclass
class Host:
    """The directory of a service on which v1 runs, by two backends, beside which the stand-ins keep what they know."""

    home: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def directory(self) -> Path:
        return self.home / "service"

    @property
    def environment(self) -> dict[str, str]:
        stand_ins = Path(__file__).parent / "stand_in"
        path = f"{stand_ins}:{os.environ['PATH']}"
        own = {"STAND_IN": str(self.home), "PYTHON": sys.executable, "IMAGE_PREFIX": "factory"}
        return {**os.environ, **own, "PATH": path}

    def start(self, *command: str, **variables: str) -> subprocess.Popen[str]:
        environment = {**self.environment, "PATIENCE_SECONDS": str(SECONDS), **variables}
        nobody, pipe = subprocess.DEVNULL, subprocess.PIPE
        started = subprocess.Popen(
            command,
            cwd=self.directory,
            env=environment,
            stdin=nobody,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
        )
        self.started.append(started)
        return started

    def end(self) -> None:
        """Leaves no process behind, also where a test has failed."""
        for one in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.communicate()

    def run(self, *command: str, **variables: str) -> tuple[int, str]:
        """Run a command; return its status and its standard error."""
        started = self.start(*command, **variables)
        _, said = started.communicate(timeout=SECONDS)
        return started.returncode, said

    def images(self, service: str) -> list[str]:
        told = json.loads((self.home / "containers.json").read_text())
        return [one["image"] for one in told if one["service"] == service]

    def calls(self) -> str:
        """Return the calls of the stand-in for docker, a line each."""
        return (self.home / "calls").read_text()

    def files(self) -> dict[str, str]:
        """Return the files of the directory, less those that commands keep for themselves."""
        found = (file for file in self.directory.rglob("*") if file.is_file())
        return {
            str(file.relative_to(self.directory)): file.read_text()
            for file in found
            if file.name not in (".release", ".former.tar", ".env")
        }


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"after {SECONDS} seconds still not: {what}"
        time.sleep(0.05)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path / "host")
    deploy = made.directory / "deploy"
    (deploy / "secrets").mkdir(parents=True)
    (deploy / "secrets" / "secret_key").write_text("secret")
    copy_release(made.directory)
    (made.home / "calls").touch()
    services = {"backend": 2, "nginx": 1, "nginx-tls": 1}
    running = [
        {"service": service, "image": f"factory-{'backend' if service == 'backend' else 'frontend'}:v1"}
        for service, number in services.items()
        for _ in range(number)
    ]
    numbered = [{"id": str(number), **one} for number, one in enumerate(running, start=101)]
    (made.home / "containers.json").write_text(json.dumps(numbered))
    yield made
    made.end()


def copy_release(directory: Path) -> None:
    """Copy the composition and commands that are checked out here."""
    (directory / "deploy").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "docker-compose.yml", directory)
    for name in ("compose.sh", "install-certificate", "over-ssh", "release", "rolling-update"):
        shutil.copy(ROOT / "deploy" / name, directory / "deploy")
