"""The images run as the manifests for Kubernetes say: user, read-only root, settings, secrets as files, probes, end."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.kubernetes.manifests import Manifests, Object, objects_of
from tests.stack.conftest import ROOT, Stack, run

BYTES = {"Mi": "m", "Gi": "g"}


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """Write the Secret `backend`: the keys of the composed stack, whose PostgreSQL and Redis are outside here."""
    for key in ("database_url", "secret_key", "metrics_token", "redis_url", "internal_certificate"):
        secret = (ROOT / "deploy" / "secrets" / key).read_text()
        (tmp_path / key).write_text(secret.replace("=/run/secrets/", "=/run/secrets/factory/"))
        (tmp_path / key).chmod(0o444)
    tmp_path.chmod(0o755)
    return tmp_path


def as_docker_has_it(manifests: Manifests, pod: Object, container: Object, secrets: Path) -> list[str]:
    """Return the options of `docker run` that come to what the kubelet would do."""
    user = pod["securityContext"]
    limits = container["resources"]["limits"]
    memory = limits["memory"][:-2] + BYTES[limits["memory"][-2:]]
    options = ["--user", f"{user['runAsUser']}:{user['runAsGroup']}", "--memory", memory, "--cpus", limits["cpu"]]
    options += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for mount in container["volumeMounts"]:
        if "secret" in volumes[mount["name"]]:
            options += ["--volume", f"{secrets}:{mount['mountPath']}:ro"]
        else:
            options += ["--tmpfs", f"{mount['mountPath']}:mode=0777"]
    for name, value in manifests.environment(container).items():
        options += ["--env", f"{name}={value}"]
    return options


def workload(manifests: Manifests, name: str) -> tuple[Object, Object]:
    [(pod, container)] = [(pod, container) for one, pod, container in manifests.containers() if one == name]
    return pod, container


@contextmanager
def running(stack: Stack, name: str, secrets: Path) -> Iterator[tuple[str, Object, Object]]:
    """Run a container of a workload of production, in the networks of the stack."""
    manifests = Manifests(objects_of("production"))
    pod, container = workload(manifests, name)
    image = f"{stack.project}-{name}"
    options = as_docker_has_it(manifests, pod, container, secrets)
    started = f"{stack.project}-pod-{uuid4().hex[:6]}"
    command = ["docker", "run", "--detach", "--name", started, "--network", f"{stack.project}_edge", *options, image]
    try:
        run(command, stack.environment)
        run(["docker", "network", "connect", f"{stack.project}_data", started], stack.environment)
        yield started, pod, container
    finally:
        run(["docker", "rm", "--force", "--volumes", started], stack.environment, check=False)


def address(stack: Stack, container: str) -> str:
    return stack.inspect(container, f'{{{{(index .NetworkSettings.Networks "{stack.project}_edge").IPAddress}}}}')


def asks(stack: Stack, container: str, definition: Object, kind: str) -> Callable[[], bool]:
    """Return a function that tells whether a probe succeeds, asked as the kubelet does."""
    probe = definition[kind]
    ports = {port["name"]: port["containerPort"] for port in definition["ports"]}
    url = f"http://{address(stack, container)}:{ports[probe['httpGet']['port']]}{probe['httpGet']['path']}"
    named = [f"{one['name']}: {one['value']}" for one in probe["httpGet"].get("httpHeaders", [])]
    headers = [part for header in named for part in ("--header", header)]
    command = ["curl", "--fail", "--silent", "--output", "/dev/null", "--max-time", str(probe["timeoutSeconds"])]
    command += [*headers, url]
    return lambda: subprocess.run(command, check=False).returncode == 0


def test_the_migration_runs_as_the_job_says(stack: Stack, secrets: Path) -> None:
    manifests = Manifests(objects_of("production"))
    pod, container = workload(manifests, "migrate")
    options = as_docker_has_it(manifests, pod, container, secrets)

    said = run(
        ["docker", "run", "--rm", "--network", f"{stack.project}_data", *options, f"{stack.project}-backend"]
        + container["args"],
        stack.environment,
    )

    assert said == "The database schema is up to date.\n"


@pytest.mark.parametrize("name", ["backend", "frontend"])
def test_a_pod_answers_its_probes_and_ends_within_its_grace(stack: Stack, secrets: Path, name: str) -> None:
    with running(stack, name, secrets) as (container, pod, definition):
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = definition[kind]
            patience = probe["failureThreshold"] * probe["periodSeconds"]
            stack.wait_until(asks(stack, container, definition, kind), f"{kind} of {name} succeeds", patience)
        wait = definition["lifecycle"]["preStop"]["exec"]["command"]
        stack.execute(container, wait[0], "0")

        began = time.monotonic()
        grace = pod["terminationGracePeriodSeconds"] - int(wait[1])
        run(["docker", "stop", "--time", str(grace), container], stack.environment)

        assert time.monotonic() - began < grace
        assert stack.inspect(container, "{{.State.ExitCode}} {{.State.OOMKilled}}") == "0 false"


def headers_of(url: str, headers: dict[str, str]) -> str:
    options: list[str] = [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    done: subprocess.CompletedProcess[Any] = subprocess.run(
        ["curl", "--silent", "--dump-header", "-", "--output", "/dev/null", *options, url],
        capture_output=True,
        text=True,
        check=True,
    )
    return str(done.stdout).lower()


def test_nginx_believes_the_ingress_controller_and_nobody_else(stack: Stack, secrets: Path) -> None:
    by_tls = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
    with running(stack, "frontend", secrets) as (container, _, definition):
        stack.wait_until(asks(stack, container, definition, "readinessProbe"), "NGINX is ready")
        believing = f"http://{address(stack, container)}:8080"
        site = {"Host": Manifests(objects_of("production")).environment(definition)["NGINX_SERVER_NAME"]}

        # Whoever asks here comes from a private network, as the controller does.
        for path in ("/", "/api/v1/health/ready"):
            assert "421" in headers_of(believing + path, by_tls)
            assert "200 ok" in headers_of(believing + path, by_tls | site)
            assert "strict-transport-security" in headers_of(believing + path, by_tls | site)
            assert "strict-transport-security" not in headers_of(believing + path, site)
            assert "strict-transport-security" not in headers_of(stack.url("HTTP_PORT") + path, by_tls)

        # Each client has a budget of its own behind the one address of the controller.
        sign_in = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}\n", "--request", "POST"]
        sign_in += ["--header", f"Host: {site['Host']}", f"{believing}/api/v1/session/?[1-40]"]
        first = run([*sign_in, "--header", "X-Forwarded-For: 198.51.100.8"], stack.environment).split()
        second = run([*sign_in, "--header", "X-Forwarded-For: 198.51.100.9"], stack.environment).split()
        assert "429" in first
        assert second[0] != "429"
