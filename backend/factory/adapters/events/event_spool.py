"""Events that wait on disk until the server takes them: one file, one JSON object a line."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any


class SpoolInUse(Exception):
    """Another process holds the spool file."""


class EventSpool:
    """A bounded queue in a file.

    What was taken is forgotten when the file is emptied or closed. After a crash some of it is there
    again and is sent twice, which is harmless: the server recognises a repeated event.
    """

    def __init__(self, path: Path, *, limit: int) -> None:
        """Open the file, with the events that an earlier run left in it. Raises SpoolInUse, OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._limit = limit
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise SpoolInUse(f"another process uses {path}") from error
        self._begin = 0
        self._count = self._repair()

    def __len__(self) -> int:
        return self._count

    def append(self, events: list[dict[str, Any]]) -> int:
        """Keep as many of the events as there is room for, and return how many were left out."""
        kept = events[: max(0, self._limit - self._count)]
        self._file.seek(0, os.SEEK_END)
        self._file.writelines(json.dumps(event).encode() + b"\n" for event in kept)
        self._file.flush()
        self._count += len(kept)
        return len(events) - len(kept)

    def oldest(self, most: int) -> list[dict[str, Any]]:
        self._file.seek(self._begin)
        return [json.loads(self._file.readline()) for _ in range(min(most, self._count))]

    def forget(self, number: int) -> None:
        """Remove the oldest events, once they were delivered."""
        self._file.seek(self._begin)
        for _ in range(number):
            self._file.readline()
        self._begin = self._file.tell()
        self._count -= number
        if self._count == 0:
            self._file.truncate(0)
            self._begin = 0

    def close(self) -> None:
        """Leaves on disk what is still waiting, and no file when nothing is."""
        if self._count == 0:
            self.path.unlink(missing_ok=True)
        elif self._begin:
            self._file.seek(self._begin)
            rest = self._file.read()
            self._file.truncate(0)
            self._file.write(rest)
            self._file.flush()
        self._file.close()

    def _repair(self) -> int:
        """Cuts a last line that a crash left unfinished, and counts the lines."""
        self._file.seek(0)
        lines, complete = 0, 0
        for line in self._file:
            if line.endswith(b"\n"):
                lines += 1
                complete += len(line)
        self._file.truncate(complete)
        return lines
