"""The time zones that a factory may have, and where their rules come from."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.domain.states.calendar import is_time_zone
from factory.domain.states.zone_rules import ZoneRules, offsets_between, rules_of
from factory.domain.timestamp import SECOND, format_timestamp


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Berlin", "America/Coyhaique", "Asia/Kolkata", "Etc/GMT+5", "US/Pacific"]
)
def test_a_zone_of_the_iana_list_is_taken(name: str) -> None:
    assert is_time_zone(name)


@pytest.mark.parametrize(
    "name",
    [
        "posix/Europe/Berlin",
        "right/Europe/Berlin",
        "localtime",
        "posixrules",
        "Factory",
        "leapseconds",
        "zone.tab",
        "Europe",
        "europe/berlin",
        "Europe/../Europe/Berlin",
        "Europe//Berlin",
        "",
        "\0",
    ],
)
def test_a_name_outside_the_iana_list_is_refused(name: str) -> None:
    assert not is_time_zone(name)


def test_the_rules_come_from_the_locked_package_whatever_the_machine_has(tmp_path: Path) -> None:
    """On a machine whose own data give Vancouver the clock of Tokyo."""
    zones = resources.files("tzdata") / "zoneinfo"
    (tmp_path / "America").mkdir()
    (tmp_path / "America" / "Vancouver").write_bytes((zones / "Asia" / "Tokyo").read_bytes())
    with (zones / "America" / "Vancouver").open("rb") as file:
        expected = datetime(2027, 1, 15, tzinfo=ZoneInfo.from_file(file)).utcoffset()
    code = """
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo
import factory
print(datetime(2027, 1, 15, tzinfo=ZoneInfo("America/Vancouver")).utcoffset())
"""
    environment = {**os.environ, "PYTHONTZPATH": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(expected)


def test_the_offsets_of_a_span_begin_where_clocks_change() -> None:
    found = offsets_between(rules_of("Europe/Berlin"), 2026, 2026)
    assert [(format_timestamp(one.start), one.offset // SECOND, one.abbreviation) for one in found] == [
        ("2026-01-01T00:00:00Z", 3600, "CET"),
        ("2026-03-29T01:00:00Z", 7200, "CEST"),
        ("2026-10-25T01:00:00Z", 3600, "CET"),
    ]


@given(
    zone=st.sampled_from(["Europe/Berlin", "America/Vancouver", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]),
    at=st.integers(0, 2_000_000_000),
)
def test_the_offset_of_every_instant_is_that_of_the_zone(zone: str, at: int) -> None:
    rules = rules_of(zone)
    (*_, last) = (one for one in offsets_between(rules, 1970, 2036) if one.start <= at * SECOND)
    assert datetime.fromtimestamp(at, rules.tz).utcoffset() == timedelta(microseconds=last.offset)


@pytest.mark.parametrize(
    ("own", "noted", "expected"),
    [
        ("Europe/Berlin 2026c aa", None, True),
        ("Europe/Berlin 2026c aa", "Europe/Berlin 2026c aa", False),
        ("Europe/Berlin 2026c aa", "Europe/Berlin 2026b bb", True),
        ("Europe/Berlin 2026c aa", "Europe/Berlin 2026b aa", True),
        ("Europe/Berlin 2026c aa", "Europe/Berlin 2026c bb", True),
        ("Europe/Berlin 2026c aa", "Europe/Berlin 2026d bb", False),
        ("Europe/Berlin 2026c aa", "Europe/Berlin 2027a bb", False),
        ("Europe/Berlin 2026c aa", "Europe/Paris 2027a bb", True),
    ],
)
def test_of_one_zone_the_newer_rules_count(own: str, noted: str | None, expected: bool) -> None:
    assert ZoneRules(own, b"", ZoneInfo("UTC")).replace(noted) is expected
