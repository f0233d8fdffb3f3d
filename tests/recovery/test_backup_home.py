"""Work of deploy/backup/backup on what it finds in the home of the backups; the programs it calls are stand-ins."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

BACKUP = Path(__file__).parents[2] / "deploy" / "backup" / "backup"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make an empty home, with a Barman that can do nothing and a restic that brings a file."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, commands in (("barman", "exit 1"), ("restic", 'touch "$PWD/fetched"')):
        (programs / name).write_text(f"#!/bin/sh\n{commands}\n")
        (programs / name).chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    return home


def start(home: Path, command: str) -> subprocess.Popen[str]:
    environment = {"PATH": f"{home.parent / 'bin'}:{os.environ['PATH']}", "BACKUP_HOME": str(home)}
    return subprocess.Popen([BACKUP, command], env=environment, cwd=home, stderr=subprocess.PIPE, text=True)


def test_a_drill_removes_what_one_that_was_cut_off_has_left(home: Path) -> None:
    (home / "drill.abcdef" / "data").mkdir(parents=True)
    old, new = (home / "staging" / f"streamed.{name}" for name in ("000old", "000new"))
    for directory in (old, new):
        directory.mkdir(parents=True)
    os.utime(old, (0, 0))

    start(home, "drill").communicate(timeout=60)

    assert sorted(path.name for path in home.iterdir() if not path.name.startswith(".")) == ["staging"]
    assert not old.exists()
    assert new.exists(), "a restore that is under way was disturbed"


def test_a_drill_waits_for_another_and_leaves_it_alone(home: Path) -> None:
    under_way = home / "drill.abcdef"
    under_way.mkdir()
    with (home / ".drill.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        drill = start(home, "drill")
        with pytest.raises(subprocess.TimeoutExpired):
            drill.communicate(timeout=2)
        assert under_way.exists()
    drill.communicate(timeout=60)

    assert not under_way.exists()


def test_a_copy_is_fetched_into_an_empty_home_alone(home: Path) -> None:
    (home / "factory" / "base" / "20261126T081000").mkdir(parents=True)

    fetch = start(home, "fetch")
    _, said = fetch.communicate(timeout=60)

    assert fetch.returncode == 1
    assert "there are backups" in said
    assert not (home / "fetched").exists()
