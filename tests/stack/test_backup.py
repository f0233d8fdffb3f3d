"""Backups of the running stack, and what is restored from them in a fresh server."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from tests.stack.conftest import ROOT, Stack, docker, is_here

HOME = "/var/lib/barman"


class Backup:
    """The container of the profile `backup`."""

    def __init__(self, stack: Stack, container: str) -> None:
        self.stack = stack
        self.container = container

    def shell(self, command: str) -> str:
        return self.stack.execute(self.container, "bash", "-c", command)

    def run(self, *arguments: str) -> str:
        return self.stack.execute(self.container, "backup", *arguments)

    def drill(self, *arguments: str) -> dict[str, Any]:
        """Run the drill and return what it reports."""
        return json.loads(self.run("drill", *arguments))  # type: ignore[no-any-return]

    def fails(self, *arguments: str) -> str:
        """Run a command that fails, as it should, and return what it says."""
        command = ["docker", "exec", self.container, "backup", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode != 0, done.stdout
        return done.stderr


@pytest.fixture(scope="module")
def backup(stack: Stack, backup_container: str) -> Backup:
    """Return the container, once it has made its first full backup by itself and proven that it can be restored."""
    found = Backup(stack, backup_container)
    proven = (
        "grep -q factory_restore_drill_last_success_timestamp_seconds /var/lib/barman/metrics.prom && echo yes || true"
    )
    stack.wait_until(lambda: found.shell(proven) == "yes\n", "the first drill has succeeded")
    return found


def post(stack: Stack, *, worker: str = "W1") -> None:
    event = {
        "timestamp": "2026-01-15T10:00:00Z",
        "worker_id": worker,
        "workstation_id": "S1",
        "event_type": "product_count",
        "event_id": uuid4().hex,
    }
    headers = {"X-API-Key": stack.key, "Content-Type": "application/json"}
    assert stack.ask("POST", "/api/v1/events/", json.dumps(event).encode(), headers).status == 201


def stored(stack: Stack) -> int:
    return int(stack.sql("SELECT count(*) FROM events")[0])


def test_a_full_backup_increments_and_wal_bring_back_what_was_acknowledged(stack: Stack, backup: Backup) -> None:
    post(stack)
    backup.run("incremental")
    post(stack)  # is in the WAL alone

    report = backup.drill()

    kinds = [line.split(" - ")[1] for line in backup.run("list").splitlines()]
    assert {"F", "I"} <= set(kinds)
    assert report["events"] == stored(stack)
    assert report["verified"] is True
    assert report["recovery_seconds"] < 120


def test_a_point_in_time_is_restored_with_all_before_it_and_nothing_after(stack: Stack, backup: Backup) -> None:
    post(stack)
    before = stored(stack)
    time.sleep(1)
    [point] = stack.sql("SELECT now()")
    time.sleep(1)
    post(stack)
    post(stack)
    stack.sql("SELECT pg_switch_wal()")
    # Recovery ends at a commit after the point, which has to have come in.
    time.sleep(2)

    report = backup.drill(point)

    assert report["events"] == before
    assert stored(stack) == before + 2


def test_the_copy_is_encrypted_and_whole(stack: Stack, backup: Backup) -> None:
    secret = f"Klartext{uuid4().hex}"
    post(stack, worker=secret)
    backup.run("full")

    backup.run("copy")

    assert backup.shell(f"grep -rqa {secret} {HOME}/factory && echo found").strip() == "found"
    assert backup.shell(f"grep -rqa {secret} /var/lib/restic || echo missing").strip() == "missing"
    checked = backup.shell(
        "export RESTIC_REPOSITORY=/var/lib/restic/repository RESTIC_CACHE_DIR=/tmp/restic "
        "RESTIC_PASSWORD_FILE=/run/secrets/backup_passphrase; restic check --read-data 2>&1"
    )
    assert "no errors were found" in checked


@pytest.fixture
def copy_host(stack: Stack, backup: Backup) -> Iterator[list[str]]:
    """Another host that takes the copy by SFTP; the words to Docker for a container that keeps it there."""
    if not is_here("debian:bookworm-slim"):
        pytest.skip("the container image debian:bookworm-slim is not here and cannot be pulled")
    image = stack.inspect(backup.container, "{{.Config.Image}}")
    name = f"{stack.project}-copy-host"
    docker("build", "--quiet", "--tag", name, str(ROOT / "tests" / "stack" / "copy_host"))
    docker("network", "create", name)
    keys = ("--network", name, "--volume", f"{name}:/var/lib/barman-keys", "--workdir", "/var/lib/barman-keys")
    as_root = ("run", "--rm", "--user", "root", *keys, "--entrypoint", "bash", image, "-euc")
    try:
        docker(*as_root, "mkdir .ssh; ssh-keygen -q -t ed25519 -N '' -f .ssh/id_ed25519; chown -R postgres .ssh")
        docker("run", "--detach", "--name", name, "--network", name, "--volume", f"{name}:/keys:ro", name)
        docker(*as_root, f"until ssh-keyscan {name} >.ssh/known_hosts; test -s .ssh/known_hosts; do sleep 1; done")
        yield [
            *("run", "--rm", "--network", name, "--volume", f"{name}:/var/lib/barman-keys:ro"),
            *("--env", f"RESTIC_REPOSITORY=sftp:copy@{name}:factory"),
            *("--volume", f"{ROOT}/deploy/secrets/backup_passphrase:/run/secrets/backup_passphrase:ro"),
        ]
    finally:
        for command in (("rm", "--force"), ("network", "rm"), ("volume", "rm"), ("rmi", "--force")):
            subprocess.run(["docker", *command, name], capture_output=True, check=False)


def test_a_copy_on_another_host_brings_everything_back_when_this_one_is_gone(
    stack: Stack, backup: Backup, copy_host: list[str]
) -> None:
    image = stack.inspect(backup.container, "{{.Config.Image}}")
    post(stack)
    backup.run("incremental")
    events = stored(stack)

    docker(*copy_host, "--volumes-from", backup.container, image, "copy")
    # Of this host nothing but the passphrase and the keys.
    said = docker(*copy_host, "--entrypoint", "bash", image, "-euc", "backup fetch; backup drill")

    assert json.loads(said)["events"] == events
    assert json.loads(said)["verified"] is True


COPIED = "marks/backup_copy_last_success_timestamp_seconds"


def locks(stack: Stack, backup: Backup) -> list[str]:
    """Those of restic's repository, whether the container runs or not."""
    image = stack.inspect(backup.container, "{{.Config.Image}}")
    command = ("--entrypoint", "ls", image, "/var/lib/restic/repository/locks")
    found = docker("run", "--rm", "--volumes-from", backup.container, *command).split()
    # A file of a longer name was to become a lock, and is none for restic.
    return [name for name in found if "-tmp-" not in name]


