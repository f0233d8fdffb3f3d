"""From events to states (SPEC section 3), for many workers at once.

A worker's intervals are kept as *changes*: rows (start, state, station) of which each lasts until the
next one of the same worker. Where the evidence ends there is a change to UNKNOWN; after the last change
its state lasts without end. So the rows do not depend on the time of looking at them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from factory.domain.event import ABSENT, IDLE, PRODUCT_COUNT, UNKNOWN, WORKING
from factory.domain.states.ranges import expand_ranges, run_starts, take

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
FOREVER = np.iinfo(np.int64).max // 4


class Evidence(NamedTuple):
    """Events as columns; `group` stands for the worker, or a range of one.

    A state that is carried in from before is a first row of its group, with the time of the latest evidence for it.
    """

    group: Ints
    time: Ints
    kind: Ints
    station: Ints


class Changes(NamedTuple):
    """Changes of state as columns, ordered by group and start."""

    group: Ints
    start: Ints
    state: Ints
    station: Ints


class Spans(NamedTuple):
    """Stretches [start, end) of one state, as columns."""

    group: Ints
    start: Ints
    end: Ints
    state: Ints
    station: Ints


def derive_changes(evidence: Evidence, timeout: int) -> Changes:
    """Return the changes that the evidence makes; `timeout` in microseconds, 0 for no limit.

    Of several state events of a group at one instant only the one that counts may be passed. A count at the instant of
    a state may come before it or after it: both are evidence from that instant on.
    """
    order = np.lexsort((evidence.time, evidence.group))
    group, time, kind, station = (column[order] for column in evidence)
    is_state = kind != PRODUCT_COUNT
    states = np.flatnonzero(is_state)
    if len(states) == 0:
        return Changes(*(np.empty(0, dtype=np.int64) for _ in range(4)))
    known_until = _known_until(group, time, is_state, states, timeout)
    known_until[kind[states] == ABSENT] = FOREVER
    following = np.full(len(states), FOREVER, dtype=np.int64)
    same_group = group[states[1:]] == group[states[:-1]]
    following[:-1][same_group] = time[states[1:]][same_group]
    silent = np.flatnonzero(known_until < following)
    nothing = np.zeros(len(silent), dtype=np.int64)
    return without_repeats(
        Changes(
            np.concatenate([group[states], group[states][silent]]),
            np.concatenate([time[states], known_until[silent]]),
            np.concatenate([kind[states], nothing + UNKNOWN]),
            np.concatenate([station[states], nothing]),
        )
    )


def _known_until(group: Ints, time: Ints, is_state: npt.NDArray[np.bool_], states: Ints, timeout: int) -> Ints:
    """For each state event, the end of its evidence: itself and the counts that follow in time."""
    if timeout == 0:
        return np.full(len(states), FOREVER, dtype=np.int64)
    place = np.arange(len(time))
    owner = np.maximum(np.cumsum(is_state) - 1, 0)
    silence = np.diff(time, prepend=time[0]) >= timeout
    stranger = group != group[states[owner]]
    breaks = np.where(~is_state & (silence | stranger), place, len(time))
    first_break = np.minimum.reduceat(breaks, states)
    segment_end = np.append(states[1:], len(time))
    return time[np.minimum(first_break, segment_end) - 1] + timeout


def without_repeats(changes: Changes) -> Changes:
    """Order changes and drop those that repeat the state and station before: touching intervals are one."""
    ordered = take(changes, np.lexsort((changes.start, changes.group)))
    return take(ordered, run_starts(ordered.group, ordered.state, ordered.station))


def differing(before: Changes, after: Changes) -> tuple[Flags, Flags]:
    """Return masks of the rows of `before` that are gone and of those of `after` that are new."""
    both = Changes(*(np.concatenate(columns) for columns in zip(before, after, strict=True)))
    order = np.lexsort(both[::-1])
    ordered = take(both, order)
    second = np.flatnonzero(~run_starts(*ordered))
    alone = np.ones(len(order), dtype=bool)
    alone[order[second]] = alone[order[second - 1]] = False
    return alone[: len(before.start)], alone[len(before.start) :]


def spans_of(changes: Changes) -> Spans:
    """Return the span of each change: until the next of its group, the last one until FOREVER."""
    end = np.full(len(changes.start), FOREVER, dtype=np.int64)
    same = changes.group[1:] == changes.group[:-1]
    end[:-1][same] = changes.start[1:][same]
    return Spans(changes.group, changes.start, end, changes.state, changes.station)


def clip(spans: Spans, start: int | Ints, end: int | Ints) -> Spans:
    """Return the parts of spans inside [start, end)."""
    cut = spans._replace(start=np.maximum(spans.start, start), end=np.minimum(spans.end, end))
    return take(cut, cut.start < cut.end)


def split(spans: Spans, starts: Ints, ends: Ints) -> tuple[Spans, Ints]:
    """Cut spans at buckets; also the place in `starts` of the bucket of each piece.

    The buckets are ascending and do not overlap; what lies outside of them is dropped.
    """
    first = np.searchsorted(ends, spans.start, side="right")
    last = np.searchsorted(starts, spans.end, side="left")
    row, bucket = expand_ranges(first, last)
    pieces = take(spans, row)
    return pieces._replace(
        start=np.maximum(pieces.start, starts[bucket]), end=np.minimum(pieces.end, ends[bucket])
    ), bucket


def union_length(place: Ints, start: Ints, end: Ints, places: int) -> Ints:
    """For each place 0 to places - 1, the length of the union of its ranges.

    This is why two workers at one station at once do not count twice.
    """
    length = np.zeros(places, dtype=np.int64)
    if len(place) == 0:
        return length
    order = np.lexsort((start, place))
    place, start, end = place[order], start[order], end[order]
    # Shifted so that each place lies wholly after the one before, one running maximum serves all.
    origin = int(start.min())
    reach = int(end.max()) - origin + 1
    if reach > (2**62) // (places + 1):
        for one in np.unique(place):
            mine = place == one
            length[one] = union_length(np.zeros(mine.sum(), np.int64), start[mine], end[mine], 1)[0]
        return length
    shifted_start, shifted_end = start - origin + place * reach, end - origin + place * reach
    covered = np.maximum.accumulate(shifted_end)
    before = np.concatenate([[0], covered[:-1]])
    new = np.maximum(shifted_end - np.maximum(shifted_start, before), 0)
    np.add.at(length, place, new)
    return length


def occupancy(spans: Spans, places: Ints, count: int) -> tuple[Ints, Ints]:
    """Occupied and productive length of each place, from the spans at it (`places` beside each span)."""
    present = (spans.state == WORKING) | (spans.state == IDLE)
    at_work = spans.state == WORKING
    return (
        union_length(places[present], spans.start[present], spans.end[present], count),
        union_length(places[at_work], spans.start[at_work], spans.end[at_work], count),
    )
