"""Failed sign-ins, in transactions of the installation. Nothing here tells whose they are."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, case, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from factory.store.access_schema import sign_in_failures as table
from factory.store.engine.errors import TryAgain


class Failures(NamedTuple):
    """How many, and when the last one was, in microseconds."""

    failures: int
    last_at: int


def lock_failures(tx: Connection, digest: bytes) -> Failures:
    """Lock the failures of a digest until commit and answer them; the row is made if there is none."""
    fresh = {"digest": digest, "failures": 0, "last_at": 0}
    query = select(table.c.failures, table.c.last_at).where(table.c.digest == digest).with_for_update()
    row = tx.execute(query).first()
    if row is None:
        try:
            with tx.begin_nested():
                tx.execute(insert(table).values(fresh))
        except IntegrityError:  # another attempt began in the same moment
            pass
        row = tx.execute(query).first()
    if row is None:  # and was forgiven in the next
        raise TryAgain
    return Failures(*row)


def set_to(tx: Connection, digest: bytes, failures: Failures) -> None:
    """Replace what there is."""
    tx.execute(update(table).where(table.c.digest == digest).values(failures._asdict()))


def take_back(tx: Connection, digest: bytes, *, at: int, before: Failures) -> None:
    """Count one failure less; where no other attempt came in between it is as `before`."""
    last = case((table.c.last_at == at, before.last_at), else_=table.c.last_at)
    mine = (table.c.digest == digest) & (table.c.failures > 0)
    tx.execute(update(table).where(mine).values(failures=table.c.failures - 1, last_at=last))


def clear(tx: Connection, digest: bytes, *, older_than: int) -> None:
    """Forget the failures of a digest, and all that are older."""
    tx.execute(delete(table).where((table.c.digest == digest) | (table.c.last_at < older_than)))
