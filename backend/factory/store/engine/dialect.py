"""The interface between the store and the two databases.

`sqlite` and `postgresql` are modules that implement `Dialect`; mypy checks them where `open_store` chooses one. SQL
that both databases understand is not here. What only one of them has is called by its module: replicas, roles and
advisory locks in postgresql*.py, copying the database file in sqlite.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy.typing as npt
from sqlalchemy import URL, Connection, Engine

from factory.settings import Settings
from factory.store.engine.event_columns import Content, EventColumns

Reason = Literal["conflict", "busy", "slow", "full", "away", "demoted", "other"]
"""Why a statement failed: another transaction came in between, a lock was not free in time, the statement timeout,
no disk space, no connection, no primary any more, or something that no caller can act on."""

Given = Mapping[str, npt.NDArray[Any] | Sequence[object]]
"""Columns of equal length by name."""


class Dialect(Protocol):
    """The names that both modules define. `tx` is a connection in a transaction that `Store` has begun."""

    # Transactions

    @property
    def WRITE(self) -> Mapping[str, str]:
        """Execution options of a transaction that writes."""

    @property
    def SNAPSHOT(self) -> Mapping[str, str]:
        """Execution options of a transaction in which all reads see one state of the database."""

    @property
    def WRITING_SNAPSHOT(self) -> Mapping[str, str]:
        """Execution options of a snapshot that may write; its `reason` is conflict where it loses against another."""

    @property
    def ONE_WRITER(self) -> bool:
        """Whether transactions that write run one after the other, so that they need no locks."""

    @property
    def DriverError(self) -> type[Exception]:
        """The base class of the driver's own errors, which SQLAlchemy does not wrap outside of its statements."""

    def engine_options(self, url: URL, settings: Settings) -> dict[str, Any]:
        """Arguments of create_engine, with `connect_args`."""

    def prepare(self, engine: Engine, settings: Settings) -> None:
        """Register what has to happen on connect, checkout, begin and commit."""

    def act_for(self, tx: Connection, organisation: int | None) -> None:
        """Restrict the transaction to an organisation's rows where the database can; None restricts nothing.

        The first call of each transaction. It must not fix the snapshot: `lock_derivation` may follow.
        """

    def confirm_commit(self, tx: Connection) -> None:
        """After a commit: raise Unavailable unless it is as durable as the configuration promises."""

    def reason(self, error: BaseException | None) -> Reason:
        """Classify an error of the driver."""

    # Locks, held until the end of the transaction. They do nothing where ONE_WRITER is true.

    def lock_factory_shared(self, tx: Connection, factory_key: int) -> None:
        """Lock a factory for writing events beside other deliveries."""

    def lock_factory(self, tx: Connection, factory_key: int) -> None:
        """Lock a factory against deliveries, and wait for those that hold it shared."""

    def lock_registries(self, tx: Connection, factory_key: int) -> None:
        """Lock the id registries of a factory, to assign the next key."""

    def lock_derivation(self, tx: Connection) -> None:
        """Lock the derived rows of all factories; the snapshot that follows contains all earlier derivations."""

    def lock_schema(self, tx: Connection) -> None:
        """Lock the schema against other migrations."""

    # Arrays into statements and out of them

    def relation(self, columns: Given) -> tuple[str, dict[str, Any]]:
        """Return SQL of a table `given` with these columns and the row number `i` from 0, and its parameters."""

    def for_each(self, table: str, condition: str) -> str:
        """Return SQL that joins, to each row before it, the rows of `table` that an index finds by `condition`.

        `table` ends with its alias. The planner must not choose to read the whole table instead.
        """

    def fetch_columns(
        self, tx: Connection, columns: Mapping[str, str], select: str, parameters: Mapping[str, Any]
    ) -> list[npt.NDArray[Any]]:
        """Return the columns of a query as arrays of int64 or float64.

        `columns` maps expressions, which are never null, to their type: i8, i4, i2 or f8. They are inserted in place
        of `{}` in `select`.
        """

    def fetch_pages(
        self, tx: Connection, select: str, parameters: Mapping[str, Any]
    ) -> list[tuple[int, int, bytes | memoryview]]:
        """Return the rows (smallint, bigint, bytes) of a query."""

    # Events

    def insert_events(
        self, tx: Connection, factory_key: int, events: EventColumns, received_at: int
    ) -> dict[int, Content]:
        """Insert events, ordered by identity; return the content of those stored before, by row of `events`."""
