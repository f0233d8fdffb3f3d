"""The files of an SQLite database: only their owner reads them, whatever the umask lets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.conftest import make_settings

from factory.store import migrations, open_store
from factory.store.engine.sqlite import back_up


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_the_database_what_is_beside_it_and_a_copy_are_for_their_owner_alone(tmp_path: Path) -> None:
    with closing(open_store(make_settings(f"sqlite:///{tmp_path}/new/factory.db"))) as store:
        migrations.upgrade(store)
        back_up(store.engine, tmp_path / "new" / "copy.db")
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in (tmp_path / "new").iterdir()}

    assert set(modes) >= {"factory.db", "factory.db-wal", "factory.db-shm", "copy.db"}
    assert set(modes.values()) == {"0o600"}


def test_the_mode_of_a_database_that_is_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "factory.db"
    file.touch(0o640)

    with closing(open_store(make_settings(f"sqlite:///{file}"))) as store:
        migrations.upgrade(store)

    assert oct(file.stat().st_mode & 0o777) == "0o640"
