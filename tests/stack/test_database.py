"""The database of the composed stack, as it is made on an empty volume."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.stack.conftest import ROOT, compose_command, is_here

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
    for file in tmp_path.iterdir():
        file.chmod(0o644)
    tmp_path.chmod(0o755)
    return {name: (tmp_path / f"{name}_password").read_text().strip() for name in ROLES}


@pytest.fixture
def fresh(secrets: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The name of a container that makes its database now."""
    compose_command()
    if not is_here(IMAGE):
        pytest.skip(f"the container image {IMAGE} is not here and cannot be pulled")
    name = f"factory-database-{uuid4().hex[:6]}"
    scripts = {tmp_path / "hold.sh": "1-hold.sh", ROOT / "deploy" / "postgres" / "initialise.sh": "2-initialise.sh"}
    mounts = [f"--volume={source}:/docker-entrypoint-initdb.d/{target}:ro" for source, target in scripts.items()]
    mounts += [f"--volume={file}:/run/secrets/{file.name}:ro" for file in tmp_path.glob("*_password")]
    password = "--env=POSTGRES_PASSWORD_FILE=/run/secrets/postgres_password"
    subprocess.run(["docker", "run", "--detach", "--name", name, password, *mounts, IMAGE], check=True)
    try:
        yield name
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], check=False)


def said(container: str, command: str) -> str:
    done = subprocess.run(["docker", "exec", container, "bash", "-c", command], capture_output=True, text=True)
    return done.stdout


def test_no_password_is_on_a_command_line_while_the_roles_are_made(fresh: str, secrets: dict[str, str]) -> None:
    lines = ""
    deadline = time.monotonic() + 60
    ready = "pg_isready --quiet --host 127.0.0.1 --username postgres && echo ready"
    while said(fresh, ready) != "ready\n":
        assert time.monotonic() < deadline, subprocess.run(["docker", "logs", fresh], check=False)
        lines += said(fresh, "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")

    assert "ON_ERROR_STOP" in lines, "what makes the roles was not seen: the test means nothing"
    assert [name for name, password in secrets.items() if password in lines] == []
    for name, password in secrets.items():
        connect = f"psql --host $(hostname) --username {ROLES[name]} --dbname postgres -Atc 'SELECT current_user'"
        assert said(fresh, f'PGPASSWORD="{password}" {connect}') == f"{ROLES[name]}\n"
