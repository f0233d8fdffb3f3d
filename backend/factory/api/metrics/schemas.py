"""The schemas of all answers; see http/schemas.py."""

from __future__ import annotations

from factory.api.access.schemas import ACCESS_ANSWERS
from factory.api.http.schemas import (
    BOOLEAN,
    COUNT,
    EVENT_TYPE,
    ID,
    INSTANT,
    LIVE_STATES,
    PERSON_VIEWS,
    SHIFTS,
    TEXT,
    TIMEOUT,
    Schema,
    an_object,
    constant,
    list_of,
    many,
    nullable,
    one,
    ref,
)
from factory.api.metrics.figures import (
    CUT_TO,
    FIGURE_COUNT,
    HOURS,
    LEFT_OUT,
    METRIC_FIELDS,
    VALUE,
    WITHHELD,
    WITHHELD_HOURS,
    figures,
)
from factory.api.privacy.schemas import PRIVACY_ANSWERS
from factory.domain.event import STATE_NAMES
from factory.domain.states.stretches import STATION_STATES

MILLISECONDS: Schema = {"type": "integer", "description": "Since the Unix epoch."}
_WORKER = {"worker_id": ID, "name": TEXT}
_WORKSTATION = {"workstation_id": ID, "station_id": ID, "name": TEXT, "type": TEXT}
_FACTORY = {
    "factory_id": ID,
    "name": TEXT,
    "time_zone": TEXT,
    "state_timeout_seconds": TIMEOUT,
    "shifts": SHIFTS,
    "person_views": PERSON_VIEWS,
    "live_states": LIVE_STATES,
}
_FACTORY_COUNTS = {
    **dict.fromkeys(("worker_count", "station_count"), COUNT),
    **dict.fromkeys(("active_worker_count", "active_station_count"), FIGURE_COUNT),
}
WORKER_STATE: Schema = {"type": "string", "enum": list(STATE_NAMES.values())}
STATION_STATE: Schema = {"type": "string", "enum": list(STATION_STATES)}
_STORED_EVENT: dict[str, Schema] = {
    "timestamp": INSTANT,
    "worker_id": ID,
    "workstation_id": ID,
    "event_type": EVENT_TYPE,
    "count": nullable(COUNT),
    "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    "event_id": nullable(TEXT),
    "source_id": nullable(TEXT),
    "model_version": nullable(TEXT),
}
_FAILURE = an_object({"index": COUNT, "code": TEXT, "field": nullable(TEXT), "message": TEXT})


_DRAWN: dict[str, Schema] = {
    "start": list_of(MILLISECONDS),
    "state": list_of(COUNT),
    "workstation": list_of(nullable(COUNT)),
    "workers": list_of(list_of(COUNT)),
    "units_at": list_of(MILLISECONDS),
    **dict.fromkeys(("working", "idle", "absent"), list_of(COUNT)),
    **dict.fromkeys(("productive", "occupied"), list_of(FIGURE_COUNT)),
}
_DRAWN_BESIDE = {
    **dict.fromkeys(("states", "workstations", "workers"), list_of(TEXT)),
    "columns": list_of(MILLISECONDS),
}
_WINDOW = {"window": ref("Window")}

