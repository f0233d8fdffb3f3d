"""A task repeated in a background thread of each process that serves."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

from factory.domain.errors import Unavailable

log = logging.getLogger("factory.background")

_REST = 4


class PeriodicThread:
    """Runs `task` every `interval` seconds, in the process that last called `ensure_running`.

    After a long run it rests longer, so that it takes a fifth of the time at most.

    A thread does not survive a fork, so the server starts it with the first request of each worker
    process rather than when the application is made. It is a daemon: it never delays the end.
    """

    def __init__(self, name: str, interval: float, task: Callable[[], object]) -> None:
        self._name = name
        self._interval = interval
        self._task = task
        self._process = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def ensure_running(self) -> None:
        """Start the thread unless this process has it already. Cheap enough for every request."""
        if self._process == os.getpid() or not self._interval:
            return
        with self._lock:
            if self._process != os.getpid():
                self._process = os.getpid()
                threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        pause = self._interval
        while not self._stop.wait(pause):
            began = time.monotonic()
            try:
                self._task()
                pause = max(self._interval, _REST * (time.monotonic() - began))
            except Unavailable as error:  # a database that is away is nothing that the stack could explain
                log.warning("%s has to wait: %s", self._name, error.message)
                pause = _longer(pause)
            except Exception:  # whatever it was, the next round may succeed; the readers do the work meanwhile
                log.exception("%s failed", self._name)
                pause = _longer(pause)


def _longer(pause: float) -> float:
    return min(max(pause, 1.0) * 2, 60.0)
