"""deploy/release, rolling-update and over-ssh: what happens where a version, a connection or a transfer fails."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.deploy.conftest import SECONDS, Host, copy_release, wait_until

Popen: TypeAlias = subprocess.Popen[str]

V1 = ["factory-backend:v1", "factory-backend:v1"]
V2 = ["factory-backend:v2", "factory-backend:v2"]


def disturb(host: Host, disturbance: Callable[[Popen], None], *command: str, **variables: str) -> int:
    """Run a command, let something happen as it starts the new backends, and return its status."""
    gate = host.home / "gate"
    gate.touch()
    started = host.start(*command, **variables)
    wait_until(lambda: "--scale" in host.calls(), "the new backends are started")
    disturbance(started)
    gate.unlink()
    return started.wait(SECONDS)


def lose_the_listener(started: Popen) -> None:
    for pipe in (started.stdout, started.stderr):
        assert pipe is not None
        pipe.close()


def test_a_release_goes_through_without_a_listener(host: Host) -> None:
    status = disturb(host, lose_the_listener, "deploy/release", "v2")

    assert status == 0
    assert host.images("backend") == V2
    kept = (host.directory / ".env").read_text().splitlines()
    assert kept == ["BACKEND_IMAGE=factory-backend:v2", "FRONTEND_IMAGE=factory-frontend:v2"]


def test_a_release_without_a_listener_is_taken_back_where_it_does_not_answer(host: Host) -> None:
    status = disturb(host, lose_the_listener, "deploy/release", "deaf", PATIENCE_SECONDS="2")

    assert status == 1
    assert host.images("backend") == V1
    assert host.images("nginx") == ["factory-frontend:v1"]
    assert (host.directory / ".env").read_text() == ""


def test_a_release_that_is_ended_is_taken_back(host: Host) -> None:
    status = disturb(host, subprocess.Popen.terminate, "deploy/release", "v2")

    assert status == 1
    assert host.images("backend") == V1
    assert (host.directory / ".env").read_text() == ""


def test_a_rolling_update_without_a_listener_leaves_no_new_backend_that_is_sick(host: Host) -> None:
    status = disturb(
        host, lose_the_listener, "deploy/rolling-update", BACKEND_IMAGE="factory-backend:sick", PATIENCE_SECONDS="2"
    )

    assert status == 1
    assert host.images("backend") == V1


def test_a_rolling_update_without_a_listener_leaves_no_old_backend(host: Host) -> None:
    status = disturb(host, lose_the_listener, "deploy/rolling-update", BACKEND_IMAGE="factory-backend:v2")

    assert status == 0
    assert host.images("backend") == V2


def test_what_runs_is_kept_in_an_env_whose_last_line_does_not_end(host: Host) -> None:
    (host.directory / ".env").write_text("BACKEND_IMAGE=factory-backend:v1\nBACKENDS=2")

    status, said = host.run("deploy/release", "v2")

    assert status == 0, said
    assert (host.directory / ".env").read_text().splitlines() == [
        "BACKENDS=2",
        "BACKEND_IMAGE=factory-backend:v2",
        "FRONTEND_IMAGE=factory-frontend:v2",
    ]


@pytest.fixture
def checkout(host: Host, tmp_path: Path) -> Path:
    """Make a checked-out commit that differs from the host: one file is other, one is new."""
    place = tmp_path / "checkout"
    copy_release(place)
    with (place / "docker-compose.yml").open("a") as composition:
        composition.write("# of v2\n")
    rules = place / "deploy" / "prometheus" / "rules"
    rules.mkdir(parents=True)
    (rules / "new.yml").write_text("groups: []\n")
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for command in (["init", "--quiet"], ["add", "--all"], [*author, "commit", "--quiet", "--message", "v2"]):
        subprocess.run(["git", *command], cwd=place, check=True)
    return place


def over_ssh(checkout: Path, version: str) -> tuple[str, ...]:
    return (str(checkout / "deploy" / "over-ssh"), "user@host", "service", version)


def test_a_version_comes_to_a_host_with_its_files(host: Host, checkout: Path) -> None:
    before = host.files()

    status, said = host.run(*over_ssh(checkout, "v2"))

    assert status == 0, said
    assert host.images("backend") == V2
    composition = before["docker-compose.yml"] + "# of v2\n"
    assert host.files() == {
        **before,
        "docker-compose.yml": composition,
        "deploy/prometheus/rules/new.yml": "groups: []\n",
    }
    assert sorted(one.name for one in host.directory.iterdir()) == [
        ".env",
        ".former.tar",
        "deploy",
        "docker-compose.yml",
    ]


@pytest.mark.parametrize("version", ["absent", "sick", "deaf"])
def test_files_of_a_version_that_does_not_run_do_not_stay(host: Host, checkout: Path, version: str) -> None:
    before = host.files()

    status, _ = host.run(*over_ssh(checkout, version), PATIENCE_SECONDS="2")

    assert status == 1
    assert host.images("backend") == V1
    assert host.files() == before


def test_files_are_left_alone_while_another_release_is_under_way(host: Host, checkout: Path) -> None:
    before = host.files()
    with (host.directory / "deploy" / ".release").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = host.start(*over_ssh(checkout, "v2"))
        wait_until(lambda: "version" in host.calls(), "the release has begun")
        during = {name: text for name, text in host.files().items() if not name.startswith(".")}
        fcntl.flock(lock, fcntl.LOCK_UN)
    _, said = started.communicate(timeout=SECONDS)

    assert during == before
    assert started.returncode == 0, said
    assert host.files() != before


def test_a_transfer_that_breaks_off_changes_nothing(host: Host, checkout: Path, tmp_path: Path) -> None:
    """The transfer, which is the first of the two commands, loses its end."""
    before = host.files()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "ssh").write_text('#!/bin/sh\nhead --bytes 5000 | exec "$REAL" "$@"\n')
    (broken / "ssh").chmod(0o755)
    real = Path(__file__).parent / "stand_in"

    status, _ = host.run(*over_ssh(checkout, "v2"), PATH=f"{broken}:{host.environment['PATH']}", REAL=str(real / "ssh"))

    assert status != 0
    assert host.images("backend") == V1
    assert host.files() == before
