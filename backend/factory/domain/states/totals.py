"""Totals of buckets of time, as whole microseconds and units that add up exactly.

A bucket is known by its start in roll-ups, and by its place in a series; a window is a series of one. Several rows of
one key add up: the rows of a day are the sum of those of its hours.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from factory.domain.event import ABSENT, IDLE, WORKING
from factory.domain.states.intervals import Spans, occupancy
from factory.domain.states.lazy_table import Column, LazyTable
from factory.domain.states.ranges import pack, take, unpack

Ints = npt.NDArray[np.int64]


class PresenceRows(LazyTable):
    """Totals of workers at stations: microseconds in each known state, units, events."""

    bucket = Column(is_key=True)
    worker = Column(is_key=True)
    station = Column(is_key=True)
    active = Column()
    idle = Column()
    absent = Column()
    units = Column()
    events = Column()


class OccupancyRows(LazyTable):
    """Totals of stations: microseconds in which anybody was there, and in which anybody worked there."""

    bucket = Column(is_key=True)
    station = Column(is_key=True)
    occupied = Column()
    productive = Column()


class KeptRows(LazyTable):
    """Removed raw events, as they are kept: microseconds from the start of the bucket, worker, station, units."""

    bucket = Column(is_key=True)
    offset = Column(is_key=True)
    worker = Column(is_key=True)
    station = Column(is_key=True)
    units = Column()


def presence_of_pieces(pieces: Spans, bucket: Ints) -> PresenceRows:
    """Return the rows of spans that lie in one bucket each; the group is the worker."""
    length = pieces.end - pieces.start
    active, idle, absent = (np.where(pieces.state == state, length, 0) for state in (WORKING, IDLE, ABSENT))
    return PresenceRows.of(
        bucket=bucket, worker=pieces.group, station=pieces.station, active=active, idle=idle, absent=absent
    )


def presence_of_counts(bucket: Ints, worker: Ints, station: Ints, units: Ints, events: Ints) -> PresenceRows:
    """Return the rows of counted events."""
    return PresenceRows.of(bucket=bucket, worker=worker, station=station, units=units, events=events)


def occupancy_of_pieces(pieces: Spans, bucket: Ints, starts: Ints) -> OccupancyRows:
    """Return the rows of spans that lie in one bucket each; a bucket is a place in `starts`."""
    there = (pieces.state == WORKING) | (pieces.state == IDLE)
    pieces, bucket = take(pieces, there), bucket[there]
    # Counted from the beginning of its bucket a time is small, however long the series.
    pieces = pieces._replace(start=pieces.start - starts[bucket], end=pieces.end - starts[bucket])
    codes, place = np.unique(pack(bucket, pieces.station), return_inverse=True)
    bucket, station = unpack(codes)
    occupied, productive = occupancy(pieces, place, len(codes))
    return OccupancyRows.of(bucket=bucket, station=station, occupied=occupied, productive=productive)


def sum_by_key(rows: PresenceRows) -> PresenceRows:
    """One row for each worker at each station in each bucket, in this order of columns: bucket, worker, station."""
    return rows.sum_by(rows.bucket, rows.worker, rows.station)


def sum_by_station(rows: OccupancyRows) -> OccupancyRows:
    """One row for each station in each bucket. Occupancy adds up over time, never over workers."""
    return rows.sum_by(rows.bucket, rows.station)
