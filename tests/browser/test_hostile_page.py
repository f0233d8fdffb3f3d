"""Markup in the names of people, places, shifts and sources stays text on every view, under a strict policy."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.browser.sample import SETTLED, VIEWS, new_factory, open_view
from tests.servers import RunningServer

FRONTEND = Path(__file__).resolve().parents[2] / "frontend"
HOSTILE = '<img src=x onerror="window.owned=1">'
WATCH = """window.violations = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile, lineNumber }) =>
  window.violations.push([violatedDirective, blockedURI, sourceFile, lineNumber].join(" ")));"""


@pytest.fixture(scope="module")
def hostile(server: RunningServer) -> str:
    """Make a factory in which everything that can be named is named with markup."""
    halves = [("00:00", "12:00"), ("12:00", "00:00")]
    shifts = [{"name": f"{start}{HOSTILE}", "start": start, "end": end} for start, end in halves]
    factory = new_factory(server, "hostile", name=HOSTILE, shifts=shifts)
    for path, more in [("workers", {"worker_id": "W1"}), ("workers", {"worker_id": "W2"})]:
        assert server.post_json(f"/api/v1/{path}/?factory={factory}", {"name": HOSTILE, **more}).status == 201
    station = {"workstation_id": "S1", "name": HOSTILE, "type": HOSTILE}
    assert server.post_json(f"/api/v1/workstations/?factory={factory}", station).status == 201
    now = datetime.now(timezone.utc)
    events = [
        {
            "timestamp": (now - timedelta(minutes=minutes)).isoformat(),
            "worker_id": worker,
            "workstation_id": "S1",
            "event_type": kind,
            "source_id": HOSTILE,
            "model_version": HOSTILE,
        }
        for minutes, worker, kind in [(50, "W1", "working"), (40, "W2", "working"), (20, "W2", "idle")]
    ]
    events.append({**events[0], "timestamp": now.isoformat(), "event_type": "product_count", "count": 5})
    answer = server.post_json(f"/api/v1/events/batch?factory={factory}", events)
    assert answer.status == 201, answer.body
    return factory


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.journey] if name == "workers" else []) for name in VIEWS]
)
def test_markup_in_names_stays_text_and_the_policy_is_kept(
    page: Any, server: RunningServer, hostile: str, complaints: list[str], name: str
) -> None:
    page.add_init_script(WATCH)

    open_view(page, server, f"{VIEWS[name]}&window=shift&factory={hostile}")
    page.wait_for_load_state("networkidle")
    if name != "wall":
        page.get_by_role("button", name="Menu").click()
    for summary in page.locator("summary:visible").all():
        summary.click()
    page.wait_for_selector(SETTLED)
    assert HOSTILE in page.locator("body").inner_text()
    assert page.locator("body img").count() == 0
    assert page.evaluate("window.owned ?? null") is None
    assert page.evaluate("window.violations") == []
    assert complaints == []


def test_markup_in_an_address_stays_text(page: Any, server: RunningServer) -> None:
    for query in (f"view=worker&id={HOSTILE}", f"view={HOSTILE}", f"factory={HOSTILE}", f"view=workers&q={HOSTILE}"):
        open_view(page, server, query)
        assert page.locator("body img").count() == 0
        assert page.evaluate("window.owned ?? null") is None


def test_the_page_itself_has_no_script_or_style_of_its_own() -> None:
    page = (FRONTEND / "index.html").read_text(encoding="utf-8")

    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", page) == []
    assert [link for link in re.findall(r'(?:src|href)="([^"]*)"', page) if "//" in link] == []
