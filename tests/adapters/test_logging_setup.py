"""Log lines as machines and developers read them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from factory import __version__
from factory.adapters.observe.logging_setup import (
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


def json_line(message: str, **fields: object) -> dict[str, object]:
    [line] = lines_of(JsonFormatter(), message, **fields)
    body: dict[str, object] = json.loads(line)
    return body


def test_a_json_line_is_one_object_of_the_elastic_common_schema() -> None:
    token = request_id_of_this_thread.set("r-1")
    body = json_line(
        "two\nlines", method="GET", route="/x/<id>", status=201, duration_ms=12.34, factory="north", created=3
    )
    request_id_of_this_thread.reset(token)

    datetime.strptime(str(body.pop("@timestamp")), "%Y-%m-%dT%H:%M:%S.%fZ").astimezone(timezone.utc)
    assert body == {
        "log.level": "info",
        "message": "two\nlines",
        "ecs.version": "8.11.0",
        "log.logger": "test",
        "service.name": "factory",
        "service.version": __version__,
        "http.request.id": "r-1",
        "http.request.method": "GET",
        "url.path": "/x/<id>",
        "http.response.status_code": 201,
        "event.duration": 12_340_000,
        "factory.id": "north",
        "factory.created": 3,
    }


def test_a_json_line_tells_what_was_raised() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise KeyError("colour")
    except KeyError:
        logger.exception("failed")

    body = json.loads(stream.getvalue())

    assert (body["log.level"], body["error.type"], body["error.message"]) == ("error", "KeyError", "'colour'")
    assert body["error.stack_trace"].startswith("Traceback (most recent call last):")


def test_a_line_names_its_trace_where_there_is_one() -> None:
    [line] = lines_of(JsonFormatter(lambda: {"trace_id": "0a" * 16, "span_id": "0b" * 8}), "hello")

    body = json.loads(line)
    assert (body["trace.id"], body["span.id"]) == ("0a" * 16, "0b" * 8)
    assert "trace.id" not in json_line("hello")


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
