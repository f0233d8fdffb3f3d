"""Several state events of one worker at one instant: the one that counts (SPEC section 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from factory.domain.event import PRODUCT_COUNT
from factory.domain.states.ranges import run_starts

Ints = npt.NDArray[np.int64]


def rank(kind: int, confidence: float, station: str, source: str, event_id: str) -> tuple[Any, ...]:
    """Return the place of a state event among those of its worker and instant: the smallest wins.

    The highest confidence wins (NO_CONFIDENCE is lowest), then working before idle before absent, then the
    smaller workstation_id, source_id and event_id in code-point order, a missing one ('') first.
    """
    return (-confidence, kind, station, source, event_id)


def winning_state_events(
    group: Ints,
    time: Ints,
    kind: Ints,
    station: Ints,
    confidence: npt.NDArray[np.float64],
    by_texts: Callable[[Ints], tuple[Ints, Ints]],
) -> npt.NDArray[np.bool_]:
    """Return a mask of the state events that count, of events in no order; the group stands for the worker.

    Confidence and type decide nearly always. Where they do not, `by_texts` is given a row of each instant and answers
    the types and stations of the events that win there by `rank`.
    """
    wins = kind != PRODUCT_COUNT
    states = np.flatnonzero(wins)
    order = states[np.lexsort((time[states], group[states]))]
    opens = run_starts(group[order], time[order])
    if opens.all():
        return wins
    # The rows of the instants at which there are several, best first.
    instant = np.cumsum(opens) - 1
    several = np.flatnonzero(np.bincount(instant)[instant] > 1)
    order, instant = order[several], instant[several]
    best = np.lexsort((kind[order], -confidence[order], instant))
    order, instant = order[best], instant[best]
    opens = run_starts(instant)
    wins[order[~opens]] = False
    rivals = ~opens & ~run_starts(kind[order], confidence[order])
    contested = np.isin(instant, instant[rivals])
    if contested.any():
        rows, of = order[contested], np.unique(instant[contested], return_inverse=True)[1]
        winning_kind, winning_station = by_texts(rows[run_starts(of)])
        # Events of one type and station at one instant say the same: any of them may stand for the winner.
        alike = np.flatnonzero((kind[rows] == winning_kind[of]) & (station[rows] == winning_station[of]))
        wins[rows] = False
        wins[rows[alike[run_starts(of[alike])]]] = True
    return wins
