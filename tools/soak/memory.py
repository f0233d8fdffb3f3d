"""Whether the server processes grow."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass

import psutil

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Growth:
    """Of one process: megabytes at the beginning and the end of what was judged, and the slope of a straight line."""

    name: str
    minutes: float
    first: float
    last: float
    most: float
    slope_an_hour: float

    @property
    def is_flat(self) -> bool:
        """Over what was watched it grew by less than a tenth of itself."""
        return self.slope_an_hour * self.minutes / 60 < 0.1 * self.first


class MemoryWatch(threading.Thread):
    """Reads the resident memory of a process and of its children every few seconds."""

    def __init__(self, pid: int, *, stop: threading.Event, every: float = 5.0) -> None:
        super().__init__(name="memory", daemon=True)
        self._pid, self._over, self._every = pid, stop, every
        self._samples: dict[int, list[tuple[float, float]]] = defaultdict(list)

    def run(self) -> None:
        while not self._over.wait(self._every):
            server = psutil.Process(self._pid)
            for process in [server, *server.children()]:
                self._samples[process.pid].append((time.monotonic(), process.memory_info().rss / MEGABYTE))

    def growth(self) -> list[Growth]:
        """Of each process, its first third left out: a process fills its caches and pools then."""
        found = []
        for pid, samples in sorted(self._samples.items()):
            judged = samples[len(samples) // 3 :]
            if len(judged) < 3:
                continue
            times, sizes = [at for at, _ in judged], [size for _, size in judged]
            middle, mean = sum(times) / len(times), sum(sizes) / len(sizes)
            spread = sum((at - middle) ** 2 for at in times)
            slope = sum((at - middle) * (size - mean) for at, size in judged) / spread * 3600
            minutes = (times[-1] - times[0]) / 60
            name = "gunicorn" if pid == self._pid else "server process"
            found.append(Growth(name, minutes, sizes[0], sizes[-1], max(sizes), slope))
        return found
