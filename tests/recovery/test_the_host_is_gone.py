"""Database and backups are gone with their hosts; the encrypted copy, which is elsewhere, brings back what it has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.durability.load import make_event
from tests.recovery.barman_host import backups
from tests.recovery.patroni_cluster import Cluster, patroni_cluster


def factory(cluster: Cluster, *arguments: str) -> None:
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": cluster.database_url, "ENVIRONMENT": "development"}
    command = [sys.executable, "-m", "factory.cli.main", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def store(cluster: Cluster, directory: Path, numbers: range) -> None:
    file = directory / "events.ndjson"
    file.write_text("".join(json.dumps(make_event(1, number)) + "\n" for number in numbers))
    factory(cluster, "import", str(file))


def test_every_event_comes_back_from_the_encrypted_copy(tmp_path: Path) -> None:
    if shutil.which("restic") is None:
        pytest.skip("restic, which makes the encrypted copy, is not installed")
    with patroni_cluster() as cluster, backups(cluster) as barman:
        cluster.make_database()
        factory(cluster, "db", "upgrade")
        store(cluster, tmp_path, range(200))
        barman.run("full")
        store(cluster, tmp_path, range(200, 300))  # is in the log alone
        primary = cluster.primary()
        assert primary is not None
        barman.receive_all_of(primary)
        barman.run("copy")

        for node in cluster.nodes:
            node.kill()
        barman.lose()
        barman.run("fetch")

        assert barman.restored("SELECT count(*) FROM events") == 300
