"""The database of the composed stack, as it is made on an empty volume, and the replica that copies it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.stack.conftest import ROOT, compose_command, docker, is_here, make_certificate

IMAGE = "postgres:18-bookworm"
ROLES = {"factory": "factory", "replication": "replicator", "exporter": "exporter", "backup": "barman"}
"""Whose passwords the secrets `*_password` are."""
HOLD = "psql --username postgres --dbname template1 --command 'SELECT pg_sleep(3)' >/dev/null &\nsleep 0.5\n"
"""CREATE DATABASE waits for who uses its template, so that what makes the roles is there to be seen."""


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    for name in ("postgres", *ROLES):
        (tmp_path / f"{name}_password").write_text(f"{name}'s {uuid4().hex}\n")
    (tmp_path / "hold.sh").write_text(HOLD)
    make_certificate(tmp_path, "postgres")
    for file in tmp_path.iterdir():
        file.chmod(0o644)
    tmp_path.chmod(0o755)
    return {name: (tmp_path / f"{name}_password").read_text().strip() for name in ROLES}


@pytest.fixture
def fresh(secrets: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Yield the name of a container that makes its database now."""
    compose_command()
    if not is_here(IMAGE):
        pytest.skip(f"the container image {IMAGE} is not here and cannot be pulled")
    name = unused_name()
    scripts = {tmp_path / "hold.sh": "1-hold.sh", ROOT / "deploy" / "postgres" / "initialise.sh": "2-initialise.sh"}
    mounts = [f"--volume={source}:/docker-entrypoint-initdb.d/{target}:ro" for source, target in scripts.items()]
    mounts += [f"--volume={file}:/run/secrets/{file.name}:ro" for file in tmp_path.glob("*_password")]
    mounts += [f"--volume={source}:{target}:ro" for source, target in with_tls(tmp_path).items()]
    options = ["--env=POSTGRES_PASSWORD_FILE=/run/secrets/postgres_password", "--entrypoint=/with-tls.sh", *mounts]
    start = ["docker", "run", "--detach", "--name", name, *options, IMAGE, "docker-entrypoint.sh", "postgres"]
    subprocess.run(start, check=True)
    try:
        yield name
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], check=False)


def with_tls(directory: Path) -> dict[Path, str]:
    """Return what the composition mounts for TLS, and where."""
    return {
        ROOT / "deploy" / "postgres" / "with-tls.sh": "/with-tls.sh",
        directory / "fullchain.pem": "/run/secrets/internal_certificate",
        directory / "privkey.pem": "/run/secrets/internal_key",
    }


def unused_name() -> str:
    return f"factory-database-{uuid4().hex[:6]}"


def wait_until(container: str, command: str, expected: str, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while said(container, command) != f"{expected}\n":
        logs = subprocess.run(["docker", "logs", container], capture_output=True, text=True)
        assert time.monotonic() < deadline, f"{command}\n{logs.stdout[-2000:]}\n{logs.stderr[-2000:]}"
        time.sleep(0.2)


READY = "pg_isready --quiet --host 127.0.0.1 --username postgres && echo ready"


def said(container: str, command: str) -> str:
    done = subprocess.run(["docker", "exec", container, "bash", "-c", command], capture_output=True, text=True)
    return done.stdout


def test_no_password_is_on_a_command_line_while_the_roles_are_made(fresh: str, secrets: dict[str, str]) -> None:
    lines = ""
    deadline = time.monotonic() + 300
    while said(fresh, READY) != "ready\n":
        assert time.monotonic() < deadline, subprocess.run(["docker", "logs", fresh], check=False)
        lines += said(fresh, "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")

    assert "ON_ERROR_STOP" in lines, "what makes the roles was not seen: the test means nothing"
    assert [name for name, password in secrets.items() if password in lines] == []
    for name, password in secrets.items():
        connect = f"psql --host $(hostname) --username {ROLES[name]} --dbname postgres -Atc 'SELECT current_user'"
        assert said(fresh, f'PGPASSWORD="{password}" {connect}') == f"{ROLES[name]}\n"
        assert said(fresh, f'PGSSLMODE=disable PGPASSWORD="{password}" {connect}') == "", "a password in clear"


COPIES = """#!/bin/sh
exec /usr/lib/postgresql/18/bin/pg_basebackup %s "$@"
"""
"""Before the program in the container's PATH: as slow as a large database, or as it is."""
BEGUN = "find /var/lib/postgresql/18 -maxdepth 2 -name PG_VERSION | grep --quiet . && echo begun"
STREAMS = "psql --username postgres --no-align --tuples-only --command 'SELECT status FROM pg_stat_wal_receiver'"


@pytest.fixture
def copying(fresh: str, tmp_path: Path) -> Iterator[str]:
    """Yield the name of a replica's container that copies the fresh database, so slowly that it has only begun."""
    wait_until(fresh, READY, "ready")
    program = tmp_path / "pg_basebackup"
    program.write_text(COPIES % "--max-rate=300k")
    program.chmod(0o755)
    network, name = unused_name(), unused_name()
    docker("network", "create", network)
    try:
        docker("network", "connect", "--alias", "postgres", network, fresh)
        replica = ROOT / "deploy" / "postgres" / "replica.sh"
        mounts = {replica: "/replica.sh", program: "/usr/local/bin/pg_basebackup", **with_tls(tmp_path)}
        mounts[tmp_path / "replication_password"] = "/run/secrets/replication_password"
        options = [f"--volume={source}:{target}:ro" for source, target in mounts.items()]
        options += ["--network", network, "--restart", "unless-stopped", "--entrypoint", "/with-tls.sh"]
        docker("run", "--detach", "--name", name, *options, IMAGE, "/replica.sh", "postgres")
        wait_until(name, BEGUN, "begun")
        yield name
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], check=False)
        subprocess.run(["docker", "network", "disconnect", "--force", network, fresh], check=False)
        subprocess.run(["docker", "network", "rm", network], check=False)


def test_a_replica_whose_copy_was_cut_off_copies_anew_and_follows(copying: str, tmp_path: Path) -> None:
    docker("kill", copying)
    (tmp_path / "pg_basebackup").write_text(COPIES % "")

    docker("start", copying)

    wait_until(copying, STREAMS, "streaming")


def test_a_replica_that_copies_ends_when_it_is_told_to(copying: str) -> None:
    docker("stop", "--time", "60", copying)

    killed = "137"
    assert docker("inspect", "--format", "{{.State.ExitCode}}", copying) != killed
