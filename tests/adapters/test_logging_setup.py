"""Log lines as machines and developers read them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from factory.adapters.logging_setup import (
    JsonFormatter,
    TextFormatter,
    _FactoryHandler,
    configure_logging,
    request_id_of_this_thread,
)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines_of(formatter: logging.Formatter, message: str, **fields: object) -> list[str]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.Logger("test")
    logger.addHandler(handler)
    logger.info(message, extra={"fields": fields})
    return stream.getvalue().splitlines()


def test_a_json_line_is_one_object_with_the_request_id_and_the_fields() -> None:
    token = request_id_of_this_thread.set("r-1")
    [line] = lines_of(JsonFormatter(), "two\nlines", status=201, route="/x")
    request_id_of_this_thread.reset(token)
    body = json.loads(line)
    assert body.pop("time").endswith("Z")
    assert body == {
        "level": "info",
        "logger": "test",
        "message": "two\nlines",
        "request_id": "r-1",
        "status": 201,
        "route": "/x",
    }


def test_a_line_of_text_stays_one_line() -> None:
    [line] = lines_of(TextFormatter(), "two\r\nlines", status=201)
    assert line.endswith(r"INFO    test two\r\nlines status=201")


def test_configuring_twice_leaves_one_handler() -> None:
    configure_logging(level="INFO", as_json=True)
    configure_logging(level="WARNING", as_json=False)
    own = [handler for handler in logging.getLogger().handlers if isinstance(handler, _FactoryHandler)]
    assert len(own) == 1
    assert logging.getLogger().level == logging.WARNING


def test_a_migration_is_told_and_a_start_without_one_is_not(caplog: pytest.LogCaptureFixture) -> None:
    configure_logging(level="INFO", as_json=False)
    migrations = logging.getLogger("alembic.runtime.migration")
    migrations.info("Context impl %s.", "SQLiteImpl")
    migrations.info("Running %s %s -> %s", "upgrade", "", "0001")
    migrations.warning("Something is odd")
    assert [record.getMessage() for record in caplog.records] == ["Running upgrade  -> 0001", "Something is odd"]
