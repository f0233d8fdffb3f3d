"""The commands as an operator runs them: import and export, verify and rebuild, seed and the schema."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text

Run = Callable[..., Result]
DERIVED = ("intervals", "rollups")


@pytest.fixture
def run(database_url: str) -> Run:
    """Return a function that runs one command on the test's own database, and expects success unless told otherwise."""
    from factory.cli.main import main

    def invoke(*arguments: str, expect: int | None = 0, url: str = database_url, **changes: str) -> Result:
        environment = {"DATABASE_URL": url, "ENVIRONMENT": "development", "LOG_LEVEL": "WARNING", **changes}
        result = CliRunner().invoke(main, list(arguments), env=environment)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        if expect is not None:
            assert result.exit_code == expect, result.output
        return result

    return invoke


SECRET = "an example of a secret key, long enough to sign with"


def make_events(number: int) -> list[dict[str, Any]]:
    types = ("working", "product_count", "idle", "product_count")
    return [
        {
            "timestamp": f"2025-11-{1 + index // 96 % 28:02d}T{index // 4 % 24:02d}:{15 * (index % 4):02d}:00Z",
            "worker_id": f"W{1 + index % 3}",
            "workstation_id": f"S{1 + index % 2}",
            "event_type": types[index % 4],
            "confidence": 0.5,
            "event_id": f"e-{index}",
            **({"count": index % 7} if index % 2 else {}),
        }
        for index in range(number)
    ]


def write_lines(path: Path, events: list[dict[str, Any]]) -> Path:
    content = "".join(json.dumps(event) + "\n" for event in events).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_csv(path: Path, events: list[dict[str, Any]]) -> Path:
    target = io.StringIO()
    columns = ["timestamp", "worker_id", "workstation_id", "event_type", "count", "confidence", "event_id"]
    writer = csv.DictWriter(target, columns, restval="")
    writer.writeheader()
    writer.writerows(events)
    content = target.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def exported(run: Run, tmp_path: Path, name: str = "out.ndjson") -> list[dict[str, Any]]:
    target = tmp_path / name
    run("export", str(target))
    return [json.loads(line) for line in target.read_text().splitlines()]


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(row["event_id"] for row in rows)


@pytest.fixture
def tamper(database_url: str) -> Iterator[Callable[[str], int]]:
    """Yield a function that runs a statement behind the product's back and returns how many rows it changed."""
    engine = create_engine(database_url)
    raw = {"sqlite": "events", "postgresql": "events_first"}[engine.dialect.name]

    def execute(statement: str) -> int:
        with engine.begin() as connection:
            return connection.execute(text(statement.replace(" events ", f" {raw} "))).rowcount

    yield execute
    engine.dispose()


@pytest.mark.parametrize("name", ["events.ndjson", "events.ndjson.gz", "events.csv", "events.csv.gz"])
def test_a_file_is_imported_whole_and_a_second_time_changes_nothing(run: Run, tmp_path: Path, name: str) -> None:
    events = make_events(300)
    path = (write_csv if ".csv" in name else write_lines)(tmp_path / name, events)
    run("import", str(path))
    first = exported(run, tmp_path)
    assert ids(first) == ids(events)
    run("import", str(path))
    assert exported(run, tmp_path, "again.ndjson") == first
    run("verify")


def test_an_import_that_was_interrupted_is_finished_by_running_it_again(run: Run, tmp_path: Path) -> None:
    events = make_events(300)
    run("import", str(write_lines(tmp_path / "half.ndjson", events[:150])))
    assert len(exported(run, tmp_path)) == 150
    run("import", str(write_lines(tmp_path / "whole.ndjson", events)))
    assert ids(exported(run, tmp_path)) == ids(events)


def test_an_import_tells_of_bad_lines_and_keeps_the_good_ones(run: Run, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "events.ndjson", make_events(10))
    path.write_bytes(path.read_bytes() + b"{broken\n\xff\xfe\n{}\n" + json.dumps(make_events(11)[10]).encode())
    result = run("import", str(path), expect=None)
    assert result.exit_code != 0, "a script must notice that lines were refused"
    assert "3" in result.output
    assert len(exported(run, tmp_path)) == 11


