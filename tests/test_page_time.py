"""The page reckons local time by the server's rules, so no module asks the browser for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FRONTEND = Path(__file__).resolve().parents[1] / "frontend"
MODULES = sorted(path for path in FRONTEND.rglob("*.js") if "vendor" not in path.parts)
LOCAL = re.compile(
    r"\.(?:get|set)(?:FullYear|Month|Date|Day|Hours|Minutes|Seconds|TimezoneOffset)\(|toLocale\w*String|\.toDateString"
    r"|timeZoneName|new Date\(\s*\d|new Date\([^()]*,"
)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(FRONTEND)))
def test_no_module_asks_the_browser_for_local_time(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert not LOCAL.findall(text)
    if module != FRONTEND / "lib" / "format.js":
        assert "Intl.DateTimeFormat" not in text


def test_dates_are_written_as_those_of_utc() -> None:
    text = (FRONTEND / "lib" / "format.js").read_text(encoding="utf-8")
    written = re.findall(r"new Intl\.DateTimeFormat\(([^;]*)\)", text)
    assert len(written) == 2
    assert [one for one in written if 'timeZone: "UTC"' not in one] == [
        'locale(), { hour: "numeric" }).resolvedOptions('
    ]


def test_the_rule_finds_what_it_is_for() -> None:
    for wrong in ("at.getHours()", "new Date(2026, 0)", "at.toLocaleTimeString()", "at.getTimezoneOffset()"):
        assert LOCAL.search(wrong)
    for right in ("at.getUTCHours()", "new Date(at)", "new Date().toISOString()"):
        assert not LOCAL.search(right)
