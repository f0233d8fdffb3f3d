"""`python -m tools.lighthouse`: the scores of the overview with sample data, on a phone and on a desk.

Ends with 1 where a score is below its mark. The full reports are kept in var/lighthouse/.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tools.browser import FLAGS, chromium_path
from tools.sample_server import sample_server

LIGHTHOUSE = Path(__file__).resolve().parent / "node_modules" / ".bin" / "lighthouse"
REPORTS = Path("var/lighthouse")
MARKS = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 0}
PRESETS: dict[str, list[str]] = {"mobile": [], "desktop": ["--preset=desktop"]}


def audit(address: str, preset: str) -> dict[str, Any]:
    """Return Lighthouse's report."""
    file = REPORTS / f"{preset}.json"
    subprocess.run(
        [
            LIGHTHOUSE,
            address,
            *PRESETS[preset],
            f"--only-categories={','.join(MARKS)}",
            "--output=json",
            f"--output-path={file}",
            f"--chrome-flags={' '.join(['--headless=new', *FLAGS])}",
            "--quiet",
        ],
        env={**os.environ, "CHROME_PATH": chromium_path()},
        check=True,
    )
    return dict(json.loads(file.read_text(encoding="utf-8")))


def shortcomings(report: dict[str, Any]) -> list[str]:
    """List what costs points, one line for each audit."""
    return [
        f"  {category}: {audit['title']} {audit.get('displayValue', '')}".rstrip()
        for category in MARKS
        for reference in report["categories"][category]["auditRefs"]
        if reference["weight"] > 0
        and (audit := report["audits"][reference["id"]])["score"] is not None
        and audit["score"] < 0.9
    ]


def main() -> None:
    REPORTS.mkdir(parents=True, exist_ok=True)
    missed = False
    with sample_server() as address:
        for preset in PRESETS:
            report = audit(f"{address}?view=overview&window=24h", preset)
            # Lighthouse gives no score if it could not measure.
            scores = {name: round(100 * (report["categories"][name]["score"] or 0)) for name in MARKS}
            print(f"{preset:8}", "  ".join(f"{name} {score}" for name, score in scores.items()))
            for line in shortcomings(report):
                print(line)
            missed |= any(scores[name] < mark for name, mark in MARKS.items())
    sys.exit(int(missed))


if __name__ == "__main__":
    main()
