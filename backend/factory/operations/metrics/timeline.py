"""The states of workers or workstations in the course of time, to be drawn: exactly, or by buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.errors import FieldError, InvalidInput, NotFound
from factory.domain.event import IDLE, STATE_NAMES, UNKNOWN, WORKING
from factory.domain.metrics.window import Window, window_of
from factory.domain.privacy import Audience
from factory.domain.states.ranges import pack, take
from factory.domain.states.stretches import STATION_STATES, station_stretches
from factory.domain.states.time_ranges import TimeRange, TimeRanges
from factory.domain.states.totals import OccupancyRows, PresenceRows
from factory.domain.timestamp import DAY, MILLISECOND, SECOND
from factory.operations.derive.refresh import read_up_to_date
from factory.operations.metrics.entities import Entity, entities, keys_of
from factory.operations.metrics.series import buckets_of, in_portions
from factory.operations.metrics.window_totals import BucketedWindow, WindowReader
from factory.operations.metrics.withheld import ToldDays
from factory.operations.visible_workers import Persons
from factory.store.derived import window_reads
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.factories import Factory

Ints = npt.NDArray[np.int64]
Rows = list[dict[str, Any]]

BUCKETS = ("15m", "hour", "day")
MAX_IDS = 200
MAX_EXACT_DAYS = 8
MAX_COLUMNS = 1_500
MAX_CELLS = 100_000
_STATION_COLUMNS = ("productive", "occupied", "units")


class Timeline(NamedTuple):
    """JSON-ready: `data` with a row for each entity, and the fields `beside` it.

    `named` are the workers at workstations that are named to an audience that sees persons.
    """

    data: list[dict[str, Any]]
    beside: dict[str, Any]
    named: Sequence[str] = ()


def query_timeline(
    *,
    store: Store,
    factory_id: str,
    entity: str,
    ids: Sequence[str] | None,
    bucket: str | None,
    start: int | None,
    end: int | None,
    now: int,
    audience: Audience,
) -> Timeline:
    """SPEC section 4, Timeline, of `entity` worker or workstation: those of the ids in their order, or all by id.

    Instants in microseconds; `bucket` is one of BUCKETS or None. For an audience that sees no persons the window is
    cut to whole days: a workstation's cell by day that is withheld is null, and any other row has nothing to draw.
    Raises InvalidInput where too much is asked for or start is after end, NotFound for an unknown factory, worker or
    workstation, NotAllowed where it would tell the audience of single persons.
    """

    def read(tx: Connection, factory: Factory) -> Timeline:
        window = window_of(start, end, factory.first_event_at, now)
        persons = Persons(tx, factory, audience)
        rows = _rows(tx, factory, entity, ids, persons)
        if entity == "worker":
            persons.refuse_traces()
        keys = keys_of(rows)
        reader = WindowReader(store, tx, factory, keys.tolist() if entity == "worker" else None)
        if bucket is None and window.elapsed > MAX_EXACT_DAYS * DAY:
            raise _refusal("window_too_long", "to", f"without bucket a window has at most {MAX_EXACT_DAYS} days")
        if persons.k_min > 1:
            told = ToldDays(reader, persons, window)
            window = told.window
            data, beside = _told(told, keys, bucket)
        elif bucket is None:
            exact = _exact_workers if entity == "worker" else _exact_stations
            data, beside = exact(reader, keys, window, persons)
        else:
            data, beside = _by_buckets(reader, entity, keys, bucket, window)
        drawn = [{"id": row.id, "name": row.name} | one for row, one in zip(rows, data, strict=True)]
        beside["window"] = window.rendered(factory.time_zone, factory.state_timeout_seconds)
        return Timeline(drawn, beside, beside.get("workers", ()) if persons.are_shown else ())

    return read_up_to_date(store=store, factory_id=factory_id, read=read)


def _refusal(code: str, field: str, message: str) -> InvalidInput:
    fault: FieldError = {"field": field, "code": code, "message": message}
    return InvalidInput(f"{field}: {message}", code=code, errors=[fault])


def _rows(tx: Connection, factory: Factory, entity: str, ids: Sequence[str] | None, persons: Persons) -> list[Entity]:
    """Return the entities to answer for."""
    rows = entities(tx, factory, entity, persons)
    if ids is not None:
        known = {row.id: row for row in rows}
        if not known.keys() >= set(ids):
            raise NotFound(f"{entity.capitalize()} not found", code=f"{entity}_not_found")
        return [known[one] for one in ids]
    if len(rows) > MAX_IDS:
        raise _refusal("too_many_ids", "id", f"must name at most {MAX_IDS} of the {len(rows):,} {entity}s")
    return rows


def _by_buckets(
    reader: WindowReader, entity: str, keys: Ints, bucket: str, window: Window
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    buckets = _columns_of(reader, keys, bucket, window)
    portions = [
        _worker_columns(bucketed, keys) if entity == "worker" else _station_columns(bucketed, keys)
        for bucketed in in_portions(reader, bucket, buckets, None if entity == "worker" else keys.tolist())
    ]
    names = ("working", "idle", "absent", "units") if entity == "worker" else _STATION_COLUMNS
    empty = [np.empty((len(keys), 0), dtype=np.int64)]
    columns = [np.concatenate(empty + [portion[name] for portion in portions], axis=1).tolist() for name in names]
    data = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return data, {"columns": [start // MILLISECOND for start, _ in buckets]}


def _columns_of(reader: WindowReader, keys: Ints, bucket: str, window: Window) -> list[TimeRange]:
    buckets = buckets_of(reader, bucket, window)
    if len(buckets) > MAX_COLUMNS:
        raise _refusal("too_many_buckets", "bucket", f"more than {MAX_COLUMNS:,} buckets")
    if len(buckets) * len(keys) > MAX_CELLS:
        raise _refusal("too_many_cells", "bucket", f"more than {MAX_CELLS:,} buckets of all rows together")
    return buckets


def _told(told: ToldDays, keys: Ints, bucket: str | None) -> tuple[Rows, dict[str, Any]]:
    """Return the rows of workstations for an audience that sees no persons: seconds by day, null where withheld."""
    withheld = {"withheld": True}
    if bucket is None:
        return [withheld for _ in keys], {"states": list(STATION_STATES), "workers": []}
    buckets = _columns_of(told.reader, keys, bucket, told.window)
    beside = {"columns": [start // MILLISECOND for start, _ in buckets]}
    if bucket != "day" or not buckets:
        return [withheld for _ in keys], beside
    presence, occupancy, elapsed = told.of_stations(buckets)
    columns = _sums_of_stations(presence, occupancy, keys, len(buckets))
    seen = elapsed[:, told.stations.searchsorted(keys)].T > 0
    rows = [
        {
            name: [
                one if shown else None for one, shown in zip(columns[name][n].tolist(), seen[n].tolist(), strict=True)
            ]
            for name in _STATION_COLUMNS
        }
        if seen[n].any()
        else withheld
        for n in range(len(keys))
    ]
    return rows, beside


def _grid(keys: Ints, buckets: int) -> Ints:
    """Each of the keys in each bucket, packed as (bucket, key): key by key."""
    return pack(np.arange(buckets), keys[:, None]).ravel()


def _seconds(us: Ints) -> Ints:
    return np.rint(us / SECOND).astype(np.int64)


def _worker_columns(bucketed: BucketedWindow, keys: Ints) -> dict[str, Ints]:
    """Return a row for each worker, a column for each bucket."""
    presence = bucketed.presence()
    sums = presence.sums_for(_grid(keys, len(bucketed.starts)), pack(presence.bucket, presence.worker))
    shape = (len(keys), len(bucketed.starts))
    return {
        "working": _seconds(sums.active).reshape(shape),
        "idle": _seconds(sums.idle).reshape(shape),
        "absent": _seconds(sums.absent).reshape(shape),
        "units": sums.units.reshape(shape),
    }


def _station_columns(bucketed: BucketedWindow, keys: Ints) -> dict[str, Ints]:
    """Return a row for each workstation, a column for each bucket."""
    return _sums_of_stations(bucketed.presence(), bucketed.occupancy(), keys, len(bucketed.starts))


def _sums_of_stations(presence: PresenceRows, occupancy: OccupancyRows, keys: Ints, buckets: int) -> dict[str, Ints]:
    wanted, shape = _grid(keys, buckets), (len(keys), buckets)
    times = occupancy.sums_for(wanted, pack(occupancy.bucket, occupancy.station))
    sums = presence.sums_for(wanted, pack(presence.bucket, presence.station))
    return {
        "productive": _seconds(times.productive).reshape(shape),
        "occupied": _seconds(times.occupied - times.productive).reshape(shape),
        "units": sums.units.reshape(shape),
    }


def _exact_workers(reader: WindowReader, keys: Ints, window: Window, persons: Persons) -> tuple[Rows, dict[str, Any]]:
    """Return a row for each worker, ordered as the keys, and the `states` and `workstations` that the rows index."""
    spans = reader.spans_in((window.start, window.end))
    known = spans.state != UNKNOWN
    names = id_registry.names_of(reader.tx, reader.factory.factory_key, "workstation")
    stations, place = _numbered(spans.station[known], names)
    station = np.full(len(known), None, dtype=object)
    station[known] = place
    start, state = (spans.start // MILLISECOND).tolist(), spans.state.tolist()
    at_station = station.tolist()
    rows = []
    for low, high in _bounds(spans.group, keys):
        first = int(spans.start[low]) if low < high else window.end
        unseen = window.start < first  # before the first state event
        rows.append(
            {
                "start": [window.start // MILLISECOND] * unseen + start[low:high],
                "state": [UNKNOWN] * unseen + state[low:high],
                "workstation": [None] * unseen + at_station[low:high],
            }
        )
    states = [STATE_NAMES[code] for code in sorted(STATE_NAMES)]
    return _with_units(reader, "worker", keys, window, rows), {"states": states, "workstations": stations}


def _exact_stations(reader: WindowReader, keys: Ints, window: Window, persons: Persons) -> tuple[Rows, dict[str, Any]]:
    """Return a row for each workstation, ordered as the keys, and the `states` and `workers` that the rows index."""
    spans = reader.spans_in(*([(window.start, window.end)] if len(keys) else []))
    order = np.argsort(keys)
    place = np.minimum(np.searchsorted(keys, spans.station, sorter=order), len(keys) - 1)
    here = ((spans.state == WORKING) | (spans.state == IDLE)) & (keys[order][place] == spans.station)
    spans, place = take(spans, here), order[place[here]]
    workers, who = _numbered(spans.group, persons.names)
    rows: Rows = [{"start": [], "state": [], "workers": []} for _ in keys]
    if window.start < window.end:
        stretches = station_stretches(spans._replace(group=who), place, len(keys), window.start, window.end)
        start, state, present = (stretches.start // MILLISECOND).tolist(), stretches.state.tolist(), stretches.present()
        if persons.figures_only:
            workers, present = [], [[] for _ in present]
        rows = [
            {"start": start[low:high], "state": state[low:high], "workers": present[low:high]}
            for low, high in _bounds(stretches.place, np.arange(len(keys)))
        ]
    return _with_units(reader, "station", keys, window, rows), {"states": list(STATION_STATES), "workers": workers}


def _with_units(reader: WindowReader, by: str, keys: Ints, window: Window, rows: Rows) -> Rows:
    """Return the rows with `units_at` and `units`; `by` is worker or station."""
    ranges = TimeRanges.of_each(reader.workers, window.start, window.end)
    key, at, units = window_reads.units_by_instant(reader.store, reader.tx, reader.factory, ranges, by)
    wanted = np.searchsorted(ranges.worker, keys) if by == "worker" else keys
    for row, (low, high) in zip(rows, _bounds(key, wanted), strict=True):
        row["units_at"], row["units"] = at[low:high].tolist(), units[low:high].tolist()
    return rows


def _bounds(column: Ints, keys: Ints) -> list[tuple[int, int]]:
    """Where the rows of each key begin and end in a column that ascends."""
    low, high = (np.searchsorted(column, keys, side=side).tolist() for side in ("left", "right"))
    return list(zip(low, high, strict=True))


def _numbered(keys: Ints, names: Mapping[int, str]) -> tuple[list[str], Ints]:
    """Return the names of the distinct keys in code-point order, and the place of each key's name among them."""
    distinct, place = np.unique(keys, return_inverse=True)
    found = [names[key] for key in distinct.tolist()]
    order = sorted(range(len(found)), key=found.__getitem__)
    rank = np.empty(len(found), dtype=np.int64)
    rank[order] = np.arange(len(found))
    return [found[n] for n in order], rank[place]
