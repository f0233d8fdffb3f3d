"""Downloads, byte for byte: CSV by RFC 4180, and an Excel file read back from its XML."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.browser.conftest import learn_zones
from tests.servers import RunningServer

SHEET = {"": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
COLUMNS = [
    {"title": "Name", "type": "text"},
    {"title": "Hours", "type": "number"},
    {"title": "Seen", "type": "time"},
]
ROWS: list[list[Any]] = [
    ["Grün, Ana", 7.1234, "2026-07-01T10:00:00Z"],
    ['the "fast" one', -3, 1_782_900_000_000],
    ["<img src=x onerror=alert(1)> & co", 0, None],
    [None, None, None],
]
TABLE = {"columns": COLUMNS, "rows": ROWS, "timeZone": "Europe/Berlin"}


@pytest.fixture(scope="module")
def page(browser: Any, server: RunningServer) -> Iterator[Any]:
    """Open an answer of the API as a document: the page's policy and none of its code. The browser may not complain."""
    complaints: list[str] = []
    context = browser.new_context(accept_downloads=True, timezone_id="America/New_York", locale="de-DE")
    opened = context.new_page()
    opened.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(f"http://127.0.0.1:{server.port}/api/v1/health/live")
    learn_zones(opened)
    yield opened
    context.close()
    assert complaints == []


def is_complaint(message: Any) -> bool:
    return message.type == "error" and not message.location["url"].endswith("/favicon.ico")  # there is none


def csv_of(page: Any, rows: list[list[Any]], columns: list[dict[str, str]] = COLUMNS) -> str:
    script = "async (table) => (await import('/lib/export.js')).csvOf(table)"
    return str(page.evaluate(script, {"columns": columns, "rows": rows}))


def download(page: Any, function: str, name: str, table: dict[str, Any]) -> tuple[str, bytes]:
    # The promise is not returned: what never ends shall end this test.
    script = f"([name, table]) => void import('/lib/export.js').then((file) => file.{function}(name, table))"
    with page.expect_download() as found:
        page.evaluate(script, [name, table])
    return found.value.suggested_filename, Path(found.value.path()).read_bytes()


def test_the_csv_file_is_utf_8_with_a_mark_and_reads_back_as_the_values(page: Any) -> None:
    name, content = download(page, "downloadCsv", "workers", TABLE)

    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))

    assert (name, content[:3]) == ("workers.csv", b"\xef\xbb\xbf")
    assert rows == [
        ["Name", "Hours", "Seen"],
        ["Grün, Ana", "7.1234", "2026-07-01T10:00:00Z"],
        ['the "fast" one', "-3", "2026-07-01T10:00:00.000Z"],
        ["<img src=x onerror=alert(1)> & co", "0", ""],
        ["", "", ""],
    ]


def test_csv_lines_end_as_rfc_4180_says_and_only_what_must_be_is_quoted(page: Any) -> None:
    text = csv_of(page, [["a,b", 1], ['"', 2], ["a\nb", 3], ["plain", 4]], COLUMNS[:2])

    assert text == '\ufeffName,Hours\r\n"a,b",1\r\n"""",2\r\n"a\nb",3\r\nplain,4\r\n'


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_name_that_a_spreadsheet_would_run_is_defused_and_a_negative_number_is_not(page: Any, start: str) -> None:
    text = csv_of(page, [[f"{start}1+cmd|' /C calc'!A0", -1.5]], [{"title": f"{start}T", "type": "text"}, COLUMNS[1]])

    heading, row = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))

    assert (heading[0], row[0], row[1]) == (f"'{start}T", f"'{start}1+cmd|' /C calc'!A0", "-1.5")


def workbook(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


def sheet_of(book: zipfile.ZipFile) -> ElementTree.Element:
    return ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))


def cells_of(book: zipfile.ZipFile) -> list[list[str | float | None]]:
    """Return the sheet's rows; a date is the number that Excel keeps."""
    texts = [
        item.findtext("t", "", SHEET)
        for item in ElementTree.fromstring(book.read("xl/sharedStrings.xml")).findall("si", SHEET)
    ]
    rows: list[list[str | float | None]] = []
    for row in sheet_of(book).iterfind("sheetData/row", SHEET):
        cells: dict[int, str | float] = {}
        for cell in row.findall("c", SHEET):
            column = ord(re.sub(r"\d", "", cell.attrib["r"])) - ord("A")
            value = cell.findtext("v", "", SHEET)
            cells[column] = texts[int(value)] if cell.get("t") == "s" else float(value)
        rows.append([cells.get(column) for column in range(3)])
    return rows


def as_date(serial: str | float | None) -> datetime:
    assert isinstance(serial, float)
    return datetime(1899, 12, 30) + timedelta(seconds=round(serial * 86_400))  # noqa: DTZ001 - Excel knows no zone


def test_the_excel_file_holds_real_numbers_and_dates_in_the_factorys_time_zone(page: Any) -> None:
    name, content = download(page, "downloadXlsx", "workers", TABLE)

    heading, *rows = cells_of(workbook(content))

    assert name == "workers.xlsx"
    assert heading == ["Name", "Hours", "Seen (Europe/Berlin)"]
    assert [row[:2] for row in rows[:3]] == [row[:2] for row in ROWS[:3]]
    noon = datetime(2026, 7, 1, 12)  # noqa: DTZ001
    assert [as_date(row[2]) for row in rows[:2]] == [noon, noon]
    assert rows[2][2] is None


def test_the_heading_is_bold_and_stays_in_sight(page: Any) -> None:
    book = workbook(download(page, "downloadXlsx", "workers", TABLE)[1])

    pane = sheet_of(book).find("sheetViews/sheetView/pane", SHEET)
    assert pane is not None
    assert (pane.get("ySplit"), pane.get("state")) == ("1", "frozen")

    styles = ElementTree.fromstring(book.read("xl/styles.xml"))
    heading = sheet_of(book).find("sheetData/row/c", SHEET)
    assert heading is not None
    used = styles.findall("cellXfs/xf", SHEET)[int(heading.attrib["s"])]
    assert styles.findall("fonts/font", SHEET)[int(used.attrib["fontId"])].find("b", SHEET) is not None


def test_a_text_in_excel_is_text_also_where_it_looks_like_a_formula(page: Any) -> None:
    book = workbook(download(page, "downloadXlsx", "a", {"columns": COLUMNS[:1], "rows": [["=1+1"], ["007"]]})[1])

    assert [row[0] for row in cells_of(book)] == ["Name", "=1+1", "007"]
    assert sheet_of(book).find(".//f", SHEET) is None


def test_a_large_table_and_a_long_name_are_no_trouble_for_the_content_security_policy(page: Any) -> None:
    rows = [[f"worker {number} {'x' * 40}", number / 7, "2026-07-01T10:00:00Z"] for number in range(20_000)]

    book = workbook(download(page, "downloadXlsx", "events [a/b]: " + "y" * 40, {"columns": COLUMNS, "rows": rows})[1])

    assert len(cells_of(book)) == 20_001
