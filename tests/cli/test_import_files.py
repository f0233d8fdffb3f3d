"""Files of events as people and spreadsheets write them: read, or refused with a sentence that helps."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.adapters.events.event_file import read_batches
from factory.domain.errors import InvalidInput

ROW = {
    "timestamp": "2026-03-02T08:00:00Z",
    "worker_id": "W1",
    "workstation_id": "S1",
    "event_type": "working",
}
HEADER = ",".join(ROW)
LINE = ",".join(ROW.values())


def read(path: Path, lines_a_batch: int = 100) -> tuple[list[dict[str, Any]], list[int], dict[int, str]]:
    """Return the events that the rules are asked of, the line of each, and the code of each line that holds none."""
    batches = list(read_batches(path, lines_a_batch))
    events = [json.loads(line) for batch in batches for line in batch.body.splitlines()]
    refused = {failure.index: failure.code for batch in batches for failure in batch.refused}
    return events, [number for batch in batches for number in batch.numbers], refused


def file(directory: Path, content: str | bytes, name: str = "events.csv") -> Path:
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("name", ["E.CSV", "e.Csv", "e.csv.gz", "E.CSV.GZ", "e.txt", "e", "e.2026-03-02.csv"])
def test_a_csv_file_is_known_by_its_content_whatever_its_name(tmp_path: Path, name: str) -> None:
    content = f"{HEADER}\n{LINE}\n".encode()
    path = file(tmp_path, gzip.compress(content) if name.lower().endswith(".gz") else content, name)
    assert read(path) == ([ROW], [2], {})


@pytest.mark.parametrize("name", ["e.ndjson", "E.NDJSON", "e.jsonl", "e.csv", "e.txt", "e"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_lines_of_json_are_known_by_their_brace_with_a_byte_order_mark_or_without(
    tmp_path: Path, name: str, mark: bytes
) -> None:
    path = file(tmp_path, mark + b"\n" + json.dumps(ROW).encode() + b"\n\n" + json.dumps(ROW).encode(), name)
    assert read(path) == ([ROW, ROW], [2, 4], {})


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        "\ufeff" + HEADER,
        HEADER.upper(),
        "Timestamp,Worker_ID,Workstation_ID,Event_Type",
        "Timestamp,Worker ID,Workstation-ID,eventType",
        "timestamp, worker_id, workstation_id, event_type",
        '"timestamp","worker_id","workstation_id","event_type"',
        '"timestamp", "worker_id", "workstation_id", "event_type"',
        f"\n{HEADER}",
        f"sep=,\n{HEADER}",
        f"SEP=,\r\n{HEADER}\r",
    ],
)
def test_a_header_is_read_as_people_write_it(tmp_path: Path, header: str) -> None:
    events, _, refused = read(file(tmp_path, f"{header}\n{LINE}\n"))
    assert (events, refused) == ([ROW], {})


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("said", [True, False])
def test_cells_are_separated_by_what_separates_the_header(tmp_path: Path, separator: str, said: bool) -> None:
    first = f"sep={separator}\n" if said else ""
    content = first + separator.join(ROW) + "\n" + separator.join(ROW.values()) + "\n"
    assert read(file(tmp_path, content))[0] == [ROW]


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("a,b,c", "line 1 names no field of an event"),
        ("", None),
        ("timestamp,worker_id,event_type", "line 1 does not name workstation_id"),
        ("\nworker_id,workstation_id", "line 2 does not name timestamp, event_type"),
        (f"{HEADER},Time Stamp", "line 1 names timestamp twice"),
    ],
)
def test_a_header_that_is_none_says_what_is_missing(tmp_path: Path, header: str, sentence: str | None) -> None:
    path = file(tmp_path, f"{header}\n{LINE}\n" if header else "")
    if sentence is None:
        assert read(path) == ([], [], {})
        return
    with pytest.raises(InvalidInput, match=sentence):
        read(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\x03\x04rest", "Excel workbook"),
        (f"{HEADER}\n{LINE}\n".encode("utf-16"), "UTF-16"),
        (f"{HEADER}\n{LINE}\n".encode("utf-16-le"), "no text in UTF-8"),
        (f"[{json.dumps(ROW)}]".encode(), "JSON list"),
        (f"{HEADER}\r{LINE}\r".encode(), "CR"),
    ],
)
def test_a_file_of_another_kind_is_told_by_its_kind(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        read(file(tmp_path, content))


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("2026-03-02T08:00:00Z,W1,S1,working,0,93", "wrong_cells"),  # a decimal comma
        ("2026-03-02T08:00:00Z,W1,S1,working", "wrong_cells"),  # cut off
        ("2026-03-02T08:00:00Z,W1,S1,working,0.5,", "wrong_cells"),
        ('2026-03-02T08:00:00Z,"W1,S1,working,0.5', "bad_quotes"),
        ('2026-03-02T08:00:00Z,"W1"x,S1,working,0.5', "bad_quotes"),
        ("2026-03-02T08:00:00Z,W1,S\xfcd,working,0.5", "invalid_utf8"),
    ],
)
@pytest.mark.parametrize("lines_a_batch", [1, 2, 100])
def test_a_malformed_row_costs_itself_alone(tmp_path: Path, row: str, code: str, lines_a_batch: int) -> None:
    good = f"{LINE},0.5"
    content = "\n".join([HEADER + ",confidence", good, row, good, "", good]).encode("latin-1")
    events, numbers, refused = read(file(tmp_path, content), lines_a_batch)
    assert events == [{**ROW, "confidence": 0.5}] * 3
    assert numbers == [2, 4, 6]
    assert refused == {3: code}


def test_rows_of_empty_cells_are_left_out_as_empty_lines_are(tmp_path: Path) -> None:
    content = f"{HEADER}\n{LINE}\n,,,\n , ,,\n;;\n\n,,,,,,\n{LINE}\n"
    events, numbers, refused = read(file(tmp_path, content))
    assert (events, numbers, refused) == ([ROW, ROW], [2, 8], {5: "wrong_cells"})


def test_a_cell_of_a_column_that_is_no_field_may_span_lines(tmp_path: Path) -> None:
    rows = [f'{LINE},"one\ntwo, ""three"""', f'{LINE},"open', f"{LINE},four", f'{LINE},"closed"']
    events, numbers, refused = read(file(tmp_path, "\n".join([f"{HEADER},note", *rows])))
    assert (events, numbers, refused) == ([ROW] * 3, [2, 5, 6], {4: "bad_quotes"})


