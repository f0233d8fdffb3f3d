"""Arrays as parameters of PostgreSQL statements, and query results as arrays by binary COPY."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.store.engine.dialect import Given

HEADER, TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
"""Before and after the rows in the binary format of COPY."""

_NAMED = re.compile(r":([a-z_]+)")


def for_each(table: str, condition: str) -> str:
    """Return SQL of a lateral join.

    OFFSET 0 prevents another plan: right after a table has grown, its statistics say that it is small, and the planner
    would read all of it.
    """
    return f"CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {condition} OFFSET 0) {table.split()[-1]}"


def relation(columns: Given) -> tuple[str, dict[str, Any]]:
    """Return SQL of a table `given` of unnested arrays."""
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
    """Return the rows of a query in the binary format of COPY."""
    cursor = tx.connection.cursor()
    complete = cursor.mogrify(_NAMED.sub(r"%(\1)s", query), parameters).decode()
    target = io.BytesIO()
    cursor.copy_expert(f"COPY ({complete}) TO STDOUT (FORMAT binary)", target)
    return target.getbuffer()[len(HEADER) : -len(TRAILER)]


def fetch_columns(
    tx: Connection, columns: Mapping[str, str], select: str, parameters: Mapping[str, Any]
) -> list[npt.NDArray[Any]]:
    """Return the columns of a query as arrays."""
    copied = _copied(tx, select.format(", ".join(columns)), parameters)
    parts = [part for n, kind in enumerate(columns.values()) for part in ((f"width{n}", ">i4"), (f"{n}", f">{kind}"))]
    rows = np.frombuffer(copied, np.dtype([("fields", ">i2"), *parts]))
    return [rows[f"{n}"].astype(f"{kind[0]}8") for n, kind in enumerate(columns.values())]


_PAGE_ROW = struct.Struct(">hihiqi")


def fetch_pages(
    tx: Connection, select: str, parameters: Mapping[str, Any]
) -> list[tuple[int, int, bytes | memoryview]]:
    """Return the rows of a query; psycopg2 itself would transfer bytes as hexadecimal digits."""
    copied, place = _copied(tx, select, parameters), 0
    rows: list[tuple[int, int, bytes | memoryview]] = []
    while place < len(copied):
        _, _, number, _, large, length = _PAGE_ROW.unpack_from(copied, place)
        place += _PAGE_ROW.size + length
        rows.append((number, large, copied[place - length : place]))
    return rows
