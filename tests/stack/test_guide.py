"""PRODUCTION_DEPLOYMENT.md is followed, line by line: on a Debian host with systemd, and on the composed stack."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from tests.guide import script
from tests.servers import free_port
from tests.stack.conftest import PATIENCE_SECONDS, ROOT, compose_command, is_here, once, port_range

from factory import __version__

GUIDE = ROOT / "PRODUCTION_DEPLOYMENT.md"
FAILOVER = ROOT / "docs" / "operations" / "failover.md"
VAR = ROOT / "var" / "stack"
MACHINE = Path(__file__).parent / "machine"
SITE = "factory.example.org"
BOOT_SECONDS = 180
SYSTEMD = [
    *("--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE", "--cap-add", "NET_ADMIN"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"),
    *("--tmpfs", "/run", "--tmpfs", "/run/lock"),
]
"""Options that systemd wants to be the first process of a container."""


@pytest.fixture(autouse=True)
def _var() -> None:
    """Make the directory that keeps what was said for whoever looks at a failure."""
    VAR.mkdir(parents=True, exist_ok=True)


def docker(*arguments: str, check: bool = True) -> str:
    """Run a command of Docker's and return both its outputs; where it fails, raise an assertion with their end."""
    done = subprocess.run(
        ["docker", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800
    )
    assert not check or done.returncode == 0, f"docker {' '.join(arguments)[:200]}\n{done.stdout[-6000:]}"
    return done.stdout


def release_archive(directory: Path) -> Path:
    """Make the archive of what is checked out, with what is not committed yet."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout
    present = b"\0".join(name for name in names.split(b"\0") if name and (ROOT / name.decode()).exists())
    archive = directory / f"factory-{__version__}.tar.gz"
    tar = ["tar", "--create", "--gzip", "--file", str(archive), "--null", "--files-from=-"]
    subprocess.run(tar, cwd=ROOT, input=present, check=True)
    return archive


def packages_of(text: str) -> list[str]:
    """Return the packages that the guide installs from Debian, to be downloaded before."""
    commands = re.findall(r"apt-get install ((?:[^\n]*\\\n)*[^\n]*)", text)
    return [word for command in commands for word in command.split() if re.fullmatch(r"[a-z][a-z0-9.+-]+", word)]


@pytest.fixture(scope="session")
def debian(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the image of a Debian host with systemd, to which the packages of the guides have been downloaded."""
    compose_command()
    if not is_here("debian:bookworm-slim"):
        pytest.skip("the container image debian:bookworm-slim is not here and cannot be pulled")
    image = "factory-guide-machine"
    packages = [*packages_of(script(GUIDE, "host")), *packages_of(script(FAILOVER, "database"))]
    with once(tmp_path_factory, "debian") as is_first:
        if is_first:
            docker("build", "--tag", image, "--build-arg", f"PACKAGES={' '.join(packages)}", str(MACHINE))
    return image


@contextmanager
def booted(debian: str, *options: str) -> Iterator[str]:
    """Yield the container of a running host."""
    running = f"{debian}-{uuid4().hex[:6]}"
    try:
        docker("run", "--detach", "--name", running, *SYSTEMD, *options, debian)
        deadline = time.monotonic() + BOOT_SECONDS
        while docker("exec", running, "systemctl", "is-system-running", check=False).strip() not in (
            "running",
            "degraded",
        ):
            assert time.monotonic() < deadline, docker("logs", running)
            time.sleep(0.5)
        yield running
    finally:
        docker("rm", "--force", "--volumes", running, check=False)


@pytest.fixture
def machine(debian: str) -> Iterator[str]:
    with booted(debian, "--add-host", f"{SITE}:127.0.0.1") as name:
        yield name


EVENTS = r"""
post() {{ curl --fail --silent --show-error --output /dev/null {curl} https://{site}/api/v1/events/ \
  -H "X-API-Key: $key" -H 'Content-Type: application/json' \
  -d "{{\"timestamp\": \"2026-01-15T10:30:00Z\", \"worker_id\": \"$1\",
    \"workstation_id\": \"S1\", \"event_type\": \"working\", \"event_id\": \"$1\"}}"; }}
told() {{ {psql} --no-align --tuples-only --dbname "${{2:-postgres}}" --command "$1"; }}
kept() {{
  until post "$2"; do sleep 1; done
  echo "kept after $1:" $(told "SELECT string_agg(event_id, ' ' ORDER BY received_at) FROM events
    WHERE event_id IN ('right', 'mistake', 'last')" factory)
}}
post right
sleep 1
before_the_mistake=$(date '+%F %T.%N%z')
sleep 1
post mistake
{backup} full
post last
"""
"""Three events, of which the newest backup lacks the last; `kept` says which are there, once one more is taken."""

LOSS = r"""
flushed=$(told 'SELECT pg_current_wal_flush_lsn()')
until told "SELECT 'received' FROM pg_stat_replication WHERE application_name = 'barman_receive_wal'
  AND write_lsn >= '$flushed'" | grep --quiet received; do sleep 1; done
sudo systemctl kill --signal SIGKILL --kill-who all 'postgresql@*'
until sudo find /var/lib/postgresql -mindepth 1 -delete; do sleep 1; done
"""
"""The primary of a host dies with its disk; the new one is empty."""


def with_restores(commands: str, before: str) -> str:
    """Return the guide's commands with `before` ahead of the restore, which then is done to three points in time.

    The newest; one before every backup, which has to be refused; and one before the mistake.
    """
    start = commands.index("moment=''\n")
    end = commands.rindex("\n", start, commands.index("--- ", start))
    restore = commands[start:end]
    [script] = [line for line in restore.splitlines() if "restore-primary" in line]
    parts = [
        before,
        *(restore, "kept 'the newest' one"),
        *("moment='2001-01-01 00:00:00+00'", f"if {script}; then false; fi", "kept 'the refusal' two"),
        *(restore.replace("moment=''", 'moment="$before_the_mistake"'), "kept 'the mistake' three"),
    ]
    return "\n".join([commands[:start], *parts, commands[end:]])


def hold_what_was_kept(said: str) -> None:
    kept = [line.removeprefix("kept after ") for line in said.splitlines() if line.startswith("kept after ")]
    assert kept == ["the newest: right mistake last", "the refusal: right mistake last", "the mistake: right"]


SSH = 22
"""The port by which people get into a host; Barman's package brings it along."""


def reached_from_outside(machine: str) -> set[int]:
    """Return the TCP ports at which a host listens on more than its loopback; addresses are in the kernel's form."""
    sockets = docker("exec", machine, "cat", "/proc/net/tcp", "/proc/net/tcp6").splitlines()
    listening = [line.split()[1].split(":") for line in sockets if line.split()[3] == "0A"]
    loopback = ("7F", "0" * 24 + "01000000")
    return {int(port, 16) for address, port in listening if not address.endswith(loopback)}


STARTED = r"""
sudo --user factory factory db upgrade
sudo systemctl restart factory@5001 factory@5002
key=$(sudo --user factory factory key add --name line-1 --scope ingest)
until post small; do sleep 1; done
sudo sed --in-place 's/^15 2 /* * /' /etc/cron.d/factory-backup
until copy=$(sudo sh -c 'ls /var/backups/factory/*.db'); do sleep 1; done
until sudo --user factory DATABASE_URL=sqlite:///$copy factory export - | grep small; do sleep 1; done
"""
"""The servers go over to SQLite, and cron, which is told not to wait for the night, makes a copy of it."""


def on_sqlite(commands: str) -> str:
    """Return the guide's commands for SQLite with the start that they leave to those for PostgreSQL."""
    return commands.replace("sudo --user factory factory db backup", f"{STARTED}sudo --user factory factory db backup")


def test_the_guide_brings_up_a_host_without_containers(machine: str, tmp_path: Path) -> None:
    archive = release_archive(tmp_path)
    commands = tmp_path / "guide.sh"
    events = EVENTS.format(
        curl="", site=SITE, psql="sudo --user postgres psql", backup="sudo /opt/factory/current/deploy/host/backup"
    )
    commands.write_text(with_restores(script(GUIDE, "host"), events + LOSS) + on_sqlite(script(GUIDE, "sqlite")))
    for source, target in (
        (commands, "guide.sh"),
        (archive, "factory-1.0.0.tar.gz"),
        (archive, "factory-1.0.1.tar.gz"),
    ):
        docker("cp", str(source), f"{machine}:/home/maintainer/{target}")
    said = docker(
        "exec", "--user", "maintainer", "--workdir", "/home/maintainer", machine, "bash", "-euo", "pipefail", "guide.sh"
    )

    (VAR / "guide-host.txt").write_text(said)
    said = said.replace('": ', '":')
    assert '"ready":true' in said
    assert f"308 https://{SITE}/" in said
    assert '"worker_count":1,"station_count":1' in said
    assert '"verified":true' in said
    hold_what_was_kept(said)
    assert "503" in said
    assert "Retry-After" in said or "retry-after" in said
    assert '"worker_id":"small"' in said
    assert reached_from_outside(machine) - {SSH} == {80, 443}


@pytest.fixture
def database_hosts(debian: str) -> Iterator[dict[str, str]]:
    """Yield the containers of db1, db2 and db3, by these names, which they know each other by."""
    network = f"factoryguide{uuid4().hex[:6]}"
    with ExitStack() as running:
        running.callback(docker, "network", "rm", network, check=False)
        docker("network", "create", network)
        yield {
            host: running.enter_context(
                booted(debian, "--network", network, "--hostname", host, "--network-alias", host)
            )
            for host in ("db1", "db2", "db3")
        }


def test_the_guide_of_the_failover_brings_up_one_etcd_of_three_hosts(database_hosts: dict[str, str]) -> None:
    ours = (ROOT / "deploy" / "ha" / "etcd.env.example").read_text().splitlines()
    for host, container in database_hosts.items():
        named = [line if line.startswith("ETCD_INITIAL_CLUSTER=") else line.replace("db1", host) for line in ours]
        example = "cat >etcd.env.example <<'EXAMPLE'\n" + "\n".join(named) + "\nEXAMPLE\n"
        docker("exec", container, "bash", "-euo", "pipefail", "-c", example + script(FAILOVER, "database"))

    deadline = time.monotonic() + BOOT_SECONDS
    for container in database_hosts.values():
        said = ""
        while not all(f"http://{host}:2379 is healthy" in said for host in database_hosts):
            assert time.monotonic() < deadline, said + docker("exec", container, "journalctl", "--unit", "etcd")
            said = docker("exec", container, "etcdctl", "endpoint", "health", "--cluster", check=False)


SHELL = """
docker() {{ if [[ $1 == compose ]]; then shift; command {compose} "$@"; else command docker "$@"; fi; }}
if ((EUID == 0)); then sudo() {{ env "$@"; }}; fi
"""
"""Programs that the machine of the tests lacks: Compose v2 where there is version 1 alone, and sudo for root."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy the release to a directory of its own, so that nothing of the guide's is left in this one."""
    place = tmp_path / "factory"
    place.mkdir()
    subprocess.run(
        ["tar", "--extract", "--file", str(release_archive(tmp_path)), "--directory", str(place)], check=True
    )
    return place


@pytest.fixture
def surroundings(checkout: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Yield the environment of the guide's shell: a project of its own on free ports, where curl finds the site's."""
    project = f"factoryguide{uuid4().hex[:6]}"
    names = ("HTTP_PORT", "TLS_PORT", "TLS_REDIRECT_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "POSTGRES_PORT")
    ports = {name: str(free_port()) for name in names}
    found = {f"{SITE}:443": ports["TLS_PORT"], "localhost:8080": ports["HTTP_PORT"]}
    lines = [f'connect-to = "{asked}:localhost:{port}"\n' for asked, port in found.items()]
    (tmp_path / ".curlrc").write_text("".join(lines))
    shell = tmp_path / "shell"
    shell.write_text(SHELL.format(compose=" ".join(compose_command())))
    environment = {
        **os.environ,
        **ports,
        "BACKEND_PORTS": port_range(6),
        "COMPOSE_PROJECT_NAME": project,
        "IMAGE_PREFIX": project,
        "BACKUP_IMAGE": f"{project}-backup",
        "POSTGRES_SHARED_BUFFERS": "64MB",
        "BACKEND_HEALTH_INTERVAL": "5s",
        "PATIENCE_SECONDS": str(PATIENCE_SECONDS),
        "CURL_HOME": str(tmp_path),
        "BASH_ENV": str(shell),
    }
    try:
        yield environment
    finally:
        with (VAR / "guide-stack-log.txt").open("w") as log:
            tail = [*compose_command(), "logs", "--no-color", "--tail", "200"]
            subprocess.run(tail, cwd=checkout, env=environment, stdout=log, check=False)
        down = [*compose_command(), "down", "--volumes", "--timeout", "5"]
        subprocess.run(down, cwd=checkout, env=environment, check=False)
        names = [f"{name}:{version}" for name in ("backend", "frontend") for version in ("1.0.0", "1.1.0")]
        docker("rmi", "--force", *(f"{project}-{name}" for name in ("backup", *names)), check=False)


@pytest.mark.usefixtures("images")  # whose layers its own builds find
def test_the_guide_brings_up_the_composed_stack(checkout: Path, surroundings: dict[str, str]) -> None:
    events = EVENTS.format(
        curl="--cacert fullchain.pem",
        site=SITE,
        psql="docker compose exec -T postgres psql --username postgres",
        backup="docker compose exec -T backup backup",
    )
    commands = with_restores(script(GUIDE, "stack"), events)
    # Images of the developer's keep their names.
    for name in ("backend", "frontend"):
        commands = commands.replace(f"factory-{name}:", f"{surroundings['IMAGE_PREFIX']}-{name}:")
    (checkout / "guide.sh").write_text(commands)

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "guide.sh"],
        cwd=checkout,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
        check=False,
    )

    (VAR / "guide-stack.txt").write_text(done.stdout)
    assert done.returncode == 0, done.stdout[-6000:]
    said = done.stdout.replace('": ', '":')
    assert '"ready":true' in said
    assert "database_away" in said
    assert '"verified":true' in said
    assert "follows from the events" in said
    hold_what_was_kept(said)
    assert said.rstrip().endswith("streaming"), "the replica does not follow the restored primary"
