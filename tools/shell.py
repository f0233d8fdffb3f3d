"""`python -m tools.shell`: write the lists of the page's own files.

frontend/shell.js lists what the service worker copies for a page without a server; the lines between the marks
in index.html let a browser fetch all modules of the first view at once, not import by import.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

FRONTEND = Path(__file__).resolve().parents[1] / "frontend"
LIST = FRONTEND / "shell.js"
PAGE = FRONTEND / "index.html"
BEGIN, END = "<!-- modules of the first view: make shell -->\n", "<!-- end -->"
KINDS = {".css", ".js", ".svg"}
WORKER = {"sw.js", "shell.js"}  # the browser itself keeps these


def shell_files() -> list[str]:
    """Return the paths below frontend/ that the page may load; "./" is the page. Bitmaps are for launchers only."""
    paths = (path.relative_to(FRONTEND).as_posix() for path in FRONTEND.rglob("*") if path.suffix in KINDS)
    return ["./", *sorted(set(paths) - WORKER)]


def shell() -> str:
    """Return the text that frontend/shell.js should have."""
    files = json.dumps(shell_files(), indent=2).replace('"\n]', '",\n]')
    return f"// Every file that sw.js copies; `make shell` writes this list.\nself.SHELL = {files};\n"


def first_modules() -> list[str]:
    """Return the paths of the modules imported by the first view and by the page around it."""
    found: dict[Path, None] = {}
    waiting = [FRONTEND / "main.js", FRONTEND / "views/overview.js"]
    while waiting:
        module = waiting.pop(0)
        if module not in found:
            found[module] = None
            imports = re.findall(r'^import [^"]*"(\.[^"]+)";', module.read_text(encoding="utf-8"), re.MULTILINE)
            waiting += [(module.parent / name).resolve() for name in imports]
    return [path.relative_to(FRONTEND).as_posix() for path in found][1:]


def page() -> str:
    """Return the text that frontend/index.html should have."""
    links = "".join(f'  <link rel="modulepreload" href="{path}">\n' for path in first_modules())
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return f"{before}{BEGIN}{links}  {END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    LIST.write_text(shell(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
