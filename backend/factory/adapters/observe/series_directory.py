"""The directory in which the processes of one server share their Prometheus series."""

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

_PREFIX = "factory-metrics-"
_NEW_SECONDS = 60.0

# Held open until this process and those it forked have ended, however they end: the lock marks them as alive.
_held: list[int] = []


def make_series_directory() -> Path:
    """Return a new directory of this server's own; removes what killed servers of the same user left behind."""
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            _remove_if_abandoned(directory)
        except OSError:
            continue  # another user's, or another server is removing it
    made = Path(tempfile.mkdtemp(prefix=_PREFIX))
    _held.append(_lock(made))
    return made


def _remove_if_abandoned(directory: Path) -> None:
    status = directory.lstat()
    # Between making a directory and locking it a server holds no lock: leave it a minute.
    if status.st_uid != os.getuid() or time.time() - status.st_mtime < _NEW_SECONDS:
        return
    descriptor = _lock(directory)
    try:
        shutil.rmtree(directory, ignore_errors=True)
    finally:
        os.close(descriptor)


def _lock(directory: Path) -> int:
    """Lock the directory; raise OSError if a living server holds it, or if it is none."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
