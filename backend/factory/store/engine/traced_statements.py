"""A span for each database statement: its text, never its parameters. Imported only where there is a collector."""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import SpanKind, StatusCode, Tracer, get_current_span
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

LONGEST_TEXT = 1000


def trace_statements(engine: Engine, tracer: Tracer) -> None:
    """Watch an engine. Outside of a recorded span a statement has none: background looks are no traces."""

    @event.listens_for(engine, "before_cursor_execute")
    def begin(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        if context is not None and get_current_span().is_recording():
            text = " ".join(statement[:LONGEST_TEXT].split())
            context._factory_span = tracer.start_span(
                text.partition(" ")[0],
                kind=SpanKind.CLIENT,
                attributes={"db.system.name": engine.dialect.name, "db.query.text": text},
            )

    @event.listens_for(engine, "after_cursor_execute")
    def end(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        span = getattr(context, "_factory_span", None)
        if span is not None:
            span.end()

    @event.listens_for(engine, "handle_error")
    def fail(failure: ExceptionContext) -> None:
        span = getattr(failure.execution_context, "_factory_span", None)
        if span is not None:
            span.set_attribute("error.type", type(failure.original_exception).__name__)
            span.set_status(StatusCode.ERROR)
            span.end()
