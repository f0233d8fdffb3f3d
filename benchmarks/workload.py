"""The events that are sent: a plant of workers who are seen once a minute, in time order.

A working day starts at 06:00 UTC. Every worker is seen each `every` seconds: mostly working, idle for
about an eighth of the time in stretches of twenty minutes, absent when the day ends. Three events in ten
are product counts. A third of the workers change station at half-time. The same seed makes the same events.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
START = 1_735_689_600 * SECOND
"""2025-01-01T00:00:00Z."""
KINDS = ("working", "idle", "absent", "product_count")
_STRETCH = 20 * MINUTE


class Events(NamedTuple):
    """Events as columns."""

    time: Ints
    worker: Ints
    station: Ints
    kind: Ints
    units: Ints
    percent: Ints

    def take(self, rows: Ints | slice) -> Events:
        """Return the chosen events."""
        return Events(*(column[rows] for column in self))

    @staticmethod
    def join(parts: list[Events]) -> Events:
        """All of several, one behind the other."""
        return Events(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class Stream:
    """The events of a plant from START on, handed out in time order."""

    def __init__(self, *, workers: int, stations: int, shift_minutes: int, every: int = 60, seed: int = 1) -> None:
        self._workers, self._stations, self._seed = workers, stations, seed
        self._every = every * SECOND
        self._beats = shift_minutes * MINUTE // self._every
        self._day = 0
        self._waiting = self._next_day()

    @property
    def events_a_day(self) -> int:
        """About how many events a working day has."""
        return int(self._workers * self._beats / 0.7)

    def take(self, count: int) -> Events:
        """Return the next `count` events."""
        parts, there = [self._waiting], len(self._waiting.time)
        while there < count:
            parts.append(self._next_day())
            there += len(parts[-1].time)
        everything = Events.join(parts)
        self._waiting = everything.take(slice(count, None))
        return everything.take(slice(0, count))

    def _next_day(self) -> Events:
        rng = np.random.default_rng((self._seed, self._day))
        shape = (self._workers, self._beats)
        worker, beat = np.indices(shape)
        gap = self._every // self._workers
        time = START + self._day * DAY + 6 * HOUR + beat * self._every + worker * gap + rng.integers(0, gap, shape)
        stretch = beat * self._every // _STRETCH
        idle = (rng.random((self._workers, int(stretch.max()) + 1)) < 0.125)[worker, stretch]
        kind = np.where(idle, 1, 0)
        kind[:, -1] = 2
        moved = (worker % 3 == 0) & (beat * 2 >= self._beats)
        station = (worker + 7 * moved) % self._stations
        counts = (kind == 0) & (rng.random(shape) < 0.49)
        seen = Events(
            *map(np.ravel, (time, worker, station, kind, np.zeros(shape, np.int64), self._percent(rng, shape)))
        )
        made = counts.sum()
        counted = Events(
            time[counts] + self._every // 2,
            worker[counts],
            station[counts],
            np.full(made, 3),
            rng.integers(1, 6, made),
            self._percent(rng, made),
        )
        self._day += 1
        day = Events.join([seen, counted])
        return day.take(np.argsort(day.time, kind="stable"))

    @staticmethod
    def _percent(rng: np.random.Generator, shape: tuple[int, ...] | int) -> Ints:
        return rng.integers(80, 100, shape)


def disorder(events: Events, *, late: float, duplicates: float, most: int, seed: int = 2) -> tuple[Events, Ints]:
    """Return the events in the order of their arrival, and the place of each in time order.

    A share `late` arrives up to `most` events after its time, a share `duplicates` arrives a second time.
    """
    rng = np.random.default_rng(seed)
    place = np.arange(len(events.time))
    arrival = place + np.where(rng.random(len(place)) < late, rng.integers(0, most, len(place)), 0)
    again = np.flatnonzero(rng.random(len(place)) < duplicates)
    place = np.concatenate([place, again])
    arrival = np.concatenate([arrival, arrival[again] + rng.integers(1, max(most // 8, 2), len(again))])
    order = place[np.argsort(arrival, kind="stable")]
    return events.take(order), order


def json_lines(events: Events) -> list[str]:
    """Each event as a JSON object."""
    times = np.datetime_as_string(events.time.astype("datetime64[us]")).tolist()
    heads = [f'"event_type":"{kind}","confidence":0.' for kind in KINDS]
    columns = zip(times, *(column.tolist() for column in events[1:]), strict=True)
    return [
        f'{{"timestamp":"{time}Z","worker_id":"W{worker}","workstation_id":"S{station}",{heads[kind]}{percent}'
        + (f',"count":{units}}}' if kind == 3 else "}")
        for time, worker, station, kind, units, percent in columns
    ]


def json_arrays(events: Events, events_a_body: int) -> list[bytes]:
    """Bodies for the batch route."""
    lines = json_lines(events)
    return [
        ("[" + ",".join(lines[first : first + events_a_body]) + "]").encode()
        for first in range(0, len(lines), events_a_body)
    ]
