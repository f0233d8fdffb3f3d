"""The composed stack as an operator brings it up: images built, two backends, TLS; taken down after the last test.

Each test process has a stack of its own, and all run the images that the first of them builds.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.servers import Reply, free_port
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = 2
PROFILES = ("tls", "backup", "pooler")
"""Those whose images can be had everywhere."""
PATIENCE_SECONDS = 900.0


GROUPS = (
    ("test_guide.py::test_the_guide_brings_up_a_host",),
    ("test_guide.py::test_the_guide_brings_up_the_composed_stack",),
    ("test_release.py", "test_stack.py"),
    ("test_backup.py", "test_pods.py", "test_watched.py"),
    ("test_guide.py::test_the_guide_of_the_failover",),
    ("test_database.py", "test_nginx.py"),
)
"""Tests that run one after the other, where they share one on a composed stack; those that take long begin."""


def group_of(nodeid: str) -> int:
    """Return the number of a test's group; the files that are in none make one more."""
    named = (number for number, group in enumerate(GROUPS) if any(f"/{name}" in nodeid for name in group))
    return next(named, len(GROUPS))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort what is in this directory by its groups; the other tests come first."""
    here = str(Path(__file__).parent)
    items.sort(key=lambda item: group_of(item.nodeid) if str(item.path).startswith(here) else -1)


class ByGroup(LoadScopeScheduling):
    """Give each test process a group."""

    def _split_scope(self, nodeid: str) -> str:
        return str(group_of(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    return ByGroup(config, log) if config.getvalue("dist") == "loadscope" else None


@dataclass
class Stack:
    """A running composition; commands are those of docker-compose and docker."""

    compose_command: list[str]
    project: str
    environment: dict[str, str]
    key: str = field(default="", repr=False)

    def compose(self, *arguments: str, profiles: tuple[str, ...] = PROFILES, check: bool = True) -> str:
        options = [option for name in profiles for option in ("--profile", name)]
        command = [*self.compose_command, "-p", self.project, *options, *arguments]
        return run(command, self.environment, check=check)

    def containers(self, service: str = "") -> list[str]:
        """Return their numbers, those that have ended among them, without those of `docker compose run`."""
        labels = {"project": self.project, "oneoff": "False", **({"service": service} if service else {})}
        filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
        return run(["docker", "ps", "--all", "--quiet", "--no-trunc", *filters], self.environment).split()

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

    def secrets_in_logs(self) -> list[str]:
        """Return the names of the secrets that any container has written into its log."""
        logs = self.compose("logs", "--no-color")
        secrets = {
            file.name: file.read_text().strip()
            for file in (ROOT / "deploy" / "secrets").iterdir()
            if "password" in file.name or file.name in ("secret_key", "metrics_token")
        }
        assert len(secrets) >= 5
        return [name for name, secret in {**secrets, "the key of the tests": self.key}.items() if secret in logs]

    def healthy(self, service: str) -> bool:
        found = self.containers(service)
        command = ["docker", "inspect", "--format", "{{.State.Health.Status}}", *found]
        return bool(found) and set(run(command, self.environment).split()) == {"healthy"}


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


IMAGES = {"backend": "backend", "frontend": "nginx", "backup": "backup"}
"""The images that are built here, each with the service whose composition says how."""
WAITED_FOR = ("backend", "nginx", "nginx-tls", "postgres-replica", "prometheus", "alertmanager")


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the names of the images of this checkout, built once for all test processes of a run.

    They stay, so that the next run builds only what has changed.
    """
    command = compose_command()
    for image in sorted(base_images()):
        if not is_here(image):
            pytest.skip(f"the container image {image} is not here and cannot be pulled")
    names = {name: f"factory-tests-{name}" for name in IMAGES}
    environment = {**os.environ, **{f"{name.upper()}_IMAGE": names[name] for name in names}}
    with once(tmp_path_factory, "images") as is_first:
        if is_first:
            run([str(ROOT / "deploy" / "make-secrets")], environment)
            run([*command, "--profile", "backup", "build", "--parallel", *IMAGES.values()], environment)
    return names


