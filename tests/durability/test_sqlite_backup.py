"""`factory db backup`: a copy of an SQLite database that others write to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text
from tests.servers import RunningServer

from factory.cli.main import main


def run(database_url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env={"DATABASE_URL": database_url})


def stored(database: Path) -> set[str]:
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        found = set(connection.execute(text("SELECT event_id FROM events")).scalars())
    engine.dispose()
    return found


def test_a_copy_made_while_events_come_in_holds_all_that_was_acknowledged_before(
    fresh_database: Callable[[str], str], tmp_path: Path
) -> None:
    url, copy = fresh_database("sqlite"), tmp_path / "copy.db"
    acknowledged: list[str] = []
    stop = threading.Event()
    with RunningServer(url, tmp_path / "server.log") as server:

        def send() -> None:
            while not stop.is_set():
                one = f"event-{len(acknowledged)}"
                event = {"worker_id": "W1", "workstation_id": "S1", "event_type": "product_count", "event_id": one}
                answer = server.post_json("/api/v1/events/", {"timestamp": "2026-01-15T10:00:00Z", **event})
                assert answer.status == 201
                acknowledged.append(one)

        sender = threading.Thread(target=send)
        sender.start()
        while len(acknowledged) < 50:
            stop.wait(0.01)
        before = list(acknowledged)
        made = run(url, "db", "backup", str(copy))
        stop.set()
        sender.join()

    assert made.exit_code == 0, made.output
    assert set(before) <= stored(copy) <= set(acknowledged)
    assert run(f"sqlite:///{copy}", "verify").exit_code == 0


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_backup_writes_over_nothing_and_leaves_nothing_behind(
    store: str, fresh_database: Callable[[str], str], tmp_path: Path
) -> None:
    url, there = fresh_database(store), tmp_path / "there.db"
    there.write_text("something else")

    refused = run(url, "db", "backup", str(there))

    assert refused.exit_code == 1
    assert ("is there already" if store == "sqlite" else "docs/operations/backup.md") in refused.output
    assert there.read_text() == "something else"


def test_without_a_database_no_empty_one_is_copied(tmp_path: Path) -> None:
    refused = run(f"sqlite:///{tmp_path / 'nothing.db'}", "db", "backup", str(tmp_path / "copy.db"))

    assert refused.exit_code == 1
    assert "no database" in refused.output
    assert not (tmp_path / "copy.db").exists()