@pytest.fixture
def in_a_copy(stack: Stack, backup: Backup) -> Iterator[Backup]:
    """Yield the container, while it makes a copy by itself that takes a while."""
    backup.shell(f"head --bytes 256M /dev/urandom >{HOME}/factory/ballast; rm -f {HOME}/{COPIED}")
    docker("restart", backup.container)
    locked = "ls /var/lib/restic/repository/locks | grep --invert-match tmp || true"
    stack.wait_until(lambda: backup.shell(locked) != "", "a copy has begun")
    yield backup
    stack.wait_until(lambda: backup.shell(f"ls {HOME}/{COPIED} || true") != "", "the next copy has succeeded", 300)
    backup.shell(f"rm {HOME}/factory/ballast")


def test_a_copy_that_is_stopped_leaves_no_lock_behind(stack: Stack, in_a_copy: Backup) -> None:
    docker("stop", in_a_copy.container)

    left = locks(stack, in_a_copy)
    docker("start", in_a_copy.container)
    assert left == []


def test_after_a_copy_that_was_killed_the_next_one_succeeds(stack: Stack, in_a_copy: Backup) -> None:
    docker("kill", in_a_copy.container)
    assert len(locks(stack, in_a_copy)) == 1

    docker("start", in_a_copy.container)

    stack.wait_until(lambda: in_a_copy.shell(f"ls {HOME}/{COPIED} || true") != "", "the next copy has succeeded", 300)


def test_a_drill_fails_where_there_is_no_organisation_to_verify(stack: Stack, backup: Backup) -> None:
    empty = "ALTER TABLE organisations RENAME TO kept; CREATE TABLE organisations (LIKE kept INCLUDING ALL)"
    stack.sql(f"BEGIN; {empty}; ALTER TABLE organisations OWNER TO factory; COMMIT")
    time.sleep(1)
    [point] = stack.sql("SELECT now()")
    time.sleep(1)
    stack.sql("BEGIN; DROP TABLE organisations; ALTER TABLE kept RENAME TO organisations; COMMIT")

    assert "holds no organisation" in backup.fails("drill", point)


def test_a_drill_fails_on_a_backup_that_was_damaged(stack: Stack, backup: Backup) -> None:
    find = f"find {HOME}/factory/base -path '*/data/base/*' -type f -size +100k | sort | tail -n 1"
    damaged = backup.shell(find).strip()
    backup.shell(f"cp {damaged} /tmp/whole; printf damage | dd of={damaged} bs=1 seek=50000 conv=notrunc status=none")

    said = backup.fails("drill")

    assert "are not those that were written" in said
    backup.shell(f"cp /tmp/whole {damaged}")
    assert backup.drill()["events"] == stored(stack)


def test_a_drill_fails_where_wal_is_missing(stack: Stack, backup: Backup) -> None:
    wals = f"{HOME}/factory/wals"
    backup.shell(f"mv {wals} /tmp/wals; mkdir {wals}; cp /tmp/wals/xlog.db {wals}/ || true")
    try:
        assert backup.fails("drill")
    finally:
        backup.shell(f"rm -rf {HOME}/factory/wals; mv /tmp/wals {HOME}/factory/wals")


def test_no_secret_is_in_a_log_of_backups_copies_and_drills(stack: Stack, backup: Backup) -> None:
    assert "made a backup" in stack.compose("logs", "--no-color", "backup")
    assert stack.secrets_in_logs() == []
