"""Arrays into PostgreSQL's statements and out of them (part of postgresql.py)."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

HEADER, TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
"""Around the rows of COPY's binary form."""

_NAMED = re.compile(r":([a-z_]+)")


def for_each(table: str, condition: str) -> str:
    """SQL that joins, for each row before it, the rows of `table` that an index finds by `condition`.

    OFFSET 0 keeps the planner from another way: right after a table has grown it takes it for small, and
    would rather read all of it.
    """
    return f"CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {condition} OFFSET 0) {table.split()[-1]}"


def relation(columns: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """SQL of a table `given` with these columns (arrays or lists) and the row number `i`, from 0."""
    arrays, parameters = [], {}
    for name, values in columns.items():
        array = np.asarray(values)
        kind = {"i": "bigint", "u": "bigint", "f": "float8"}.get(array.dtype.kind, "text")
        arrays.append(f"CAST(:given_{name} AS {kind}[])")
        numbers = "{" + ",".join(map(str, array.tolist())) + "}"
        parameters[f"given_{name}"] = array.tolist() if kind == "text" else numbers
    names = ", ".join(columns)
    return (
        f"(SELECT place - 1 AS i, {names} FROM unnest({', '.join(arrays)}) "
        f"WITH ORDINALITY AS u({names}, place)) AS given",
        parameters,
    )


def _copied(tx: Connection, query: str, parameters: Mapping[str, Any]) -> memoryview:
    """The rows that a query answers in COPY's binary form."""
    cursor = tx.connection.cursor()
    complete = cursor.mogrify(_NAMED.sub(r"%(\1)s", query), parameters).decode()
    target = io.BytesIO()
    cursor.copy_expert(f"COPY ({complete}) TO STDOUT (FORMAT binary)", target)
    return target.getbuffer()[len(HEADER) : -len(TRAILER)]


def fetch_columns(
    tx: Connection, columns: Mapping[str, str], select: str, parameters: Mapping[str, Any]
) -> list[npt.NDArray[Any]]:
    """The columns that `select` answers, as arrays of int64 or float64.

    `columns` names what it selects, none of it null, with the width: i8, i4, i2 or f8.
    """
    copied = _copied(tx, select.format(", ".join(columns)), parameters)
    parts = [part for n, kind in enumerate(columns.values()) for part in ((f"width{n}", ">i4"), (f"{n}", f">{kind}"))]
    rows = np.frombuffer(copied, np.dtype([("fields", ">i2"), *parts]))
    return [rows[f"{n}"].astype(f"{kind[0]}8") for n, kind in enumerate(columns.values())]


_PAGE_ROW = struct.Struct(">hihiqi")


def fetch_pages(
    tx: Connection, select: str, parameters: Mapping[str, Any]
) -> list[tuple[int, int, bytes | memoryview]]:
    """The rows (smallint, bigint, bytes) that `select` answers; the driver would ask for hexadecimal digits."""
    copied, place = _copied(tx, select, parameters), 0
    rows: list[tuple[int, int, bytes | memoryview]] = []
    while place < len(copied):
        _, _, number, _, large, length = _PAGE_ROW.unpack_from(copied, place)
        place += _PAGE_ROW.size + length
        rows.append((number, large, copied[place - length : place]))
    return rows