def test_a_cell_of_a_field_ends_with_its_line(tmp_path: Path) -> None:
    """The two lines would be one row of four cells, and an event less."""
    rows = ['2026-03-02T08:00:00Z,"W1,S1,working', '2026-03-02T08:00:01Z,W2",S1,working']
    events, numbers, refused = read(file(tmp_path, "\n".join([HEADER, *rows])))
    assert (numbers, refused) == ([3], {2: "bad_quotes"})
    assert events[0]["worker_id"] == 'W2"', "no id: the rules refuse it"


def test_blanks_are_kept_where_they_are_part_of_a_text(tmp_path: Path) -> None:
    content = f"{HEADER},source_id,count\n 2026-03-02T08:00:00Z,W1 , S1,working, cam 1, 3\n{LINE}, ,\n"
    assert read(file(tmp_path, content))[0] == [{**ROW, "source_id": " cam 1", "count": 3}, ROW]
    content = f"{HEADER.replace(',', ', ')}, source_id\n{LINE.replace(',', ', ')}, cam 1\n"
    assert read(file(tmp_path, content))[0] == [{**ROW, "source_id": "cam 1"}]


@pytest.mark.parametrize("text", ["1,5", "1.5.2", "٣", "0x10", "NaN", "1_000", "one"])
def test_a_number_that_is_none_reaches_the_rules_as_it_stands(tmp_path: Path, text: str) -> None:
    events = read(file(tmp_path, f'{HEADER},confidence\n{LINE},"{text}"\n'))[0]
    assert events == [{**ROW, "confidence": text}]


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8)


@given(rows=st.lists(st.lists(CELL, min_size=4, max_size=6), max_size=6))
def test_no_row_changes_the_lines_around_it(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    """Read the good rows with their own values, whatever stands between them."""
    directory = tmp_path_factory.mktemp("rows")
    content = HEADER + "\n" + "".join(",".join(row) + "\n" + LINE + "\n" for row in rows)
    events, numbers, _ = read(file(directory, content))
    assert [number for number, event in zip(numbers, events, strict=True) if event == ROW][
        -len(rows) or 1 :
    ] is not None
    assert {3 + 2 * n for n in range(len(rows))} <= {n for n, e in zip(numbers, events, strict=True) if e == ROW}
