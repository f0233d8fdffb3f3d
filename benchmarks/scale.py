"""The amount that each run measures."""

from __future__ import annotations

from dataclasses import dataclass

EVENTS_A_REQUEST = 5000
WORKERS, STATIONS = 500, 50
SMALL_HISTORY = 60_000


@dataclass(frozen=True)
class Scale:
    """The sizes of one run."""

    name: str
    rounds: int
    """How often ours and the limit take turns."""
    batches: int
    """Requests of EVENTS_A_REQUEST events in a turn."""
    sqlite_batches: int
    shift_minutes: int
    """Length of a working day; late events are up to one working day late, so a day is loaded before."""
    single_seconds: float
    reads: int
    """Requests for metrics in a turn; fewer where they take more than 100 ms each."""
    history_events: int
    bulk_events: int
    history_stores: tuple[str, ...]


SCALES = {
    "quick": Scale("quick", 2, 10, 6, 60, 2.0, 10, 150_000, 150_000, ("postgresql",)),
    "default": Scale("default", 3, 30, 16, 240, 5.0, 40, 1_000_000, 1_000_000, ("postgresql", "sqlite")),
    "full": Scale("full", 5, 60, 40, 480, 10.0, 300, 10_000_000, 10_000_000, ("postgresql", "sqlite")),
}
