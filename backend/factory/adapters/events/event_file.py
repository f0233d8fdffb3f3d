"""Files of events: NDJSON or CSV, plain or gzipped, of any size."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from factory.adapters.events.event_json import EventFields
from factory.domain.errors import InvalidInput

COLUMNS = EventFields.__struct_fields__
EXPORTED = (*COLUMNS, "received_at")
_NUMBERS = ("count", "confidence")
_GZIP = b"\x1f\x8b"
_BUFFER = 1 << 20


class Lines(NamedTuple):
    """Some lines of a file as an NDJSON body, and how many bytes of the file are read."""

    body: bytes
    first_line: int
    bytes_read: int


def read_batches(path: Path, lines_a_batch: int) -> Iterator[Lines]:
    """The events of a file as NDJSON bodies, non-empty lines counted from 0.

    A name that ends in `.csv` or `.csv.gz` is CSV with a header that names the fields of an event; empty
    cells are missing fields. Raises InvalidInput for a file that cannot be read.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            # Lines of the buffer are found without a call of Python for each.
            source: BinaryIO = io.BufferedReader(gzip.GzipFile(fileobj=raw), _BUFFER) if packed else raw
            lines: Iterator[bytes] = (line for line in source if line.strip(b" \t\r\n"))
            if ".csv" in path.suffixes:
                lines = _json_lines(source)
            first = 0
            while batch := list(islice(lines, lines_a_batch)):
                yield Lines(
                    b"".join(line if line.endswith(b"\n") else line + b"\n" for line in batch), first, raw.tell()
                )
                first += len(batch)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path.name} cannot be read to its end: {error}", code="unreadable_file") from error


def _json_lines(source: BinaryIO) -> Iterator[bytes]:
    text = io.TextIOWrapper(source, encoding="utf-8-sig", newline="")
    reader = csv.DictReader(text)
    if not {"timestamp", "event_type"} <= set(reader.fieldnames or ()):
        raise InvalidInput("A CSV file begins with a header that names the fields of an event", code="bad_header")
    for row in reader:
        yield msgspec.json.encode({name: _value(name, cell) for name, cell in row.items() if name in COLUMNS and cell})
    text.detach()  # else its end would close the source


def _value(name: str, text: str) -> Any:
    """A number as it stands where it is one; anything else as a text, which the rules refuse where it must be."""
    if name not in _NUMBERS:
        return text
    try:
        number = msgspec.json.decode(text.encode())
    except msgspec.DecodeError:
        return text
    return msgspec.Raw(text.encode()) if isinstance(number, int | float) else text


def write_events(target: BinaryIO, events: Iterable[dict[str, Any]], form: str) -> int:
    """Write events as `ndjson` or `csv`; how many."""
    count = 0
    if form == "ndjson":
        for event in events:
            target.write(msgspec.json.encode({k: v for k, v in event.items() if v is not None}) + b"\n")
            count += 1
        return count
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    writer = csv.DictWriter(text, EXPORTED)
    writer.writeheader()
    for event in events:
        writer.writerow(event)
        count += 1
    text.detach()
    return count
