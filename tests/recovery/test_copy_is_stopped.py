"""A copy that is stopped in its first moment takes its lock out of restic's repository."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

BACKUP = Path(__file__).parents[2] / "deploy" / "backup" / "backup"


def stop_the_command(copy: subprocess.Popen[str]) -> None:
    """As Docker does."""
    copy.terminate()


def stop_every_process(copy: subprocess.Popen[str]) -> None:
    """As systemd does, restic among them."""
    os.killpg(copy.pid, signal.SIGTERM)


@pytest.mark.parametrize("stop", [stop_the_command, stop_every_process])
def test_a_copy_that_is_stopped_when_it_has_just_taken_its_lock_leaves_none_behind(
    tmp_path: Path, stop: Callable[[subprocess.Popen[str]], None]
) -> None:
    if shutil.which("restic") is None:
        pytest.skip("restic is not installed")
    home, repository = tmp_path / "home", tmp_path / "repository"
    home.mkdir()
    (home / "file").write_text("to be copied")
    environment = {
        "PATH": os.environ["PATH"],
        "BACKUP_HOME": str(home),
        "RESTIC_REPOSITORY": str(repository),
        "RESTIC_PASSWORD": "correct-horse-battery",
    }
    copy = subprocess.Popen(
        [BACKUP, "copy"], env=environment, cwd=home, stderr=subprocess.PIPE, text=True, start_new_session=True
    )

    deadline = time.monotonic() + 60
    while not locked(repository):
        assert copy.poll() is None, copy.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.001)
    stop(copy)

    _, said = copy.communicate(timeout=60)
    assert copy.returncode == 143, said
    assert not locked(repository)


def locked(repository: Path) -> bool:
    """Return whether there is a lock; a file of a longer name was to become one, and is none for restic."""
    return any(len(lock.name) == 64 for lock in (repository / "locks").glob("*"))