@contextmanager
def once(tmp_path_factory: pytest.TempPathFactory, what: str) -> Iterator[bool]:
    """Yield whether this is the first test process of the run that comes here; the others wait for it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    done = shared / f"{what}.done"
    with (shared / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not done.exists()
        done.touch()


@pytest.fixture(scope="session")
def stack(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    project = f"factorytest{uuid4().hex[:6]}"
    certificates = tmp_path_factory.mktemp("certificates")
    make_certificate(certificates)
    ports = {name: str(free_port()) for name in ("HTTP_PORT", "TLS_PORT", "TLS_REDIRECT_PORT", "PROMETHEUS_PORT")}
    ports |= {name: str(free_port()) for name in ("ALERTMANAGER_PORT", "POSTGRES_PORT")}
    running = Stack(
        compose_command(),
        project,
        {
            **os.environ,
            **ports,
            "BACKEND_PORTS": port_range(3 * BACKENDS),
            "TLS_CERTIFICATES": str(certificates),
            "ACME_WEBROOT": str(certificates),
            **{f"{name.upper()}_IMAGE": f"{project}-{name}" for name in images},
            # What the tests send would be too much of one sender; limits have tests of their own.
            "RATE_LIMIT_READ": "1000/second",
            "NGINX_RATE_READ": "1000r/s",
            "PERSON_VIEWS": "on",
            "BACKEND_HEALTH_INTERVAL": "5s",
            # What several processes do in a container the test of the guide shows.
            "WEB_WORKERS": "1",
            "POSTGRES_SHARED_BUFFERS": "64MB",
        },
    )
    for name, built in images.items():
        docker("tag", built, f"{project}-{name}")
    try:
        # Backups begin at once and cost as much as all else: only where a test is about them.
        others = tuple(name for name in PROFILES if name != "backup")
        running.compose("up", "-d", "--no-build", "--scale", f"backend={BACKENDS}", profiles=others)
        for service in WAITED_FOR:
            running.wait_until(lambda name=service: running.healthy(name), f"{service} is healthy")  # type: ignore[misc]
        made = running.execute(
            running.containers("backend")[0], "factory", "key", "add", "--name", "tests", "--scope", "admin"
        )
        running.key = made.strip()
        yield running
    finally:
        _keep_logs(running)
        running.compose("down", "--volumes", "--timeout", "5", check=False)
        tags = ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", f"{project}-*"]
        run(["docker", "rmi", "--force", *run(tags, running.environment).split()], running.environment, check=False)


@pytest.fixture(scope="session")
def backup_container(stack: Stack) -> str:
    """Return the container of the profile `backup`, which begins with a full backup."""
    stack.compose("up", "-d", "--no-build", "--no-deps", "backup")
    return stack.container("backup")


def port_range(size: int) -> str:
    """Return so many ports in a row that nobody listens at, of which `free_port` gives out none."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 18
    for first in range(30_000 + 150 * worker, 30_000 + 150 * (worker + 1) - size, size):
        if all(_is_free(port) for port in range(first, first + size)):
            return f"{first}-{first + size - 1}"
    raise AssertionError(f"no {size} ports in a row are free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def is_here(image: str) -> bool:
    commands = (["docker", "image", "inspect", image], ["docker", "pull", "--quiet", image])
    return any(subprocess.run(command, capture_output=True, check=False).returncode == 0 for command in commands)


def _keep_logs(stack: Stack) -> None:
    directory = ROOT / "var" / "stack"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{os.environ.get('PYTEST_XDIST_WORKER', 'stack')}.log").write_text(
        stack.compose("logs", "--no-color", "--tail", "500", check=False)
    )


def make_certificate(directory: Path, host: str = "localhost") -> None:
    openssl = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN={host} "
        f"-addext subjectAltName=DNS:{host} -keyout privkey.pem -out fullchain.pem"
    )
    subprocess.run(openssl.split(), cwd=directory, capture_output=True, check=True)
    for file in directory.iterdir():
        file.chmod(0o644)
    # The container's user has to get into it; pytest's directories are for their owner alone.
    directory.chmod(0o755)


@pytest.fixture
def key_header(stack: Stack) -> dict[str, Any]:
    return {"X-API-Key": stack.key, "Content-Type": "application/json"}
