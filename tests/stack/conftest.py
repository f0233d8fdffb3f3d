"""The composed stack as an operator brings it up: images built, three backends, TLS; taken down after the last test."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.servers import Reply, free_port

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = 3
PROFILES = ("tls", "backup", "pooler")
"""Those whose images can be had everywhere."""
PATIENCE_SECONDS = 120.0


@dataclass
class Stack:
    """A running composition; commands are those of docker-compose and docker."""

    compose_command: list[str]
    project: str
    environment: dict[str, str]
    key: str = field(default="", repr=False)

    def compose(self, *arguments: str, check: bool = True) -> str:
        profiles = [option for name in PROFILES for option in ("--profile", name)]
        command = [*self.compose_command, "-p", self.project, *profiles, *arguments]
        return run(command, self.environment, check=check)

    def containers(self, service: str = "") -> list[str]:
        return self.compose("ps", "-q", *([service] if service else [])).split()

    def container(self, service: str) -> str:
        [one] = self.containers(service)
        return one

    def execute(self, container: str, *command: str) -> str:
        return run(["docker", "exec", container, *command], self.environment)

    def sql(self, statement: str, service: str = "postgres") -> list[str]:
        """Return the rows of a statement, as psql writes them unaligned."""
        psql = ("psql", "--username", "postgres", "--no-align", "--tuples-only", "--command", statement, "factory")
        return self.execute(self.container(service), *psql).splitlines()

    def inspect(self, container: str, template: str) -> str:
        return run(["docker", "inspect", "--format", template, container], self.environment).strip()

    def url(self, variable: str) -> str:
        """Return the address of what is published on the port in a variable of docker-compose.yml."""
        scheme = "https" if variable == "TLS_PORT" else "http"
        return f"{scheme}://localhost:{self.environment[variable]}"

    def connect(self, *, tls: bool = True) -> HTTPConnection:
        if not tls:
            return HTTPConnection("localhost", int(self.environment["HTTP_PORT"]), timeout=30)
        trust = ssl.create_default_context(cafile=f"{self.environment['TLS_CERTIFICATES']}/fullchain.pem")
        return HTTPSConnection("localhost", int(self.environment["TLS_PORT"]), timeout=30, context=trust)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        tls: bool = True,
    ) -> Reply:
        """One request through NGINX, with the key of the tests unless headers say otherwise."""
        connection = self.connect(tls=tls)
        try:
            connection.request(method, path, body, {"X-API-Key": self.key} if headers is None else headers)
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def wait_until(self, holds: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"after {seconds:.0f} seconds still not: {what}"
            time.sleep(0.5)

    def healthy(self, service: str) -> bool:
        found = self.containers(service)
        return bool(found) and all(self.inspect(one, "{{.State.Health.Status}}") == "healthy" for one in found)


def run(command: list[str], environment: dict[str, str], *, check: bool = True) -> str:
    """Run a command and return its standard output; where it fails, raise an assertion with all that it said."""
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def docker(*arguments: str, check: bool = True) -> str:
    return run(["docker", *arguments], dict(os.environ), check=check).strip()


def compose_command() -> list[str]:
    if shutil.which("docker") is None:
        pytest.skip("docker is not installed")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker daemon answers")
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not installed")
    return ["docker-compose"]


def base_images() -> set[str]:
    """Return the images that the composition and the Dockerfiles begin with, less those of LEFT_OUT services."""
    files = [
        (ROOT / name).read_text()
        for name in ("docker-compose.yml", "Dockerfile.backend", "Dockerfile.frontend", "deploy/backup/Dockerfile")
    ]
    named = set(re.findall(r"^ *(?:image:|FROM) ([a-z0-9./_-]+:[\w.-]+)", "\n".join(files), flags=re.MULTILINE))
    return {name for name in named if not name.startswith(LEFT_OUT)}


LEFT_OUT = ("grafana/", "elasticsearch:", "kibana:", "elastic/", "prom/node-exporter:")
"""Services behind profiles whose images the tests do not ask for."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    command = compose_command()
    for image in sorted(base_images()):
        if not is_here(image):
            pytest.skip(f"the container image {image} is not here and cannot be pulled")
    project = f"factorytest{uuid4().hex[:6]}"
    certificates = tmp_path_factory.mktemp("certificates")
    make_certificate(certificates)
    ports = {name: str(free_port()) for name in ("HTTP_PORT", "TLS_PORT", "TLS_REDIRECT_PORT", "PROMETHEUS_PORT")}
    ports |= {name: str(free_port()) for name in ("ALERTMANAGER_PORT", "POSTGRES_PORT")}
    first = free_port()
    running = Stack(
        command,
        project,
        {
            **os.environ,
            **ports,
            "BACKEND_PORTS": f"{first}-{first + 3 * BACKENDS}",
            "TLS_CERTIFICATES": str(certificates),
            "ACME_WEBROOT": str(certificates),
            "BACKEND_IMAGE": f"{project}-backend",
            "FRONTEND_IMAGE": f"{project}-frontend",
            "BACKUP_IMAGE": f"{project}-backup",
            # What the tests send would be too much of one sender; limits have tests of their own.
            "RATE_LIMIT_READ": "1000/second",
            "NGINX_RATE_READ": "1000r/s",
            "PERSON_VIEWS": "on",
            "POSTGRES_SHARED_BUFFERS": "64MB",
        },
    )
    run([str(ROOT / "deploy" / "make-secrets")], running.environment)
    try:
        running.compose("up", "-d", "--build", "--scale", f"backend={BACKENDS}")
        for service in ("backend", "nginx", "nginx-tls", "postgres-replica", "prometheus", "alertmanager"):
            running.wait_until(lambda name=service: running.healthy(name), f"{service} is healthy")  # type: ignore[misc]
        made = running.execute(
            running.containers("backend")[0], "factory", "key", "add", "--name", "tests", "--scope", "admin"
        )
        running.key = made.strip()
        yield running
    finally:
        _keep_logs(running)
        running.compose("down", "--volumes", "--timeout", "5", check=False)
        for image in run(["docker", "images", "--quiet", f"{project}-*"], running.environment).split():
            run(["docker", "rmi", "--force", image], running.environment, check=False)


def is_here(image: str) -> bool:
    commands = (["docker", "image", "inspect", image], ["docker", "pull", "--quiet", image])
    return any(subprocess.run(command, capture_output=True, check=False).returncode == 0 for command in commands)


def _keep_logs(stack: Stack) -> None:
    directory = ROOT / "var" / "stack"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "log.txt").write_text(stack.compose("logs", "--no-color", "--tail", "500", check=False))


def make_certificate(directory: Path) -> None:
    openssl = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost "
        "-addext subjectAltName=DNS:localhost -keyout privkey.pem -out fullchain.pem"
    )
    subprocess.run(openssl.split(), cwd=directory, capture_output=True, check=True)
    for file in directory.iterdir():
        file.chmod(0o644)
    # The container's user has to get into it; pytest's directories are for their owner alone.
    directory.chmod(0o755)


@pytest.fixture
def key_header(stack: Stack) -> dict[str, Any]:
    return {"X-API-Key": stack.key, "Content-Type": "application/json"}
