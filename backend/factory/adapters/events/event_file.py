"""Files of events: NDJSON or CSV, plain or gzipped, of any size."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from factory.adapters.events.event_csv import LABELS, NumberedLine, Refused, read_rows, written_cell
from factory.adapters.events.event_json import EventFields
from factory.domain.errors import InvalidInput
from factory.domain.event import Failure

EXPORTED = (*EventFields.__struct_fields__, "received_at")
_GZIP = b"\x1f\x8b"
_BUFFER = 1 << 20
_BLANK = b" \t\r\n"
_JSON_NAMES = {".ndjson", ".jsonl", ".json"}
_FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or an archive; save it as CSV UTF-8",
    b"\xff\xfe": "UTF-16; save it as UTF-8",
    b"\xfe\xff": "UTF-16; save it as UTF-8",
    b"[": "a JSON list; an NDJSON file has one event per line",
}


class Lines(NamedTuple):
    """Some lines of a file as an NDJSON body.

    `numbers` has the number in the file, from 1, of each line of the body. `refused` has the lines that are not in it,
    their index that number. `bytes_read` is how much of the file is read.
    """

    body: bytes
    numbers: list[int]
    refused: list[Failure]
    bytes_read: int


def read_batches(path: Path, lines_a_batch: int) -> Iterator[Lines]:
    """Read the events of a file as NDJSON bodies; blank lines are left out.

    A file whose first sign is a brace is NDJSON, and so is one whose name says so, in capitals or not; any other is CSV
    (event_csv.read_rows). Raises InvalidInput for a file that cannot be read or is of another kind.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            # Lines of the buffer are found without a call of Python for each.
            source = io.BufferedReader(gzip.GzipFile(fileobj=raw) if packed else raw, _BUFFER)
            lines: Iterator[tuple[int, bytes | Refused]] = _numbered(source)
            if _is_csv(path, source.peek(1)):
                lines = read_rows(lines)  # type: ignore[arg-type]
            while batch := list(islice(lines, lines_a_batch)):
                yield _lines(batch, raw.tell())
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(f"{path.name} cannot be read to its end: {error}", code="unreadable_file") from error


def _is_csv(path: Path, head: bytes) -> bool:
    start = head.removeprefix(BOM_UTF8).lstrip(_BLANK)
    for mark, kind in _FOREIGN.items():
        if start.startswith(mark):
            raise InvalidInput(f"{path.name} is {kind}", code="unreadable_file")
    if b"\0" in head[:4]:
        raise InvalidInput(f"{path.name} is no text in UTF-8", code="unreadable_file")
    if b"\r" in head and b"\n" not in head:
        raise InvalidInput(f"{path.name} ends its lines with CR; save it with LF or CR LF", code="unreadable_file")
    return not start.startswith(b"{") and not _JSON_NAMES & {suffix.lower() for suffix in path.suffixes}


def _numbered(source: BinaryIO) -> Iterator[NumberedLine]:
    for number, line in enumerate(source, start=1):
        if number == 1:
            line = line.removeprefix(BOM_UTF8)
        if line.strip(_BLANK):
            yield number, line


def _lines(batch: list[tuple[int, bytes | Refused]], bytes_read: int) -> Lines:
    good = [(number, line) for number, line in batch if isinstance(line, bytes)]
    return Lines(
        b"".join(line if line.endswith(b"\n") else line + b"\n" for _, line in good),
        [number for number, _ in good],
        [Failure(number, None, line.code, line.message) for number, line in batch if isinstance(line, Refused)],
        bytes_read,
    )


def write_events(target: BinaryIO, events: Iterable[dict[str, Any]], form: str) -> int:
    """Write events as `ndjson`, or as `csv` of which a spreadsheet runs no cell; return how many."""
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
        writer.writerow(event | {name: written_cell(event[name]) for name in LABELS if event.get(name)})
        count += 1
    text.detach()
    return count
