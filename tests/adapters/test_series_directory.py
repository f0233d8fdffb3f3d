"""Series of servers that were killed do not pile up; those of living servers stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from factory.adapters.observe.series_directory import make_series_directory

SERVER = """
import os, time
from factory.adapters.observe.series_directory import make_series_directory
print(make_series_directory(), flush=True)
time.sleep(60)
"""
LONG_AGO = 1_700_000_000


@pytest.fixture(autouse=True)
def own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_a_killed_servers_directory_goes_and_a_living_ones_stays() -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with server, server.stdout:
        theirs = Path(server.stdout.readline().strip())
        (theirs / "counter_1.db").write_bytes(b"series")
        os.utime(theirs, (LONG_AGO, LONG_AGO))

        make_series_directory()
        assert theirs.is_dir()

        server.send_signal(signal.SIGKILL)
        server.wait()
        ours = make_series_directory()
    assert not theirs.exists()
    assert ours.is_dir()


def test_what_is_new_or_not_ours_to_remove_stays(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    kept = [tmp_path / "factory-metrics-new", tmp_path / "factory-metrics-file", tmp_path / "factory-metrics-link"]
    kept[0].mkdir()
    kept[1].touch()
    kept[2].symlink_to(elsewhere)
    for path in kept[1:]:
        os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)

    make_series_directory()

    assert all(path.exists() for path in [*kept, elsewhere])
