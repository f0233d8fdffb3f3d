"""The audit trail: one chain of rows for each organisation, each with a hash over itself and the row before."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, insert, select, tuple_, update

from factory.store.access_schema import audit, audit_heads
from factory.store.schema import organisations

_BEGIN = bytes(32)
"""The hash before the first line."""

_ROWS_A_READ = 1000


class Line(NamedTuple):
    """One line of the trail: `at` in microseconds, `detail` is JSON."""

    organisation_key: int
    number: int
    at: int
    factory_key: int | None
    actor: str
    action: str
    subject: str
    detail: str
    address: str
    request_id: str
    hash: bytes = b""


class Filters(NamedTuple):
    """Conditions: instants in [start, end), exact texts; an action that ends with a dot is a prefix.

    `subjects` are pairs of a factory's key, or None for any, and a text; `factories` are keys.
    """

    start: int | None = None
    end: int | None = None
    actor: str | None = None
    action: str | None = None
    subjects: Collection[tuple[int | None, str]] | None = None
    factories: Collection[int] | None = None


def hash_of(before: bytes, line: Line) -> bytes:
    """Return SHA-256 over the hash before and the line as a JSON list without its own hash."""
    return hashlib.sha256(before + msgspec.json.encode(line[:-1])).digest()


def append(tx: Connection, line: Line) -> None:
    """Append a line to the chain of its organisation; number and hash are set here.

    The chain is locked until commit.
    """
    number, before = _lock_head(tx, line.organisation_key)
    line = line._replace(number=number + 1)
    line = line._replace(hash=hash_of(before, line))
    tx.execute(insert(audit).values(line._asdict()))
    chain = audit_heads.c.organisation_key == line.organisation_key
    tx.execute(update(audit_heads).where(chain).values(number=line.number, hash=line.hash))


def _lock_head(tx: Connection, organisation_key: int) -> tuple[int, bytes]:
    query = select(audit_heads.c.number, audit_heads.c.hash).where(audit_heads.c.organisation_key == organisation_key)
    row = tx.execute(query.with_for_update()).one()
    return row.number, row.hash


def begin_chain(tx: Connection, organisation_key: int) -> None:
    """Add the empty chain of a new organisation."""
    tx.execute(insert(audit_heads).values(organisation_key=organisation_key, number=0, hash=_BEGIN))


def lines(tx: Connection, organisation_key: int, filters: Filters, *, before: int | None, limit: int) -> list[Line]:
    """Return up to `limit` lines that pass the filters, newest first, with numbers below `before`."""
    query = select(audit).where(audit.c.organisation_key == organisation_key)
    conditions: list[Any] = []
    if before is not None:
        conditions.append(audit.c.number < before)
    if filters.start is not None:
        conditions.append(audit.c.at >= filters.start)
    if filters.end is not None:
        conditions.append(audit.c.at < filters.end)
    if filters.actor is not None:
        conditions.append(audit.c.actor == filters.actor)
    if filters.action is not None:
        prefix = filters.action.endswith(".")
        conditions.append(
            audit.c.action.startswith(filters.action, autoescape=True) if prefix else audit.c.action == filters.action
        )
    if filters.subjects is not None:
        anywhere = [text for factory_id, text in filters.subjects if factory_id is None]
        somewhere = [pair for pair in filters.subjects if pair[0] is not None]
        conditions.append(audit.c.subject.in_(anywhere) | tuple_(audit.c.factory_key, audit.c.subject).in_(somewhere))
    if filters.factories is not None:
        conditions.append(audit.c.factory_key.in_(filters.factories))
    query = query.where(*conditions).order_by(audit.c.number.desc()).limit(limit)
    return [Line(*row) for row in tx.execute(query)]


def chains(tx: Connection) -> dict[str, int]:
    """Return the keys of all organisations by id, the platform's included."""
    query = select(organisations.c.organisation_id, organisations.c.organisation_key)
    return {row[0]: row[1] for row in tx.execute(query.order_by(organisations.c.organisation_key))}


def head(tx: Connection, organisation_key: int) -> tuple[int, bytes]:
    """Return number and hash of the last line; 0 and zeros if there is no line or no chain."""
    query = select(audit_heads.c.number, audit_heads.c.hash).where(audit_heads.c.organisation_key == organisation_key)
    row = tx.execute(query).first()
    return (0, _BEGIN) if row is None else (row.number, row.hash)


def faults(tx: Connection, organisation_key: int, kept: tuple[int, bytes] | None = None) -> Iterator[str]:
    """Yield one sentence per fault of a chain: altered, missing, added and reordered lines.

    Whoever can write to the database can also write a new chain without faults. `kept`, the number and hash of a line
    that were stored elsewhere, shows that it is not the original.
    """
    before, expected = _BEGIN, 1
    kept_hashes = dict([kept] if kept and kept[0] else [])
    for line in _all_lines(tx, organisation_key):
        if line.number > expected:
            yield f"{_numbers(expected, line.number - 1)} missing"
        elif line.number < 1:
            yield f"line {line.number} was added"
            continue
        elif hash_of(before, line) != line.hash:
            yield f"line {line.number} is not the one that was written there, or its predecessor is not"
        if line.hash != kept_hashes.pop(line.number, line.hash):
            yield f"line {line.number} has another hash than the one that was kept: the chain was written anew"
        before, expected = line.hash, line.number + 1
    for number in kept_hashes:
        yield f"line {number}, whose hash was kept, is missing"
    stored = head(tx, organisation_key)
    if stored != (expected - 1, before):
        yield f"the chain ends with line {expected - 1}, and should end with line {stored[0]}, {stored[1].hex()}"


def _numbers(first: int, last: int) -> str:
    return f"line {first} is" if first == last else f"lines {first} to {last} are"


def _all_lines(tx: Connection, organisation_key: int) -> Iterator[Line]:
    """Yield all lines by number, also forged ones with a number below 1."""
    after = -(2**63)
    while True:
        query = select(audit).where(audit.c.organisation_key == organisation_key, audit.c.number > after)
        rows = [Line(*row) for row in tx.execute(query.order_by(audit.c.number).limit(_ROWS_A_READ))]
        yield from rows
        if len(rows) < _ROWS_A_READ:
            return
        after = rows[-1].number
