"""Three nodes of Patroni and PostgreSQL on this machine, as deploy/ha/ describes them, and the etcd they agree in."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
from tests.scale.postgres import programs, workplace
from tests.servers import free_port, http_request

ROOT = Path(__file__).parents[2]
_DEPLOYED = ROOT / "deploy" / "ha" / "patroni.yml"
_GUIDE = ROOT / "docs" / "operations" / "failover.md"
PASSWORD = "correct-horse-battery"
# PostgreSQL refuses root. The other user may read the Python of this one, whatever directory that is in.
AS_SOMEBODY = [
    "setpriv",
    "--reuid=nobody",
    "--regid=nogroup",
    "--clear-groups",
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
]
if os.geteuid() != 0:
    AS_SOMEBODY = []


class Node:
    """One database host: Patroni, and the PostgreSQL that it starts."""

    def __init__(self, name: str, directory: Path, etcd: str) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        self.data = directory / name
        self.port, self._api = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "PATRONI_SCOPE": "factory",
            "PATRONI_NAME": name,
            "PATRONI_ETCD3_HOSTS": etcd,
            "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{self._api}",
            "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{self._api}",
            "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{self.port}",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{self.port}",
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.data),
            "PATRONI_POSTGRESQL_BIN_DIR": str(programs()),
            "PATRONI_POSTGRESQL_PGPASS": str(directory / f"{name}.pgpass"),
            "PATRONI_SUPERUSER_USERNAME": "postgres",
            "PATRONI_SUPERUSER_PASSWORD": PASSWORD,
            "PATRONI_REPLICATION_USERNAME": "replicator",
            "PATRONI_REPLICATION_PASSWORD": PASSWORD,
            "PATRONI_REWIND_USERNAME": "rewinder",
            "PATRONI_REWIND_PASSWORD": PASSWORD,
        }

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*AS_SOMEBODY, sys.executable, "-m", "patroni", str(_DEPLOYED)],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL to Patroni and to every process of PostgreSQL: the host is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        with contextlib.suppress(OSError, ValueError, psutil.NoSuchProcess):
            postmaster = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
            if "postgres" in postmaster.name():
                for process in [postmaster, *postmaster.children(recursive=True)]:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()

    def state(self) -> dict[str, Any]:
        """Return the state that Patroni tells of the node; nothing when it does not answer."""
        try:
            answer: dict[str, Any] = http_request("127.0.0.1", self._api, "GET", "/patroni", timeout=2).body
            return answer
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            return {}

    def follows(self) -> bool:
        """Return whether it is a standby that gets the primary's log."""
        state = self.state()
        return state.get("role") == "replica" and state.get("replication_state") == "streaming"

    def says(self, address: str) -> int:
        """Return the status of a health address, as a load balancer asks it; 0 when nobody answers."""
        try:
            return http_request("127.0.0.1", self._api, "GET", address, timeout=2).status
        except (OSError, http.client.HTTPException):
            return 0

    def ask(self, statement: str, database: str = "postgres") -> Any:
        """Return the first value that a statement answers on this node, as superuser."""
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, user="postgres", password=PASSWORD, dbname=database
        )
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchone()[0] if cursor.description else None
        finally:
            connection.close()


class Cluster:
    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes

    @property
    def database_url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://factory:{PASSWORD}@{hosts}/factory?target_session_attrs=read-write"

    def primary(self) -> Node | None:
        return next((node for node in self.nodes if node.says("/primary") == 200), None)

    def synchronous(self) -> list[Node]:
        return [node for node in self.nodes if node.says("/synchronous") == 200]

    def make_database(self) -> None:
        primary = self.primary()
        assert primary is not None
        [statements] = re.findall(r"```sql\n(.+?)```", _GUIDE.read_text(), flags=re.DOTALL)
        for statement in statements.replace("…", PASSWORD).split(";\n"):
            if statement.strip():
                primary.ask(statement)
        # libpq gives up at a host that does not know the database yet, instead of asking the next one.
        known = "SELECT count(*) FROM pg_database WHERE datname = 'factory'"
        wait_until(lambda: all(node.ask(known) for node in self.nodes), "all nodes had the database", self, 20)

    def logs(self) -> str:
        return "\n\n".join(f"{node.name}\n{node.log.read_text(errors='replace')[-3000:]}" for node in self.nodes)


@contextmanager
def etcd(directory: Path) -> Iterator[str]:
    """Run an etcd of one member; yield its `host:port`."""
    if shutil.which("etcd") is None:
        pytest.skip("etcd (Debian: etcd-server) is not installed")
    client, peer = free_port(), free_port()
    options = {
        "name": "e",
        "data-dir": directory / "etcd",
        "listen-client-urls": f"http://127.0.0.1:{client}",
        "advertise-client-urls": f"http://127.0.0.1:{client}",
        "listen-peer-urls": f"http://127.0.0.1:{peer}",
        "initial-advertise-peer-urls": f"http://127.0.0.1:{peer}",
        "initial-cluster": f"e=http://127.0.0.1:{peer}",
        "unsafe-no-fsync": "true",
    }
    with (directory / "etcd.log").open("ab") as log:
        process = subprocess.Popen(
            ["etcd", *(f"--{name}={value}" for name, value in options.items())],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"127.0.0.1:{client}"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@contextmanager
def patroni_cluster() -> Iterator[Cluster]:
    """Run a primary and two standbys, one of them synchronous; all processes are killed at the end."""
    pytest.importorskip("patroni", reason="Patroni is not installed")
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("setpriv (Debian: util-linux), by which root runs PostgreSQL as somebody else, is not installed")
    with workplace() as directory, etcd(directory) as address:
        cluster = Cluster([Node(f"db{n}", directory, address) for n in (1, 2, 3)])
        try:
            for node in cluster.nodes:
                node.start()
            wait_until(lambda: len(cluster.synchronous()) == 1, "a synchronous standby was chosen", cluster, 90)
            yield cluster
        finally:
            for node in cluster.nodes:
                node.kill()


def wait_until(true: Any, what: str, cluster: Cluster, seconds: float) -> float:
    """Seconds until it was true."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() < began + seconds, f"it did not come to pass that {what}\n{cluster.logs()}"
        time.sleep(0.1)
    return time.monotonic() - began
