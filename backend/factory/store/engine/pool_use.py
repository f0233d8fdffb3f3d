"""How many connections of a pool are taken: whoever finds none left waits, and is answered 503 in the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, QueuePool, event


def report_pool_use(engine: Engine, tell: Callable[[int], None]) -> None:
    """Tell the number whenever a connection is taken or given back.

    It is read from the pool rather than counted: a connection that turns out to be broken is taken twice.
    """

    def taken() -> int:
        return engine.pool.checkedout() if isinstance(engine.pool, QueuePool) else 0

    @event.listens_for(engine, "checkout")
    def takes(_connection: Any, _record: Any, _proxy: Any) -> None:
        tell(taken())

    @event.listens_for(engine, "checkin")
    def gives_back(_connection: Any, _record: Any) -> None:
        tell(max(taken() - 1, 0))  # it is back in the pool right after this
