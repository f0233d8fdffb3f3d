"""The shell blocks of a document: which are run, where, and why the others are not.

A block ```bash is run as it stands; one ```console is shown, and the line before it says why it is not run:
`<!-- not executed: reason -->`. `<!-- runs on: host -->` says where all that follow are run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_REASON = re.compile(r"<!-- not executed: (.+) -->")
_PLACE = re.compile(r"<!-- runs on: (\w+) -->")


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its fence, `place` and `reason` are empty where none is given."""

    language: str
    text: str
    line: int
    place: str
    reason: str


def blocks(document: Path) -> list[Block]:
    """Return the fenced blocks in their order."""
    found: list[Block] = []
    lines = document.read_text(encoding="utf-8").splitlines()
    place = reason = ""
    start: int | None = None
    for number, line in enumerate(lines, start=1):
        if start is not None:
            if line == "```":
                text = "\n".join(lines[start : number - 1])
                found.append(Block(lines[start - 1][3:].strip(), text, start, place, reason))
                start, reason = None, ""
        elif line.startswith("```"):
            start = number
        elif match := _PLACE.fullmatch(line):
            place = match[1]
        elif match := _REASON.fullmatch(line):
            reason = match[1]
        elif line.strip():
            reason = ""
    return found


def script(document: Path, place: str) -> str:
    """Return all blocks that are run in a place as one script; it says on its standard error where it is, and when."""
    ours = [block for block in blocks(document) if block.language == "bash" and block.place == place]
    said = (f'echo "--- {document.name}:{block.line} at $(date +%T)" >&2\n{block.text}' for block in ours)
    return "\n".join(said) + "\n"
