"""Events as columns, in the form in which a dialect inserts them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

Content = tuple[int, float, int]
"""Units, confidence and model key: the fields that a second delivery of an event has to repeat."""


class EventColumns(NamedTuple):
    """Events of distinct identity as columns; keys are 0 and texts '' where something is missing."""

    worker: Ints
    time: Ints
    kind: Ints
    station: Ints
    source: Ints
    event_id: list[str]
    units: Ints
    confidence: npt.NDArray[np.float64]
    model: Ints

    def content(self, row: int) -> Content:
        """Return the content of the event in a row."""
        return (int(self.units[row]), float(self.confidence[row]), int(self.model[row]))
