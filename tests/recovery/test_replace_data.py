"""Restored data takes the place of the data that was there, or leaves it as it was."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

REPLACE_DATA = Path(__file__).resolve().parents[2] / "deploy" / "backup" / "replace-data"
MEMORY = Path("/dev/shm")
"""Another file system than that of the tests."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Make the directory of a server's data, 18/docker, which is there."""
    directory = tmp_path / "18" / "docker"
    directory.mkdir(parents=True)
    (directory / "PG_VERSION").write_text("of before\n")
    return directory


@pytest.fixture
def restored() -> Iterator[Path]:
    """Yield a restored database on another disk."""
    with TemporaryDirectory(dir=MEMORY) as place:
        directory = Path(place) / "restored"
        (directory / "global").mkdir(parents=True)
        (directory / "PG_VERSION").write_text("restored\n")
        (directory / "global" / "pg_control").write_bytes(bytes(8192))
        (directory / "postgresql.auto.conf").write_text("restore_command = 'cp barman_wal/%f %p'\n")
        (directory / "recovery.signal").touch()
        yield directory


def replace(restored: Path, data: Path, *, largest_file: int = -1) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    command = [str(REPLACE_DATA), str(restored), str(data)]
    return subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)


def contents(volume: Path) -> dict[str, str]:
    """Return the database in each directory."""
    return {one.name: (one / "PG_VERSION").read_text().strip() for one in volume.iterdir()}


def test_the_restored_database_takes_the_place_and_the_one_before_is_kept(restored: Path, data: Path) -> None:
    done = replace(restored, data)

    assert done.returncode == 0, done.stderr
    kept = contents(data.parent)
    assert kept.pop("docker") == "restored"
    [(name, database)] = kept.items()
    assert name.startswith("docker.before-")
    assert database == "of before"
    assert name in done.stdout


def test_a_disk_that_was_lost_with_its_directories_gets_them(restored: Path, tmp_path: Path) -> None:
    data = tmp_path / "18" / "docker"

    done = replace(restored, data)

    assert done.returncode == 0, done.stderr
    assert contents(data.parent) == {"docker": "restored"}


@pytest.mark.parametrize("missing", ["PG_VERSION", "global/pg_control", "postgresql.auto.conf", "recovery.signal", "."])
def test_what_is_not_whole_changes_nothing(missing: str, restored: Path, data: Path) -> None:
    (restored / missing).rename(restored.parent / "gone")

    done = replace(restored, data)

    assert done.returncode == 1
    assert str(restored) in done.stderr
    assert contents(data.parent) == {"docker": "of before"}


def test_what_has_no_room_changes_nothing_and_leaves_nothing(restored: Path, data: Path) -> None:
    done = replace(restored, data, largest_file=4096)

    assert done.returncode != 0
    assert contents(data.parent) == {"docker": "of before"}
