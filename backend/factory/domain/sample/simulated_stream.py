"""An endless live stream of events from simulated workers; the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from factory.domain.timestamp import format_timestamp

_WORKING = (("working", 0.55), ("product_count", 0.38), ("idle", 0.05), ("move", 0.012), ("absent", 0.008))
_IDLE = (("idle", 0.7), ("working", 0.27), ("absent", 0.03))
_COMES_BACK = 0.05


@dataclass
class _Worker:
    worker_id: str
    workstation_id: str
    state: str = "new"


class SimulatedStream:
    """Workers W1, W2, … at fewer stations S1, S2, …: they work, wait, move, leave and come back.

    `run` makes the `event_id`s of one stream differ from those of every other.
    """

    def __init__(self, *, seed: int, workers: int, run: str) -> None:
        self._random = Random(seed)
        self._run = run
        self._made = 0
        self._stations = min(workers, max(6, workers * 4 // 5))
        self._workers = [_Worker(f"W{n + 1}", f"S{n % self._stations + 1}") for n in range(workers)]

    def next(self, at: int) -> dict[str, Any]:
        """One event at this instant (microseconds), as it would be posted."""
        worker = self._somebody()
        kind = self._act(worker)
        self._made += 1
        event: dict[str, Any] = {
            "timestamp": format_timestamp(at),
            "worker_id": worker.worker_id,
            "workstation_id": worker.workstation_id,
            "event_type": kind,
            "confidence": round(self._random.uniform(0.7, 0.99), 2),
            "event_id": f"{self._run}-{self._made}",
            "source_id": f"sim-{worker.workstation_id}",
            "model_version": "sim-1",
        }
        if kind == "product_count":
            event["count"] = self._random.choice((1, 1, 1, 1, 2, 4))
        return event

    def _somebody(self) -> _Worker:
        """Anyone but those who left, unless they come back just now."""
        worker = self._random.choice(self._workers)
        for _ in range(20):
            if worker.state != "absent" or self._random.random() < _COMES_BACK:
                break
            worker = self._random.choice(self._workers)
        return worker

    def _act(self, worker: _Worker) -> str:
        if worker.state in ("new", "absent"):
            kind = "working"
        else:
            kinds = _WORKING if worker.state == "working" else _IDLE
            kind = self._random.choices([name for name, _ in kinds], [weight for _, weight in kinds])[0]
        if kind == "move":
            worker.workstation_id = f"S{self._random.randint(1, self._stations)}"
            kind = "working"
        if kind != "product_count":
            worker.state = kind
        return kind