def test_a_file_that_is_not_there_or_not_whole_ends_with_a_sentence(run: Run, tmp_path: Path) -> None:
    assert run("import", str(tmp_path / "nothing.ndjson"), expect=None).exit_code != 0
    cut = write_lines(tmp_path / "events.ndjson.gz", make_events(2000))
    cut.write_bytes(cut.read_bytes()[:-20])
    result = run("import", str(cut), expect=None)
    assert result.exit_code != 0
    assert "Traceback" not in result.output


def test_what_is_exported_can_be_imported_into_another_store(
    run: Run, tmp_path: Path, fresh_database: Callable[[str], str]
) -> None:
    events = make_events(100)
    events[3]["source_id"], events[4]["model_version"] = 'camera é, "1"', "v;2"
    events[5]["source_id"], events[6]["event_id"] = '=HYPERLINK("http://x.example","y")', "+1+1"
    events[7]["source_id"], events[8]["source_id"], events[9]["event_id"] = "'quoted", "'=1", "O'Neil"
    run("import", str(write_lines(tmp_path / "events.ndjson", events)))
    run("export", str(tmp_path / "out.ndjson"))
    run("export", str(tmp_path / "out.csv"))
    wanted = exported(run, tmp_path, "wanted.ndjson")
    assert len(wanted) == 100
    cells = {cell for row in csv.reader((tmp_path / "out.csv").read_text().splitlines()) for cell in row}
    assert {cell for cell in cells if cell.startswith(("=", "+", "-", "@"))} == set()
    for name in ("out.ndjson", "out.csv"):
        other = fresh_database("sqlite")
        run("import", str(tmp_path / name), url=other)
        run("export", str(tmp_path / "copy.ndjson"), url=other)
        copy = [json.loads(line) for line in (tmp_path / "copy.ndjson").read_text().splitlines()]
        without_receipt = [{k: v for k, v in row.items() if k != "received_at"} for row in copy]
        assert without_receipt == [{k: v for k, v in row.items() if k != "received_at"} for row in wanted]


def load(run: Run, tmp_path: Path) -> None:
    run("import", str(write_lines(tmp_path / "events.ndjson", make_events(300))))
    run("verify")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM intervals",
        "UPDATE intervals SET state = 3 - state WHERE state IN (1, 2)",
        "UPDATE intervals SET start_at = start_at + 1 WHERE start_at IN (SELECT min(start_at) FROM intervals)",
        "UPDATE intervals SET station_key = 3 - station_key",
        "DELETE FROM rollups WHERE level = (SELECT min(level) FROM rollups)",
        "DELETE FROM rollups WHERE level = (SELECT max(level) FROM rollups)",
        "DELETE FROM rollups WHERE kind = (SELECT max(kind) FROM rollups)",
        "UPDATE events SET units = units + 1 WHERE event_type = 4",
        "UPDATE events SET event_type = 2 WHERE event_type = 1",
        "DELETE FROM events WHERE event_id = 'e-4'",
    ],
)
def test_verify_finds_what_was_tampered_with_and_rebuild_mends_it(
    run: Run, tmp_path: Path, tamper: Callable[[str], int], statement: str
) -> None:
    load(run, tmp_path)
    assert tamper(statement) > 0
    found = run("verify", expect=None)
    assert found.exit_code == 1, found.output
    assert found.output.strip()
    run("rebuild")
    run("verify")


def test_verify_of_an_untouched_store_is_clean_however_events_came(run: Run, tmp_path: Path) -> None:
    events = make_events(300)
    for number, part in enumerate((events[200:], events[:100][::-1], events[50:250])):
        run("import", str(write_lines(tmp_path / f"{number}.ndjson", part)))
        run("verify")


@pytest.mark.system
def test_seed_loads_the_sample_factory_and_the_same_again(run: Run, tmp_path: Path) -> None:
    noon = {"CLOCK_AT": "2026-01-15T12:00:00Z", "DEMO_MODE": "true"}  # midnight is not between the two
    run("seed", **noon)
    first = exported(run, tmp_path)
    assert {row["worker_id"] for row in first} == {"W1", "W2", "W3", "W4", "W5", "W6"}
    assert {row["workstation_id"] for row in first} == {"S1", "S2", "S3", "S4", "S5", "S6"}
    run("seed", "--replace", **noon)
    second = exported(run, tmp_path, "second.ndjson")
    # The second seed happens a moment later, so it may reach a little further, but it adds up to one data set.
    assert abs(len(second) - len(first)) < 50
    run("verify")


