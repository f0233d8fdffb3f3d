"""The schedule of a host without containers, as the guide has it, suits its alerts, and no slot fills its disk."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.guide import script

ROOT = Path(__file__).parents[2]
GUIDE = script(ROOT / "PRODUCTION_DEPLOYMENT.md", "host")
BACKUP = ROOT / "deploy" / "backup" / "backup"


@pytest.fixture
def figures(tmp_path: Path) -> str:
    """Those for Prometheus, after a command with the hours that deploy/host/backup sets."""
    restic = tmp_path / "restic"
    restic.write_text("#!/bin/sh\n")
    restic.chmod(0o755)
    hours = dict(re.findall(r"(BACKUP_\w+_HOURS)=(\d+)", (ROOT / "deploy" / "host" / "backup").read_text()))
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "BACKUP_HOME": str(tmp_path), **hours}
    subprocess.run([BACKUP, "copy"], env=environment, capture_output=True, check=True)
    return (tmp_path / "metrics.prom").read_text()


@pytest.mark.parametrize(
    ("command", "interval"), [("full", "backup"), ("copy", "backup_copy"), ("drill", "restore_drill")]
)
def test_an_alert_of_a_host_goes_by_the_line_for_cron(figures: str, command: str, interval: str) -> None:
    [weekday] = re.findall(rf"^\d+ \d+ \* \* (\S) root \S+/backup {command}$", GUIDE, flags=re.MULTILINE)
    hours = 24 if weekday == "*" else 168

    assert f"factory_{interval}_interval_seconds {hours * 3600}\n" in figures


@pytest.mark.parametrize("deployed", ["docker-compose.yml", "deploy/ha/patroni.yml", "PRODUCTION_DEPLOYMENT.md"])
def test_no_slot_holds_the_log_without_a_limit(deployed: str) -> None:
    text = GUIDE if deployed.endswith(".md") else (ROOT / deployed).read_text()

    assert re.search(r"max_slot_wal_keep_size\W+\d+GB", text)
