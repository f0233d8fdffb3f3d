"""The time zones that a factory may have, and where their rules come from."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from factory.domain.states.calendar import is_time_zone


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
from datetime import datetime
from zoneinfo import ZoneInfo
import factory
print(datetime(2027, 1, 15, tzinfo=ZoneInfo("America/Vancouver")).utcoffset())
"""
    environment = {**os.environ, "PYTHONTZPATH": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(expected)