def test_seed_leaves_a_factory_that_has_events_alone_unless_told_to_replace(run: Run, tmp_path: Path) -> None:
    run("import", str(write_lines(tmp_path / "events.ndjson", make_events(5))))
    refused = run("seed", expect=1)
    assert "--replace" in refused.output
    run("seed", "--if-empty")
    assert run("seed", "--if-empty", "--replace", expect=None).exit_code == 2
    assert len(exported(run, tmp_path)) == 5
    run("seed", "--replace")
    assert len(exported(run, tmp_path)) > 1000


def test_seed_leaves_a_registry_alone_that_has_no_events_yet(run: Run, database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as tx:
        tx.execute(text("INSERT INTO workers SELECT factory_key, 1, 'A1', 'Ann' FROM factories"))
    assert "nothing was changed" in run("seed", "--if-empty").output
    assert "--replace" in run("seed", expect=1).output
    with engine.begin() as tx:
        assert tx.execute(text("SELECT worker_id, name FROM workers")).all() == [("A1", "Ann")]
    engine.dispose()


def test_seed_refuses_in_production(run: Run, tmp_path: Path) -> None:
    for option in ((), ("--if-empty",), ("--replace",)):
        refused = run("seed", *option, expect=1, ENVIRONMENT="production", SECRET_KEY=SECRET, METRICS_TOKEN=SECRET)
        assert "production" in refused.output
    assert exported(run, tmp_path) == []


def test_the_schema_is_made_by_upgrade_and_found_right_by_check(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/factory.db"
    assert run("db", "check", url=url, expect=None).exit_code != 0
    run("db", "upgrade", url=url)
    run("db", "upgrade", url=url)
    run("db", "check", url=url)


def test_a_release_before_leaves_the_schema_of_a_later_one_alone(run: Run, tamper: Callable[[str], int]) -> None:
    run("db", "upgrade")
    tamper("UPDATE alembic_version SET version_num = '9999'")

    assert "that of a later release" in run("db", "upgrade").output
    assert "9999" in run("db", "check", expect=1).output
    run("key", "add", "--name", "camera", "--scope", "ingest")


def test_check_finds_a_schema_that_was_changed_by_hand(run: Run, tamper: Callable[[str], int]) -> None:
    run("db", "check")
    tamper("ALTER TABLE workers ADD COLUMN salary INTEGER")
    result = run("db", "check", expect=None)
    assert result.exit_code != 0
    assert "Traceback" not in result.output


def test_retain_removes_old_events_and_they_cannot_be_imported_again(run: Run, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "events.ndjson", make_events(200))
    run("import", str(path))
    assert "nothing is removed" in run("retain", expect=1).output
    assert len(exported(run, tmp_path)) == 200

    assert "default: 200 raw events" in run("retain", RETENTION_DAYS="1").output

    assert exported(run, tmp_path) == []
    assert "default: 0 raw events" in run("retain", "--factory", "default", RETENTION_DAYS="1").output
    run("verify")
    run("rebuild")
    run("verify")
    for changes in ({"RETENTION_DAYS": "1"}, {}):
        assert "timestamp_too_old" in run("import", str(path), expect=1, **changes).output


@pytest.mark.parametrize("command", ["import", "export", "verify", "rebuild", "seed", "retain"])
def test_a_command_for_an_unknown_factory_ends_with_a_sentence(run: Run, tmp_path: Path, command: str) -> None:
    path = [str(write_lines(tmp_path / "x.ndjson", make_events(1)))] if command in ("import", "export") else []
    result = run(command, *path, "--factory", "nowhere", expect=None, RETENTION_DAYS="9000")
    assert result.exit_code != 0
    assert "Factory not found" in result.output


def test_every_command_explains_itself(run: Run) -> None:
    listed = run("--help").output
    for command in ("serve", "db", "seed", "simulate", "import", "export", "verify", "rebuild", "retain"):
        assert command in listed
        assert run(command, "--help").output.startswith("Usage:")
