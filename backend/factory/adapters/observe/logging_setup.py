"""Log lines: JSON for machines, text for a developer's terminal. Each carries the request id."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timezone

import msgspec

from factory import __version__

request_id_of_this_thread: ContextVar[str] = ContextVar("request_id", default="")
"""Set by the HTTP layer when a request begins; empty in background threads and commands."""


class _FactoryHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Marks our handler, so that configuring twice leaves one."""


_ECS_NAMES = {
    "request_id": "http.request.id",
    "method": "http.request.method",
    "route": "url.path",
    "status": "http.response.status_code",
    "trace_id": "trace.id",
    "span_id": "span.id",
    "factory": "factory.id",
    "client": "client.ip",
    "user": "user.id",
    "code": "event.reason",
}
"""A record's fields that the Elastic Common Schema has a name for; any other stands under `factory.`"""


def _no_trace() -> dict[str, str]:
    return {}


class _FieldsFormatter(logging.Formatter):
    """`trace_ids` names the trace and the span that a line belongs to, where there is one."""

    def __init__(self, trace_ids: Callable[[], dict[str, str]] = _no_trace) -> None:
        super().__init__()
        self._trace_ids = trace_ids

    def fields_of(self, record: logging.LogRecord) -> dict[str, object]:
        request_id = request_id_of_this_thread.get()
        of_request: dict[str, object] = {"request_id": request_id} if request_id else {}
        return {**of_request, **self._trace_ids(), **getattr(record, "fields", {})}


class JsonFormatter(_FieldsFormatter):
    """One JSON object a line in the Elastic Common Schema, with dotted names, as ECS loggers write it.

    `url.path` is the template of the route, never the path that was asked for: that may name a person.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "@timestamp": _rfc_3339(record.created),
            "log.level": record.levelname.lower(),
            "message": record.getMessage(),
            "ecs.version": "8.11.0",
            "log.logger": record.name,
            "service.name": "factory",
            "service.version": __version__,
            **dict(_in_ecs(name, value) for name, value in self.fields_of(record).items()),
        }
        if record.exc_info and record.exc_info[0]:
            line["error.type"] = record.exc_info[0].__name__
            line["error.message"] = str(record.exc_info[1])
            line["error.stack_trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=repr).decode()


def _in_ecs(name: str, value: object) -> tuple[str, object]:
    if name == "duration_ms" and isinstance(value, (int, float)):
        return "event.duration", round(value * 1_000_000)
    return _ECS_NAMES.get(name, f"factory.{name}"), value


class TextFormatter(_FieldsFormatter):
    """`12:00:00.123 INFO factory.request request method=GET route=… status=200`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={value}" for name, value in self.fields_of(record).items())
        parts = [_rfc_3339(record.created)[11:23], f"{record.levelname:<7}", record.name, record.getMessage(), fields]
        line = " ".join(part for part in parts if part).replace("\r", "\\r").replace("\n", "\\n")
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure_logging(*, level: str, as_json: bool, trace_ids: Callable[[], dict[str, str]] = _no_trace) -> None:
    """Send every log line of this process to standard error in one of the two forms."""
    handler = _FactoryHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(trace_ids) if as_json else TextFormatter(trace_ids))
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


def _rfc_3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
