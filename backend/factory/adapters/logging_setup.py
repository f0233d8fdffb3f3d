"""Log lines: JSON for machines, text for a developer's terminal. Each carries the request id."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from datetime import datetime, timezone

import msgspec

request_id_of_this_thread: ContextVar[str] = ContextVar("request_id", default="")
"""Set by the HTTP layer when a request begins; empty in background threads and commands."""


class _FactoryHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Marks our handler, so that configuring twice leaves one."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, `request_id`, and the record's `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _rfc_3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_own_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=repr).decode()


class TextFormatter(logging.Formatter):
    """`12:00:00.123 INFO factory.request request method=GET route=… status=200`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={value}" for name, value in _own_fields(record).items())
        parts = [_rfc_3339(record.created)[11:23], f"{record.levelname:<7}", record.name, record.getMessage(), fields]
        line = " ".join(part for part in parts if part).replace("\r", "\\r").replace("\n", "\\n")
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure_logging(*, level: str, as_json: bool) -> None:
    """Send every log line of this process to standard error in one of the two forms."""
    handler = _FactoryHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, _FactoryHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    migrations = logging.getLogger("alembic.runtime.migration")
    migrations.removeFilter(_tells_of_a_change)
    migrations.addFilter(_tells_of_a_change)


def _tells_of_a_change(record: logging.LogRecord) -> bool:
    """Alembic introduces itself at each start; what matters is which migrations it runs."""
    return record.levelno != logging.INFO or record.getMessage().startswith("Running ")


def _own_fields(record: logging.LogRecord) -> dict[str, object]:
    request_id = request_id_of_this_thread.get()
    fields: dict[str, object] = getattr(record, "fields", {})
    return {"request_id": request_id, **fields} if request_id else fields


def _rfc_3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
