"""Rows of a CSV file as NDJSON lines: RFC 4180, and its variations that spreadsheets and people write.

A row is a physical line. Only a cell of a column that is not a field of an event may span several: so one stray quote
costs its own line, and never swallows the lines after it.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from factory.adapters.events.event_json import EventFields
from factory.domain.errors import InvalidInput
from factory.domain.event import REQUIRED_FIELDS

NumberedLine = tuple[int, bytes]
_FIELDS = {name.replace("_", ""): name for name in EventFields.__struct_fields__}
_NUMBERS = ("count", "confidence")
LABELS = ("event_id", "source_id", "model_version")
_SEPARATORS = (",", ";", "\t", "|")
_RUN = ("=", "+", "-", "@", "'")
"""A spreadsheet runs a cell that begins so, or takes the first sign away."""
_LONGEST_ROW = 50
"""In lines."""


def written_cell(text: str) -> str:
    """Return a label as a cell that no spreadsheet runs: behind an apostrophe, which `read_rows` takes away."""
    return f"'{text}" if text.startswith(_RUN) else text


def _label(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_RUN) else cell


class Refused(NamedTuple):
    """Why a line of the file is no event."""

    code: str
    message: str


class _Header(NamedTuple):
    separator: str
    fields: list[str | None]
    """The field of each column; None for a column that is ignored."""
    blank_after_separator: bool


def read_rows(lines: Iterable[NumberedLine]) -> Iterator[tuple[int, bytes | Refused]]:
    """Each row with the number of its first line, as an NDJSON line or refused; rows of empty cells are left out.

    The first line names the fields in any case, with blanks or without, separated by a comma, semicolon, tab or bar;
    a line `sep=` may stand before it. Raises InvalidInput where it does not.
    """
    waiting = deque[NumberedLine]()
    source = iter(lines)
    header = _header(source)
    if header is None:
        return
    while (line := waiting.popleft() if waiting else next(source, None)) is not None:
        cells, others = _cells(line, header, waiting, source)
        waiting.extendleft(reversed(others))
        if isinstance(cells, Refused):
            yield line[0], cells
        elif any(cell.strip() for cell in cells):
            yield line[0], _row(cells, header)


def _header(lines: Iterator[NumberedLine]) -> _Header | None:
    """Read the header; None for a file without any line."""
    given = None
    for number, line in lines:
        try:
            text = line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise _bad_header(f"line {number} {_not_utf8(error).message}") from None
        if text.lower().startswith("sep=") and len(text.strip()) <= 5:
            given = text[4:5]
            continue
        if not text.strip():
            continue
        separator = max(given or _SEPARATORS, key=lambda separator: len(_known(text, separator)))
        fields = [_FIELDS.get(_plain(name)) for name in _split(text, separator) or []]
        known = [field for field in fields if field is not None]
        missing = [field for field in REQUIRED_FIELDS if field not in known]
        if not known:
            names = ", ".join(EventFields.__struct_fields__)
            raise _bad_header(f"line {number} names no field of an event; it must name its columns, such as {names}")
        if missing:
            raise _bad_header(f"line {number} does not name {', '.join(missing)}")
        if twice := sorted({field for field in known if known.count(field) > 1}):
            raise _bad_header(f"line {number} names {', '.join(twice)} twice")
        return _Header(separator, fields, f"{separator} " in text)
    return None


def _known(text: str, separator: str) -> list[str]:
    return [name for name in _split(text, separator) or () if _plain(name) in _FIELDS]


def _plain(name: str) -> str:
    return re.sub(r"[\s_.-]", "", name).strip('"').lower()


def _bad_header(message: str) -> InvalidInput:
    return InvalidInput(f"The file is not imported: {message}", code="bad_header")


def _cells(
    line: NumberedLine, header: _Header, waiting: deque[NumberedLine], source: Iterator[NumberedLine]
) -> tuple[list[str] | Refused, list[NumberedLine]]:
    """Return the cells of the row that begins with `line`, and the lines that were read and are not part of it."""
    try:
        text = line[1].decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        return _not_utf8(error), []
    cells = _split(text, header.separator)
    if cells is None:
        ahead: list[NumberedLine] = []
        while cells is None and len(ahead) < _LONGEST_ROW:
            following = waiting.popleft() if waiting else next(source, None)
            if following is None:
                break
            ahead.append(following)
            try:
                text += "\n" + following[1].decode("utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                break
            cells = _split(text, header.separator)
        if cells is None or len(cells) != len(header.fields) or _spans_field(cells, header):
            return Refused(
                "bad_quotes", "has a quote that is not closed in the line, or text beside a closed one"
            ), ahead
    if len(cells) != len(header.fields) and any(cell.strip() for cell in cells):
        return Refused("wrong_cells", f"has {len(cells)} cells where the header names {len(header.fields)}"), []
    return cells, []


def _spans_field(cells: list[str], header: _Header) -> bool:
    return any(field is not None and "\n" in cell for cell, field in zip(cells, header.fields, strict=True))


def _split(text: str, separator: str) -> list[str] | None:
    """Return the cells of a row; None where a quote is not closed, or closed in the middle of a cell."""
    if '"' not in text:
        return text.split(separator)
    # A blank before a quote is no part of the cell.
    blank = f'{separator} "' in text
    try:
        return next(csv.reader([text], delimiter=separator, strict=True, skipinitialspace=blank))
    except csv.Error:
        return None


def _row(cells: list[str], header: _Header) -> bytes:
    row = {}
    for field, cell in zip(header.fields, cells, strict=True):
        if field is None or not cell.strip():
            continue
        # Blanks are no part of ids, types, instants and numbers; they may be of a label.
        text = cell.strip()
        if field in LABELS:
            text = _label(cell.lstrip(" ") if header.blank_after_separator else cell)
        row[field] = _number(text) if field in _NUMBERS else text
    return msgspec.json.encode(row)


def _number(text: str) -> Any:
    """Return a number as it stands where it is one; anything else as a text, which the rules refuse."""
    try:
        number = msgspec.json.decode(text.encode())
    except msgspec.DecodeError:
        return text
    return msgspec.Raw(text.encode()) if isinstance(number, int | float) else text


def _not_utf8(error: UnicodeDecodeError) -> Refused:
    place, byte = error.start + 1, error.object[error.start]
    return Refused("invalid_utf8", f"is not UTF-8: byte 0x{byte:02x} at place {place}; save the file as UTF-8")
