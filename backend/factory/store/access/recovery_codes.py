"""Recovery codes by hash, in system transactions or those of the user's organisation."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, func, insert, select

from factory.store.access.users import User
from factory.store.access_schema import recovery_codes as table


def replace(tx: Connection, user: User, hashes: Iterable[bytes]) -> None:
    """Give a user these codes in place of all that there are."""
    tx.execute(delete(table).where(table.c.user_key == user.user_key))
    owner = {"organisation_key": user.organisation_key, "user_key": user.user_key}
    rows = [{**owner, "code_hash": one} for one in hashes]
    if rows:
        tx.execute(insert(table), rows)


def exists(tx: Connection, user_key: int, code_hash: bytes) -> bool:
    """Return whether it is an unused code of the user."""
    found = select(table.c.user_key).where(table.c.user_key == user_key, table.c.code_hash == code_hash)
    return tx.execute(found).first() is not None


def use(tx: Connection, user_key: int, code_hash: bytes) -> bool:
    """Remove a code; return whether it was there."""
    used = delete(table).where(table.c.user_key == user_key, table.c.code_hash == code_hash)
    return tx.execute(used).rowcount == 1


def left(tx: Connection, user_key: int) -> int:
    """Count the unused codes of a user."""
    return int(tx.execute(select(func.count()).where(table.c.user_key == user_key)).scalar_one())
