"""The host of the backups: Barman by deploy/host/barman.conf, for three nodes of Patroni."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from tests.recovery.patroni_cluster import AS_SOMEBODY, PASSWORD, ROOT, Cluster, Node, wait_until
from tests.scale.postgres import Server, programs, workplace


class Backups:
    """The host of the backups: Barman by deploy/host/barman.conf, its addresses changed as the guide says."""

    def __init__(self, directory: Path, cluster: Cluster) -> None:
        self._cluster = cluster
        self._home = directory / "barman"
        self._make_home()
        ports = ",".join(str(node.port) for node in cluster.nodes)
        deployed = (ROOT / "deploy" / "host" / "barman.conf").read_text()
        hosts = f"host={','.join('127.0.0.1' for _ in cluster.nodes)} port={ports} connect_timeout=3"
        user = "nobody" if AS_SOMEBODY else getpass.getuser()
        configuration = self._home / "barman.conf"
        configuration.write_text(
            f"[barman]\nbarman_user = {user}\nbarman_home = {self._home}\nlog_file = {self._home}/barman.log\n"
            f"path_prefix = {programs()}\n{deployed.replace('host=/var/run/postgresql', hosts)}"
        )
        password = self._home / ".pgpass"
        password.write_text(f"*:*:*:barman:{PASSWORD}\n")
        password.chmod(0o600)
        if AS_SOMEBODY:
            shutil.chown(password, "nobody", "nogroup")
        self._environment = {
            "PATH": f"{Path(sys.executable).parent}:{programs()}:{os.environ['PATH']}",
            "HOME": str(self._home),
            "LANG": "C.UTF-8",
            "PGPASSFILE": str(password),
            "BACKUP_HOME": str(self._home),
            "BACKUP_CONFIGURATION": str(configuration),
            "RESTIC_REPOSITORY": str(directory / "copy"),
            "RESTIC_PASSWORD": PASSWORD,
        }

    def _make_home(self) -> None:
        self._home.mkdir()
        if AS_SOMEBODY:
            shutil.chown(self._home, "nobody", "nogroup")

    def lose(self) -> None:
        """Lose the host; there is a new one, on which nothing is. Whoever writes goes on in the old place."""
        self._home.rename(self._home.with_name("lost"))
        self._make_home()

    def run(self, *arguments: str) -> str:
        """Run a command of deploy/backup/backup and return what it says."""
        return self._run(str(ROOT / "deploy" / "backup" / "backup"), *arguments)

    def barman(self, *arguments: str) -> str:
        """Run Barman and return what it says; `cron` is what its package runs each minute."""
        return self._run("barman", "--config", self._environment["BACKUP_CONFIGURATION"], *arguments)

    def receive_all_of(self, node: Node) -> None:
        """Wait until it has the log of a node up to now."""
        now = node.ask("SELECT pg_current_wal_flush_lsn()")
        received = (
            "SELECT count(*) FROM pg_stat_replication "
            f"WHERE application_name = 'barman_receive_wal' AND write_lsn >= '{now}'"
        )
        self.barman("cron")
        wait_until(lambda: node.ask(received) == 1, f"Barman had all of {node.name}", self._cluster, 40)

    def restored(self, query: str) -> Any:
        """Return the answer of a server that was restored to the newest point, without any node."""
        server = Server(self._home / "restored")
        self.run("restore", str(server.directory))
        (server.directory / "postgresql.conf").write_text("unix_socket_directories = ''\nhot_standby = off\n")
        (server.directory / "pg_hba.conf").write_text("host all all 127.0.0.1/32 trust\n")
        server.start()
        try:
            wait_until(lambda: _is_primary(server), "the restored server had replayed the log", self._cluster, 40)
            return server.ask(query, "factory")
        finally:
            server.stop("immediate")

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            [*AS_SOMEBODY, *command],
            env=self._environment,
            cwd=self._home,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        return done.stdout


def _is_primary(server: Server) -> bool:
    try:
        return bool(server.ask("SELECT NOT pg_is_in_recovery()"))
    except psycopg2.OperationalError:
        return False


@contextmanager
def backups(cluster: Cluster) -> Iterator[Backups]:
    """Run a Barman of the cluster; its process that receives the log ends with the nodes."""
    pytest.importorskip("barman", reason="Barman is not installed")
    if shutil.which("rsync") is None:
        pytest.skip("rsync, by which Barman restores, is not installed")
    with workplace() as directory:
        yield Backups(directory, cluster)
