"""Observers of an engine: connections in use, slow statements, and a span per statement. Parameters are never kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, QueuePool, event
from sqlalchemy.engine import ExceptionContext

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

log = logging.getLogger("factory.store")

LONGEST_TEXT = 1000
"""Characters of a statement that a log line or a span holds."""


def report_pool_use(engine: Engine, report: Callable[[int], None]) -> None:
    """Report the number of connections in use at each checkout and checkin.

    The number is read from the pool, not counted: a connection that turns out to be broken is checked out twice.
    """

    def in_use() -> int:
        return engine.pool.checkedout() if isinstance(engine.pool, QueuePool) else 0

    @event.listens_for(engine, "checkout")
    def checked_out(_connection: Any, _record: Any, _proxy: Any) -> None:
        report(in_use())

    @event.listens_for(engine, "checkin")
    def checked_in(_connection: Any, _record: Any) -> None:
        report(max(in_use() - 1, 0))  # it returns to the pool right after this


def log_slow_statements(engine: Engine, *, slower_than_ms: int) -> None:
    """Log the text and the time of each statement that takes so long; 0 logs none."""
    if not slower_than_ms:
        return

    @event.listens_for(engine, "before_cursor_execute")
    def begin(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        if context is not None:
            context._factory_started = time.perf_counter()

    @event.listens_for(engine, "after_cursor_execute")
    def end(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        if context is None:
            return
        milliseconds = (time.perf_counter() - context._factory_started) * 1000
        if milliseconds >= slower_than_ms:
            text = " ".join(statement.split())[:LONGEST_TEXT]
            log.warning("slow statement", extra={"fields": {"duration_ms": round(milliseconds, 1), "statement": text}})


def trace_statements(engine: Engine, tracer: Tracer) -> None:
    """Make a span per statement, inside a recorded span only: background work is not traced."""
    # The tracing extra is installed only where there is a collector.
    from opentelemetry.trace import SpanKind, StatusCode, get_current_span

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
