"""The rules of one event (SPEC section 2) and a batch of events as columns."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

WORKING, IDLE, ABSENT, PRODUCT_COUNT = 1, 2, 3, 4
UNKNOWN = 0
"""The state of silence; never the type of an event."""

EventType = Literal["working", "idle", "absent", "product_count"]
EVENT_TYPES: dict[str, int] = dict(zip(get_args(EventType), (WORKING, IDLE, ABSENT, PRODUCT_COUNT), strict=True))
TYPE_NAMES = {code: name for name, code in EVENT_TYPES.items()}
STATE_NAMES = {UNKNOWN: "unknown", WORKING: "working", IDLE: "idle", ABSENT: "absent"}

MAX_COUNT = 1_000_000
NO_CONFIDENCE = -1.0
"""Stands for a missing confidence: below every real one, as the rule for ties asks."""

REQUIRED_FIELDS = ("timestamp", "worker_id", "workstation_id", "event_type")
ID_RULE = "1 to 64 characters of A-Z a-z 0-9 . _ : -, the first a letter or digit"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def is_id(text: str) -> bool:
    """Whether a text may name a worker, workstation or factory."""
    return _ID.fullmatch(text) is not None


def is_label(text: str, longest: int) -> bool:
    """Whether a text is 1 to `longest` characters without control characters or lone surrogates."""
    return are_labels([text], longest)


def are_labels(texts: Collection[str], longest: int) -> bool:
    """Whether is_label is true of each text; there is at least one."""
    lengths = set(map(len, texts))
    together = "".join(texts)
    return 0 not in lengths and max(lengths) <= longest and (together.isprintable() or not _CONTROL.search(together))


@dataclass(frozen=True)
class EventRules:
    """Bounds of an event beside its shape; instants and durations in microseconds."""

    now: int
    max_clock_skew_us: int
    min_timestamp_us: int
    max_events: int


class Failure(NamedTuple):
    """Why the event at `index` (from 0) of a delivery is refused."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody misses
    field: str | None
    code: str
    message: str


@dataclass
class ParsedEvents:
    """The valid events of one delivery as columns, and the failures of the others.

    `index` is the place of each valid event in the delivery; a missing confidence is
    NO_CONFIDENCE, a missing text ''. `count` is 0 on state events.
    """

    total: int
    index: npt.NDArray[np.int64]
    timestamp: npt.NDArray[np.int64]
    event_type: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    worker_id: list[str]
    workstation_id: list[str]
    source_id: list[str]
    model_version: list[str]
    event_id: list[str]
    failures: list[Failure]

    def __len__(self) -> int:
        return len(self.worker_id)
