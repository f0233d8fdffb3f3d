"""`python -m tools.shell`: lists in frontend/shell.js what the service worker copies for a page without a server."""

from __future__ import annotations

import json
from pathlib import Path

FRONTEND = Path(__file__).resolve().parents[1] / "frontend"
LIST = FRONTEND / "shell.js"
KINDS = {".css", ".js", ".svg"}
WORKER = {"sw.js", "shell.js"}  # the browser itself keeps these


def shell_files() -> list[str]:
    """Paths below frontend/ of what the page may load; "./" is the page. Bitmaps are for launchers only."""
    paths = (path.relative_to(FRONTEND).as_posix() for path in FRONTEND.rglob("*") if path.suffix in KINDS)
    return ["./", *sorted(set(paths) - WORKER)]


def text() -> str:
    """What frontend/shell.js should be."""
    files = json.dumps(shell_files(), indent=2).replace('"\n]', '",\n]')
    return f"// Every file that sw.js copies; `make shell` writes this list.\nself.SHELL = {files};\n"


if __name__ == "__main__":
    LIST.write_text(text(), encoding="utf-8")
