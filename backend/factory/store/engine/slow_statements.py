"""A log line for each database statement that takes long: its text and time, never its parameters."""

from __future__ import annotations

import logging
import time
from typing import Any

from sqlalchemy import Engine, event

log = logging.getLogger("factory.store")
_LONGEST_TEXT = 1000


def log_slow_statements(engine: Engine, *, slower_than_ms: int) -> None:
    """Watch an engine; 0 watches nothing."""
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
            text = " ".join(statement.split())[:_LONGEST_TEXT]
            log.warning("slow statement", extra={"fields": {"duration_ms": round(milliseconds, 1), "statement": text}})
