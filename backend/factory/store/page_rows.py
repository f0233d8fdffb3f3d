"""Rows that end in bytes, read as they are: PostgreSQL's driver would have them sent as hexadecimal digits."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

PageRow = tuple[int, int, bytes | memoryview]

_COPY_HEADER = 19
# Of each row: the number of its fields, then each field with its width in front.
_ROW = struct.Struct(">hihiqi")


def fetch_page_rows(tx: Connection, select: str, parameters: Mapping[str, Any]) -> list[PageRow]:
    """The rows (smallint, bigint, bytes) that `select` answers, none of it null."""
    statement = text(select)
    if tx.dialect.name != "postgresql":
        return list(tx.execute(statement, parameters).cursor.fetchall())
    cursor = tx.connection.cursor()
    query = cursor.mogrify(str(statement.compile(dialect=tx.dialect)), parameters).decode()
    target = io.BytesIO()
    cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT binary)", target)
    data, place = target.getbuffer(), _COPY_HEADER
    rows: list[PageRow] = []
    while place + _ROW.size <= len(data):
        _, _, number, _, large, length = _ROW.unpack_from(data, place)
        place += _ROW.size + length
        rows.append((number, large, data[place - length : place]))
    return rows
