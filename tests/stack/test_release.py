"""deploy/release on the composed stack: a good version without a failed request, a bad one gone again by itself."""

from __future__ import annotations

import json
import re
import subprocess
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.stack.conftest import BACKENDS, ROOT, Stack, run
from tests.stack.senders import Senders

SOON = 3
"""Seconds in which a version has to answer that never will."""


@pytest.fixture
def release(stack: Stack, tmp_path: Path) -> Release:
    return Release(stack, tmp_path)


class Release:
    """Makes images of a version and releases them, with an .env of its own."""

    def __init__(self, stack: Stack, directory: Path) -> None:
        self.stack = stack
        self.directory = directory
        self.env_file = directory / "env"

    def build(self, version: str, *, backend: str = "", frontend: str = "") -> None:
        """Build the images that run, with further lines of a Dockerfile."""
        for name, lines in (("backend", backend), ("frontend", frontend)):
            former = self.stack.environment[f"{name.upper()}_IMAGE"]
            (self.directory / "Dockerfile").write_text(f"FROM {former}\n{lines}\n")
            tag = f"{self.stack.project}-{name}:{version}"
            run(["docker", "build", "--quiet", "--tag", tag, str(self.directory)], self.stack.environment)

    def run(
        self, version: str, *, patience: int = 300, answer_patience: int = 300, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            **self.stack.environment,
            "IMAGE_PREFIX": self.stack.project,
            "ENV_FILE": str(self.env_file),
            "PATIENCE_SECONDS": str(patience),
            "ANSWER_PATIENCE_SECONDS": str(answer_patience),
            **variables,
        }
        command = [str(ROOT / "deploy" / "release"), version, "-p", self.stack.project]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    def images(self, service: str) -> set[str]:
        return {self.stack.inspect(one, "{{.Config.Image}}") for one in self.stack.containers(service)}


def test_a_release_replaces_the_backends_without_a_failed_request_and_is_kept(release: Release, stack: Stack) -> None:
    release.build("v2", backend="LABEL of=v2")
    rules_before = rules_were_read(stack)

    with Senders(stack) as senders:
        senders.wait_for(20)
        ran = release.run("v2")
        senders.wait_for(20)

    assert ran.returncode == 0, ran.stderr
    assert set(senders.answers) == {201}
    stack.wait_until(lambda: rules_were_read(stack) > rules_before, "Prometheus has read its files anew", seconds=60)
    assert len(stack.containers("backend")) == BACKENDS
    assert release.images("backend") == {f"{stack.project}-backend:v2"}
    assert release.env_file.read_text().splitlines() == [
        f"BACKEND_IMAGE={stack.project}-backend:v2",
        f"FRONTEND_IMAGE={stack.project}-frontend:v2",
    ]


def rules_were_read(stack: Stack) -> float:
    """Return when Prometheus has read its configuration last, in seconds since the epoch."""
    with urlopen(f"{stack.url('PROMETHEUS_PORT')}/metrics", timeout=10) as answer:
        told = answer.read().decode()
    found = re.search(r"^prometheus_config_last_reload_success_timestamp_seconds (\S+)$", told, flags=re.MULTILINE)
    assert found is not None
    return float(found[1])


MIGRATES_AND_SLEEPS = 'if [ "$1" = db ]; then exec factory "$@"; fi; sleep 600'


def test_backends_that_never_become_healthy_are_not_let_in(release: Release, stack: Stack) -> None:
    before = release.images("backend")
    release.build("v3", backend=f"ENTRYPOINT {json.dumps(['sh', '-c', MIGRATES_AND_SLEEPS, 'sh'])}")

    with Senders(stack) as senders:
        senders.wait_for(20)
        ran = release.run("v3", patience=20)
        senders.wait_for(20)

    assert ran.returncode == 1
    assert "the old ones go on" in ran.stderr
    assert set(senders.answers) == {201}
    assert release.images("backend") == before
    assert release.env_file.read_text() == ""


def test_backends_that_find_no_port_are_not_left_beside_the_old_ones(release: Release, stack: Stack) -> None:
    before = sorted(stack.containers("backend"))
    release.build("v5", backend="LABEL of=v5")
    first, last = map(int, stack.environment["BACKEND_PORTS"].split("-"))
    too_few = f"{first}-{first + BACKENDS - 2}"  # whichever of them the old ones have
    assert last - first >= 2 * BACKENDS

    with Senders(stack) as senders:
        senders.wait_for(20)
        ran = release.run("v5", BACKEND_PORTS=too_few)
        senders.wait_for(20)

    assert ran.returncode == 1
    assert f"BACKEND_PORTS has to have {2 * BACKENDS} ports" in ran.stderr
    assert set(senders.answers) == {201}
    assert sorted(stack.containers("backend")) == before
    assert release.env_file.read_text() == ""


def answers(stack: Stack) -> bool:
    """Return whether the page and the API are there over HTTPS; NGINX has just been replaced."""
    try:
        page, ready = (stack.ask("GET", path, headers={}) for path in ("/", "/api/v1/health/ready"))
    except (OSError, HTTPException):
        return False
    return b"<title>" in page.content and ready.status == 200


def test_a_version_that_does_not_answer_over_https_is_taken_back(release: Release, stack: Stack) -> None:
    before = release.images("backend"), release.images("nginx-tls")
    break_https = "sed -i 's|include site.conf;|return 503;|' /etc/nginx/templates/tls.conf.template"
    release.build("v6", frontend=f"USER root\nRUN {break_https}\nUSER 101:101")

    ran = release.run("v6", answer_patience=SOON)

    assert ran.returncode == 1
    assert "going back to" in ran.stderr
    assert (release.images("backend"), release.images("nginx-tls")) == before
    stack.wait_until(lambda: answers(stack), "the page is there again")


def test_a_version_whose_page_is_missing_is_taken_back(release: Release, stack: Stack) -> None:
    before = release.images("backend"), release.images("nginx")
    release.build("v4", frontend="USER root\nRUN rm /usr/share/nginx/html/index.html\nUSER 101:101")

    ran = release.run("v4", answer_patience=SOON)

    assert ran.returncode == 1
    assert "going back to" in ran.stderr
    assert (release.images("backend"), release.images("nginx")) == before
    stack.wait_until(lambda: answers(stack), "the page is there again")


def test_a_version_without_images_changes_nothing(release: Release, stack: Stack) -> None:
    before = stack.containers("backend")

    ran = release.run("v404")

    assert ran.returncode == 1
    assert "cannot be had" in ran.stderr
    assert stack.containers("backend") == before
