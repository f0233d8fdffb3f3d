"""Database errors as the errors that callers handle: Unavailable and TryAgain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, TimeoutError

from factory.domain.errors import Unavailable
from factory.store.engine.dialect import Dialect, Reason


class TryAgain(Unavailable):
    """Another transaction came in between, nothing was stored, and the same work may succeed in a new one.

    `Store.retry` repeats the work. Elsewhere it is an Unavailable like any other.
    """

    def __init__(self) -> None:
        super().__init__("The database is busy", code="database_busy")


@contextmanager
def translated_db_errors(engine: Engine, dialect: Dialect) -> Iterator[None]:
    """Raise errors of the pool and the driver as Unavailable or TryAgain; programming errors stay as they are."""
    try:
        yield
    except TimeoutError:
        raise Unavailable("Too many requests wait for the database", code="overloaded") from None
    except (DBAPIError, dialect.DriverError) as error:
        raise _translated(error, engine, dialect) from error


def reason_of(error: Exception, dialect: Dialect) -> Reason:
    """Classify an error of SQLAlchemy or of the driver."""
    return dialect.reason(error.orig if isinstance(error, DBAPIError) else error)


def _translated(error: Exception, engine: Engine, dialect: Dialect) -> Exception:
    reason = reason_of(error, dialect)
    if reason == "conflict":
        return TryAgain()
    if reason == "busy":
        return Unavailable("The database is busy", code="database_busy")
    if reason == "slow":
        return Unavailable("The query took too long; ask for a shorter window", code="query_too_slow")
    if reason == "full":
        return Unavailable("The database has no room left", code="database_full", retry_after=10)
    if reason == "demoted":
        # The server was the primary when these connections were made and takes no writes any more: connect anew.
        engine.dispose()
    if reason in ("away", "demoted"):
        return Unavailable("The database does not answer", code="database_away", retry_after=2)
    return error
