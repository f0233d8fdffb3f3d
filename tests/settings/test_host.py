"""A host without containers, with SQLite: its unit, its settings and its command line, as the guide says."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.durability.load import make_event
from tests.guide import script
from tests.servers import RunningServer

from factory.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
HOST = ROOT / "deploy" / "host"
GUIDE = script(ROOT / "PRODUCTION_DEPLOYMENT.md", "sqlite")
STATE = "/var/lib/factory"


def settings_of_the_guide(directory: Path) -> dict[str, str]:
    """factory.env after the guide's change, with its directories in this one and without what is not here."""
    file = directory / "factory.env"
    file.write_text((HOST / "factory.env").read_text().replace("/etc/factory", str(directory)))
    [change] = re.findall(r"^sudo (sed .+) /etc/factory/factory\.env$", GUIDE, flags=re.MULTILINE)
    subprocess.run(["sh", "-euc", f"{change} {file}".replace(STATE, str(directory))], check=True)
    for name in re.findall(rf"{directory}/secrets/(\w+)", file.read_text()):
        (directory / "secrets").mkdir(exist_ok=True)
        (directory / "secrets" / name).write_text("an example of a secret, long enough to sign with")
    lines = re.findall(r"^([A-Z_]+)=(.*)$", file.read_text(), flags=re.MULTILINE)
    elsewhere = {"FRONTEND_DIR": str(ROOT / "frontend"), "RATE_LIMIT_STORAGE_URL": ""}
    file.write_text("".join(f"{name}={elsewhere.get(name, value)}\n" for name, value in lines))
    return {name: elsewhere.get(name, value) for name, value in lines}


def test_the_unit_lets_a_server_write_to_the_directory_of_the_database_and_to_no_other(tmp_path: Path) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(HOST / "factory@.service")
    service = unit["Service"]

    assert settings_of_the_guide(tmp_path)["DATABASE_URL"] == f"sqlite:///{tmp_path}/factory.db"
    assert service["ProtectSystem"] == "strict"
    assert f"/var/lib/{service['StateDirectory']}" == STATE
    assert not {"ReadWritePaths", "BindPaths"} & service.keys()
    assert f"--owner {service['User']} --group {service['Group']}" in GUIDE
    assert f"--mode {service['StateDirectoryMode'].removeprefix('0')} {STATE} " in GUIDE


@pytest.mark.system
def test_two_servers_with_the_settings_of_the_guide_write_to_one_file_of_which_a_copy_is_made(tmp_path: Path) -> None:
    settings = settings_of_the_guide(tmp_path)
    assert load_settings(settings).environment == "production"
    servers = [RunningServer("", tmp_path / f"{n}.log", **settings) for n in range(2)]

    def factory(*arguments: str, **environment: str) -> str:
        command = [sys.executable, "-m", "factory.cli.main", *arguments]
        done = subprocess.run(command, env={**servers[0].environment, **environment}, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    factory("db", "upgrade")
    key = factory("key", "add", "--name", "line-1", "--scope", "admin").strip()
    try:
        for server in servers:
            server.spawn()
        for server in servers:
            server.wait_until_ready()

        def deliver(number: int) -> int:
            headers = {"X-API-Key": key, "Content-Type": "application/json"}
            body = json.dumps([make_event(number, event) for event in range(20)]).encode()
            return servers[number % 2].request("POST", "/api/v1/events/batch", body, headers).status

        with ThreadPoolExecutor(4) as clients:
            assert set(clients.map(deliver, range(10))) <= {200, 201}
        [copying] = re.findall(r"factory (db backup) /var/backups/factory/\$", GUIDE)
        factory(*copying.split(), str(tmp_path / "copy.db"))
    finally:
        for server in servers:
            server.kill()

    copy = {"DATABASE_URL": f"sqlite:///{tmp_path}/copy.db"}
    assert factory("export", "-", **copy).count("\n") == 200
    assert "follows from the events" in factory("verify", **copy)


def test_what_is_given_to_the_command_line_of_a_host_counts_more_than_its_settings(tmp_path: Path) -> None:
    settings_of_the_guide(tmp_path)
    (tmp_path / "factory").write_text('#!/bin/sh\necho "$DATABASE_URL $ENVIRONMENT $*"\n')
    (tmp_path / "factory").chmod(0o755)
    text = (HOST / "factory").read_text().replace("/etc/factory", str(tmp_path))
    wrapper = text.replace("/opt/factory/current/.venv/bin", str(tmp_path))
    copy = {"DATABASE_URL": "sqlite:////a copy's.db"}

    said = [
        subprocess.run(
            ["sh", "-c", wrapper, "factory", "verify"],
            env={"PATH": os.environ["PATH"], **given},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for given in ({}, copy)
    ]

    assert said == [
        f"sqlite:///{tmp_path}/factory.db production verify\n",
        "sqlite:////a copy's.db production verify\n",
    ]
