"""The intervals behind a number (SPEC section 4, Explain)."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Connection

from factory.domain.event import IDLE, STATE_NAMES, UNKNOWN, WORKING
from factory.domain.metrics.window import Window, window_of
from factory.domain.privacy import Audience
from factory.domain.states.intervals import Spans
from factory.domain.states.ranges import take
from factory.domain.states.stretches import STATION_STATES, station_stretches
from factory.domain.timestamp import SECOND, format_timestamp
from factory.operations.derive.refresh import read_up_to_date
from factory.operations.derive.simultaneous_events import winners_at
from factory.operations.events.render import Renderer
from factory.operations.metrics.entities import entity_or_not_found
from factory.operations.metrics.metrics import MetricsAnswer
from factory.operations.metrics.window_totals import WindowReader
from factory.operations.visible_workers import Persons
from factory.store.engine.database import Store
from factory.store.events import id_registry
from factory.store.factories import Factory


def explain_intervals(
    *,
    store: Store,
    factory_id: str,
    entity: str,
    entity_id: str,
    start: int | None,
    end: int | None,
    now: int,
    audience: Audience,
) -> MetricsAnswer:
    """Return the intervals of a worker, or the stretches of a workstation, cut to the window and gapless in it.

    Instants in microseconds. Raises NotFound for an unknown factory, worker or workstation, InvalidInput
    when start is after end, NotAllowed where they would tell the audience of single persons.
    """

    def read(tx: Connection, factory: Factory) -> MetricsAnswer:
        window = window_of(start, end, factory.first_event_at, now)
        persons = Persons(tx, factory, audience)
        key = entity_or_not_found(tx, factory, entity, entity_id, persons).key
        reader = WindowReader(store, tx, factory)
        data = (_of_worker if entity == "worker" else _of_station)(reader, key, window, persons)
        named = {worker for row in data for worker in row.get("worker_ids", ())} if persons.are_shown else set()
        rendered = window.rendered(factory.time_zone, factory.state_timeout_seconds)
        return MetricsAnswer(data, rendered, sorted(named))

    return read_up_to_date(store=store, factory_id=factory_id, read=read)


def _row(start: int, end: int, state: str) -> dict[str, Any]:
    return {
        "start": format_timestamp(start),
        "end": format_timestamp(end),
        "state": state,
        "duration_seconds": (end - start) / SECOND,
    }


def _of_worker(reader: WindowReader, key: int, window: Window, persons: Persons) -> list[dict[str, Any]]:
    persons.refuse_traces()
    tx, factory = reader.tx, reader.factory
    spans, opened = reader.spans_with_opening((window.start, window.end), key)
    stations = id_registry.names_of(tx, factory.factory_key, "workstation")
    render = Renderer(tx, factory, persons)
    rows = []
    known_from = window.end if len(spans.start) == 0 else int(spans.start[0])
    if window.start < known_from:
        rows.append(_row(window.start, known_from, "unknown") | {"workstation_id": None, "event": None})
    events = winners_at(reader.store, tx, factory.factory_key, np.full(len(opened), key), opened)
    for start, end, state, station, opening, event in zip(
        *(column.tolist() for column in (spans.start, spans.end, spans.state, spans.station, opened)),
        events,
        strict=True,
    ):
        rows.append(
            _row(start, end, STATE_NAMES[state])
            | {
                "workstation_id": None if state == UNKNOWN else stations[station],
                "event": None if event is None else render.event(key, opening, event[1:]),
            }
        )
    return rows


def _of_station(reader: WindowReader, key: int, window: Window, persons: Persons) -> list[dict[str, Any]]:
    if window.start == window.end:
        return []
    persons.refuse_traces()
    spans = reader.spans_in((window.start, window.end))
    present = (spans.state == WORKING) | (spans.state == IDLE)
    here: Spans = take(spans, present & (spans.station == key))
    stretches = station_stretches(here, np.zeros_like(here.group), 1, window.start, window.end)
    return [
        _row(start, end, STATION_STATES[state]) | {"worker_ids": persons.ids(workers)}
        for start, end, state, workers in zip(
            *(column.tolist() for column in (stretches.start, stretches.end, stretches.state)),
            stretches.present(),
            strict=True,
        )
    ]
