"""The states of workers or workstations in the course of time, to be drawn: exactly, or by buckets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from factory.domain.errors import FieldError, InvalidInput, NotFound
from factory.domain.metrics.window import Window, window_of
from factory.domain.privacy import Audience
from factory.domain.states.sums import Columns, Sums
from factory.domain.timestamp import DAY, MILLISECOND, SECOND
from factory.operations.derive.refresh import read_up_to_date
from factory.operations.metrics.exact_timeline import exact_stations, exact_workers
from factory.operations.metrics.series import buckets_of, in_portions
from factory.operations.metrics.suppression import hidden_stations
from factory.operations.metrics.window_totals import Gatherer, Series
from factory.operations.visible_workers import Persons
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.factories import Factory

Ints = npt.NDArray[np.int64]

BUCKETS = ("15m", "hour", "day")
MAX_IDS = 200
MAX_EXACT_DAYS = 8
MAX_COLUMNS = 1_500
MAX_CELLS = 100_000


class Timeline(NamedTuple):
    """JSON-ready: `data` with a row an entity, and what stands `beside` it."""

    data: list[dict[str, Any]]
    beside: dict[str, Any]


def query_timeline(
    *,
    store: Store,
    factory: str,
    entity: str,
    ids: Sequence[str] | None,
    bucket: str | None,
    start: int | None,
    end: int | None,
    now: int,
    audience: Audience,
) -> Timeline:
    """SPEC section 4, Timeline, of `entity` worker or workstation: those of the ids in their order, or all by id.

    Instants in microseconds; `bucket` is one of BUCKETS or None. A workstation's row that is withheld from the
    audience has nothing to draw. Raises InvalidInput where too much is asked for or start is after end, NotFound for
    an unknown factory, worker or workstation, NotAllowed where it would tell the audience of single persons.
    """

    def read(tx: Connection, site: Factory) -> Timeline:
        window = window_of(start, end, site.first_event_at, now)
        persons = Persons(tx, site, audience)
        rows = _rows(tx, site, entity, ids, persons)
        if entity == "worker":
            persons.refuse_traces()
        keys = np.array([row[0] for row in rows], dtype=np.int64)
        gatherer = Gatherer(store, tx, site, keys.tolist() if entity == "worker" else None)
        hidden = hidden_stations(gatherer, persons, window) if entity == "workstation" else set()
        shown = np.array([key for key in keys.tolist() if key not in hidden], dtype=np.int64)
        if bucket is None:
            if window.elapsed > MAX_EXACT_DAYS * DAY:
                raise _refusal("window_too_long", "to", f"without bucket a window has at most {MAX_EXACT_DAYS} days")
            exact = exact_workers if entity == "worker" else exact_stations
            data, beside = exact(gatherer, shown, window, persons)
        else:
            data, beside = _by_buckets(gatherer, entity, shown, bucket, window)
        of = dict(zip(shown.tolist(), data, strict=True))
        named = [{"id": row[1], "name": row.name} | of.get(row[0], {"withheld": True}) for row in rows]
        return Timeline(named, beside | {"window": window.rendered(site.time_zone, site.state_timeout_seconds)})

    return read_up_to_date(store=store, factory=factory, read=read)


def _refusal(code: str, field: str, message: str) -> InvalidInput:
    fault: FieldError = {"field": field, "code": code, "message": message}
    return InvalidInput(f"{field}: {message}", code=code, errors=[fault])


def _rows(tx: Connection, site: Factory, entity: str, ids: Sequence[str] | None, persons: Persons) -> list[Any]:
    """The registry rows to answer for: (key, id, name and more)."""
    rows: list[Any] = [*persons.rows()] if entity == "worker" else id_registry.rows_of(tx, site.factory_key, entity)
    if ids is not None:
        known = {row[1]: row for row in rows}
        if not known.keys() >= set(ids):
            raise NotFound(f"{entity.capitalize()} not found", code=f"{entity}_not_found")
        return [known[one] for one in ids]
    if len(rows) > MAX_IDS:
        raise _refusal("too_many_ids", "id", f"must name at most {MAX_IDS} of the {len(rows):,} {entity}s")
    return rows


def _by_buckets(
    gatherer: Gatherer, entity: str, keys: Ints, bucket: str, window: Window
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    stretches = buckets_of(gatherer, bucket, window)
    if len(stretches) > MAX_COLUMNS:
        raise _refusal("too_many_buckets", "bucket", f"more than {MAX_COLUMNS:,} buckets")
    if len(stretches) * len(keys) > MAX_CELLS:
        raise _refusal("too_many_cells", "bucket", f"more than {MAX_CELLS:,} buckets of all rows together")
    portions = [
        _worker_columns(series, keys) if entity == "worker" else _station_columns(series, keys)
        for series in in_portions(gatherer, bucket, stretches, None if entity == "worker" else keys.tolist())
    ]
    names = ("working", "idle", "absent", "units") if entity == "worker" else ("productive", "occupied", "units")
    empty = [np.empty((len(keys), 0), dtype=np.int64)]
    columns = [np.concatenate(empty + [portion[name] for portion in portions], axis=1).tolist() for name in names]
    data = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return data, {"columns": [low // MILLISECOND for low, _ in stretches]}


def _grid(rows: Columns, key: str, keys: Ints, series: Series, *names: str) -> list[Ints]:
    """The sums of columns by each of the keys and, in each row, by bucket."""
    sums = Sums(rows, (rows["bucket"] << 32) | rows[key])
    wanted = (np.arange(len(series.starts)) << 32) | keys[:, None]
    return [sums.of(wanted.ravel(), name).reshape(wanted.shape) for name in names]


def _seconds(us: Ints) -> Ints:
    return np.rint(us / SECOND).astype(np.int64)


def _worker_columns(series: Series, keys: Ints) -> dict[str, Ints]:
    active, idle, absent, units = _grid(series.presence(), "worker", keys, series, "active", "idle", "absent", "units")
    return {"working": _seconds(active), "idle": _seconds(idle), "absent": _seconds(absent), "units": units}


def _station_columns(series: Series, keys: Ints) -> dict[str, Ints]:
    occupied, productive = _grid(series.occupancy(), "station", keys, series, "occupied", "productive")
    (units,) = _grid(series.presence(), "station", keys, series, "units")
    return {"productive": _seconds(productive), "occupied": _seconds(occupied - productive), "units": units}
