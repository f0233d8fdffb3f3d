"""JSON Schemas of bodies and answers (2020-12, as in OpenAPI 3.1), declared once for both documents.

Nothing here validates a request; the tests hold what is served to the schemas.
"""

from __future__ import annotations

from typing import Any

from factory.domain.event import EVENT_TYPES, MAX_COUNT
from factory.domain.names import NAME_PATTERN
from factory.domain.shifts import MAX_SHIFT_NAME, MAX_SHIFTS, TIME_OF_DAY

Schema = dict[str, Any]

ID_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
NO_CONTROLS = "^[^\\x00-\\x1f\\x7f-\\x9f]*$"


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def nullable(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def an_object(properties: dict[str, Schema], *, optional: tuple[str, ...] = (), **more: Any) -> Schema:
    """Return an object of exactly these properties, all of them present but the optional ones."""
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
        **more,
    }


def constant(text: str) -> Schema:
    return {"type": "string", "enum": [text]}


TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
BOOLEAN: Schema = {"type": "boolean"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
ID: Schema = {"type": "string", "pattern": ID_PATTERN}
EVENT_TYPE: Schema = {"type": "string", "enum": list(EVENT_TYPES)}


def label(longest: int, description: str) -> Schema:
    text = {"type": ["string", "null"], "minLength": 1, "maxLength": longest, "pattern": NO_CONTROLS}
    return {**text, "description": description}


def one(data: Schema, beside: dict[str, Schema] | None = None, *, optional: tuple[str, ...] = ()) -> Schema:
    """Return the answer `{"status","data","timestamp"}`, and the fields in `beside`."""
    properties = {"status": constant("success"), "data": data, **(beside or {}), "timestamp": INSTANT}
    return an_object(properties, optional=optional)


def many(items: Schema, beside: dict[str, Schema] | None = None, *, optional: tuple[str, ...] = ()) -> Schema:
    """Return the answer with a list of items as data, and their `count`."""
    return one(list_of(items), {**(beside or {}), "count": COUNT}, optional=optional)


# In an optional field null is the same as its absence.
NAME: Schema = {"type": ["string", "null"], "minLength": 1, "maxLength": 200, "pattern": NAME_PATTERN}
NEW_NAME: Schema = {**NAME, "description": "The id where it is left out."}
STATION_TYPE: Schema = {"type": ["string", "null"], "maxLength": 200, "pattern": f"^$|{NAME_PATTERN}"}
TIMEOUT: Schema = {
    "type": "integer",
    "minimum": 0,
    "maximum": 604_800,
    "description": "Seconds after which silence becomes unknown; 0 means no limit.",
}
TIME: Schema = {"type": "string", "pattern": TIME_OF_DAY}
SHIFTS: Schema = {
    "type": "array",
    "maxItems": MAX_SHIFTS,
    "description": "In local time. Names are distinct; an end that is not after its start is of the next day.",
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": MAX_SHIFT_NAME, "pattern": NAME_PATTERN},
            "start": TIME,
            "end": TIME,
        },
        "required": ["name", "start", "end"],
    },
}
PERSON_VIEWS: Schema = {
    "type": ["boolean", "null"],
    "description": "Whether those who may see persons see them by name; null is what the option PERSON_VIEWS says.",
}
LIVE_STATES: Schema = {
    "type": "boolean",
    "description": "Whether who sees no persons sees the present state of workstations where fewer than K_MIN are.",
}
TIME_ZONE: Schema = {"type": ["string", "null"], "description": "An IANA time zone, such as Europe/Berlin."}

EVENT_FIELDS: dict[str, Schema] = {
    "timestamp": {
        **INSTANT,
        "description": "RFC 3339; without an offset it is UTC. At most 5 minutes in the future, not before 2015.",
    },
    "worker_id": ID,
    "workstation_id": ID,
    "event_type": EVENT_TYPE,
    "count": {
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": MAX_COUNT,
        "description": "Units of a product_count, 1 where it is left out; ignored on state events.",
    },
    "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    "event_id": label(128, "Chosen by the sender; two genuine counts in one instant need different ones."),
    "source_id": label(64, "The camera or sensor."),
    "model_version": label(64, "What in the source produced the event."),
}

REQUEST_BODIES: dict[str, Schema] = {
    "NewEvent": {
        "type": "object",
        "description": "Other fields are ignored.",
        "properties": EVENT_FIELDS,
        "required": ["timestamp", "worker_id", "workstation_id", "event_type"],
    },
    "NewWorker": {"type": "object", "properties": {"worker_id": ID, "name": NEW_NAME}, "required": ["worker_id"]},
    "WorkerChange": {"type": "object", "properties": {"name": NAME}},
    "NewWorkstation": {
        "type": "object",
        "description": "station_id is understood in place of workstation_id.",
        "properties": {"workstation_id": ID, "name": NEW_NAME, "type": STATION_TYPE},
        "required": ["workstation_id"],
    },
    "WorkstationChange": {"type": "object", "properties": {"name": NAME, "type": STATION_TYPE}},
    "NewFactory": {
        "type": "object",
        "properties": {
            "factory_id": ID,
            "name": NEW_NAME,
            "time_zone": TIME_ZONE,
            "state_timeout_seconds": nullable(TIMEOUT),
            "shifts": nullable(SHIFTS),
            "person_views": PERSON_VIEWS,
            "live_states": nullable(LIVE_STATES),
        },
        "required": ["factory_id"],
    },
    "FactoryChange": {
        "type": "object",
        "properties": {
            "name": NAME,
            "time_zone": TIME_ZONE,
            "state_timeout_seconds": nullable(TIMEOUT),
            "shifts": nullable(SHIFTS),
            "person_views": PERSON_VIEWS,
            "live_states": nullable(LIVE_STATES),
        },
    },
}