ANSWERS: dict[str, Schema] = {
    "Health": an_object({"status": constant("healthy"), "timestamp": INSTANT, "version": TEXT}),
    "Readiness": an_object({"ready": BOOLEAN, "timestamp": INSTANT, "version": TEXT}),
    "Factory": an_object(_FACTORY),
    "FactoryAnswer": one(ref("Factory")),
    "FactoriesAnswer": many(ref("Factory")),
    "TimeZone": an_object(
        {
            "time_zone": TEXT,
            "version": TEXT,
            "offsets": {
                "type": "array",
                "items": an_object({"from": INSTANT, "offset_seconds": {"type": "integer"}, "abbreviation": TEXT}),
            },
        }
    ),
    "TimeZoneAnswer": one(ref("TimeZone")),
    "Worker": an_object(_WORKER),
    "WorkerAnswer": one(ref("Worker")),
    "WorkersAnswer": many(ref("Worker"), LEFT_OUT, optional=("left_out",)),
    "Workstation": an_object(_WORKSTATION),
    "WorkstationAnswer": one(ref("Workstation")),
    "WorkstationsAnswer": many(ref("Workstation"), LEFT_OUT, optional=("left_out",)),
    "EventAnswer": an_object(
        {
            "message": TEXT,
            "status": {"type": "integer", "enum": [200, 201]},
            "duplicate": BOOLEAN,
            "timestamp": INSTANT,
        }
    ),
    "BatchAnswer": an_object(
        {
            "message": TEXT,
            **dict.fromkeys(
                ("success_count", "created_count", "duplicate_count", "failed_count", "total_count"), COUNT
            ),
            "failed_indices": list_of(COUNT),
            "errors": list_of(_FAILURE),
            "timestamp": INSTANT,
        }
    ),
    "StoredEvent": an_object({**_STORED_EVENT, "received_at": INSTANT}),
    "EventsAnswer": many(ref("StoredEvent"), {"next_cursor": nullable(TEXT)}),
    "Window": an_object(
        {
            "from": INSTANT,
            "to": INSTANT,
            "elapsed_hours": HOURS,
            "evaluated_at": INSTANT,
            "time_zone": TEXT,
            "state_timeout_seconds": TIMEOUT,
            "definitions_version": {"type": "integer"},
            "cut_to": CUT_TO,
        },
        optional=("cut_to",),
    ),
    "FactoryMetrics": figures({**METRIC_FIELDS["factory"], **_FACTORY_COUNTS}),
    "FactoryMetricsAnswer": one(ref("FactoryMetrics"), _WINDOW),
    "OrganisationMetricsAnswer": many(
        figures(
            {
                "factory_id": ID,
                "name": TEXT,
                "time_zone": TEXT,
                "window": an_object(
                    {"from": INSTANT, "to": INSTANT, "elapsed_hours": HOURS, "cut_to": CUT_TO}, optional=("cut_to",)
                ),
                **METRIC_FIELDS["factory"],
                **_FACTORY_COUNTS,
            }
        )
    ),
    "WorkerMetrics": figures({**_WORKER, **METRIC_FIELDS["worker"]}),
    "WorkerMetricsAnswer": one(ref("WorkerMetrics"), _WINDOW),
    "WorkersMetricsAnswer": many(ref("WorkerMetrics"), _WINDOW | LEFT_OUT, optional=("left_out",)),
    "WorkstationMetrics": figures({**_WORKSTATION, **METRIC_FIELDS["workstation"]}),
    "WorkstationMetricsAnswer": one(ref("WorkstationMetrics"), _WINDOW),
    "WorkstationsMetricsAnswer": many(ref("WorkstationMetrics"), _WINDOW | LEFT_OUT, optional=("left_out",)),
    "SeriesAnswer": many(
        an_object(
            {
                "start": INSTANT,
                "end": INSTANT,
                "value": VALUE,
                "values": {"type": "object", "additionalProperties": VALUE},
                "withheld": WITHHELD,
                "withheld_hours": WITHHELD_HOURS,
            },
            optional=("value", "values", "withheld", "withheld_hours"),
        ),
        _WINDOW,
    ),
    "WorkerIntervalsAnswer": many(
        an_object(
            {
                "start": INSTANT,
                "end": INSTANT,
                "state": WORKER_STATE,
                "workstation_id": nullable(ID),
                "duration_seconds": HOURS,
                "event": {"type": ["object", "null"], "properties": _STORED_EVENT},
            }
        ),
        _WINDOW,
    ),
    "WorkstationIntervalsAnswer": many(
        an_object(
            {
                "start": INSTANT,
                "end": INSTANT,
                "state": STATION_STATE,
                "worker_ids": list_of(ID),
                "duration_seconds": HOURS,
            }
        ),
        _WINDOW,
    ),
    "NowAnswer": one(
        an_object(
            {
                "workers": list_of(
                    an_object(
                        {
                            **_WORKER,
                            "state": {"type": ["string", "null"], "enum": [*STATE_NAMES.values(), None]},
                            "workstation_id": nullable(ID),
                            "since": {**nullable(INSTANT), "description": "null of a worker who was never seen."},
                            "withheld": WITHHELD,
                        },
                        optional=("withheld",),
                    )
                ),
                "workstations": list_of(
                    an_object(
                        {
                            "workstation_id": ID,
                            "name": TEXT,
                            "type": TEXT,
                            "state": {"type": ["string", "null"], "enum": [*STATION_STATES, None]},
                            "worker_ids": list_of(ID),
                            "withheld": WITHHELD,
                        },
                        optional=("withheld",),
                    )
                ),
                "active_worker_count": FIGURE_COUNT,
                "active_station_count": FIGURE_COUNT,
                "last_event_at": {**nullable(INSTANT), "description": "Cut to the minute."},
                "withheld": WITHHELD,
                "workers_left_out": LEFT_OUT["left_out"],
                "workstations_left_out": LEFT_OUT["left_out"],
            },
            optional=("withheld", "workers_left_out", "workstations_left_out"),
        )
    ),
    "TimelineAnswer": many(
        an_object(
            {"id": ID, "name": TEXT, "units": list_of(FIGURE_COUNT), **_DRAWN, "withheld": WITHHELD},
            optional=("units", *_DRAWN, "withheld"),
        ),
        {**_WINDOW, **_DRAWN_BESIDE},
        optional=tuple(_DRAWN_BESIDE),
    ),
    **ACCESS_ANSWERS,
    **PRIVACY_ANSWERS,
    "DemoAnswer": one(an_object({"enabled": BOOLEAN})),
    "SeedAnswer": one({"type": "object"}),
    "Error": an_object(
        {
            "error": {"type": "string", "description": "What is wrong, for a person."},
            "code": {"type": "string", "description": "The same for a machine."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "timestamp": INSTANT,
            "path": TEXT,
            "request_id": TEXT,
            "errors": list_of(an_object({"field": TEXT, "code": TEXT, "message": TEXT})),
        },
        optional=("errors",),
    ),
}
