"""A record of the statements that an engine sends, each with the function of the store that sends it."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import psycopg2.extensions
from sqlalchemy import event

import factory
from factory.store.engine import sqlite
from tools.sql_text import general_form

STORE = Path(factory.__file__).parent / "store"


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
        """Yield a list that fills with the statements of the block, each once."""
        self.sent, self.recording = [], True
        yield self.sent
        self.recording = False

    def add(self, sql: str) -> None:
        if self.recording:
            statement = Statement(*_sender(sys._getframe(1)), general_form(sql))
            if statement not in self.sent:
                self.sent.append(statement)


def _sender(frame: FrameType | None) -> tuple[str, str]:
    """Find the outermost function of the store that sent a statement, and the first sentence of its docstring."""
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
