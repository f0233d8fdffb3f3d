"""Databases that the browser's servers begin with: made once for all processes of a run, and copied."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

Fill = Callable[[Path], None]
"""Makes a database file."""


def once_a_run(tmp_path_factory: pytest.TempPathFactory, name: str, fill: Fill) -> Path:
    """Return the database of that name, filled by whichever process of the run asks for it first."""
    own = tmp_path_factory.getbasetemp()
    directory = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "databases" / name
    directory.mkdir(parents=True, exist_ok=True)
    made = directory / "factory.db"
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            unfinished = directory / "unfinished.db"
            fill(unfinished)
            with closing(sqlite3.connect(unfinished)) as last:  # nothing stays in the write-ahead log
                last.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            unfinished.rename(made)
    return made


def copy(database: Path, directory: Path) -> str:
    """Copy a database into that directory and return the copy's URL."""
    shutil.copy(database, directory / "factory.db")
    return f"sqlite:///{directory / 'factory.db'}"


def run_command(database: Path, *arguments: str, typed: str = "", **environment: str) -> None:
    """Run `factory …` on a database that no server has open."""
    from factory.cli.main import main

    environ = {"DATABASE_URL": f"sqlite:///{database}", "LOG_LEVEL": "WARNING", **environment}
    done = CliRunner().invoke(main, arguments, env=environ, input=typed, catch_exceptions=False)
    assert done.exit_code == 0, done.output


def fill_with_sample(database: Path) -> None:
    run_command(database, "seed")
