"""Failed sign-ins by digest of user and place, in system transactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, case, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from factory.store.access_schema import sign_in_failures as table
from factory.store.engine.errors import TryAgain


class Failures(NamedTuple):
    """The number of failures, and the instant of the last one in microseconds."""

    failures: int
    last_at: int


def lock_failures(tx: Connection, digest: bytes) -> Failures:
    """Lock the failures of a digest until commit and return them; a missing row is added. Raises TryAgain."""
    fresh = {"digest": digest, "failures": 0, "last_at": 0}
    query = select(table.c.failures, table.c.last_at).where(table.c.digest == digest).with_for_update()
    row = tx.execute(query).first()
    if row is None:
        try:
            with tx.begin_nested():
                tx.execute(insert(table).values(fresh))
        except IntegrityError:  # another attempt added it
            pass
        row = tx.execute(query).first()
    if row is None:  # and removed it again
        raise TryAgain
    return Failures(*row)


def set_to(tx: Connection, digest: bytes, failures: Failures) -> None:
    """Set the failures of a digest."""
    tx.execute(update(table).where(table.c.digest == digest).values(failures._asdict()))


def take_back(tx: Connection, digest: bytes, *, at: int, before: Failures) -> None:
    """Subtract one failure; if no other attempt came in between, restore `before`."""
    last = case((table.c.last_at == at, before.last_at), else_=table.c.last_at)
    condition = (table.c.digest == digest) & (table.c.failures > 0)
    tx.execute(update(table).where(condition).values(failures=table.c.failures - 1, last_at=last))


def clear(tx: Connection, digests: Sequence[bytes], *, older_than: int) -> None:
    """Remove the failures of these digests, and all that are older than an instant."""
    tx.execute(delete(table).where(table.c.digest.in_(digests) | (table.c.last_at < older_than)))
