"""`python -m tools.release_notes v1.2.0`: print the changelog's section of a version, for publishing.

Fails where the tag is not the version of the code, or where its section is missing, empty or still called unreleased.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from factory import __version__

CHANGELOG = Path(__file__).resolve().parents[1] / "CHANGELOG.md"


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.release_notes TAG")
    tag = sys.argv[1]
    if tag.removeprefix("v") != __version__:
        sys.exit(f"The tag is {tag}, the code is {__version__}.")
    print(release_notes(CHANGELOG.read_text(encoding="utf-8"), __version__))


def release_notes(changelog: str, version: str) -> str:
    """Return the section of a version without its heading; exit where it cannot be published."""
    found = re.search(
        rf"^## {re.escape(version)}(?P<rest>(?: [^\n]*)?)\n(?P<notes>.*?)(?=^## |\Z)",
        changelog,
        flags=re.MULTILINE | re.DOTALL,
    )
    if found is None:
        sys.exit(f"The changelog has no section for {version}.")
    if not re.fullmatch(r" — \d{4}-\d{2}-\d{2}", found["rest"]):
        sys.exit(f"The changelog's heading is `## {version}{found['rest']}`; a release has its date there.")
    notes = found["notes"].strip()
    if not notes:
        sys.exit(f"The changelog says nothing of {version}.")
    return notes


if __name__ == "__main__":
    main()
