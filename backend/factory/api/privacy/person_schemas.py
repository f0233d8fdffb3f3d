"""What answers about persons and exports look like; see schemas.py."""

from __future__ import annotations

from factory.api.http.schemas import COUNT, INSTANT, NO_CONTROLS, TEXT, Schema, an_object, constant, list_of, nullable
from factory.operations.privacy.record_export import FORMATS, MAX_ROWS, MAX_VIEW

_EXPORT: dict[str, Schema] = {
    "view": {"type": "string", "minLength": 1, "maxLength": MAX_VIEW, "pattern": NO_CONTROLS},
    "format": {"type": "string", "enum": list(FORMATS)},
    "rows": {"type": "integer", "minimum": 0, "maximum": MAX_ROWS},
}

PERSON_BODIES: dict[str, Schema] = {
    "NewExport": {"type": "object", "properties": _EXPORT, "required": list(_EXPORT)},
}

_LOOK = an_object(
    {
        "hour": {**INSTANT, "description": "The beginning of the hour, in UTC."},
        "actor": TEXT,
        "action": {"type": "string", "enum": ["worker.viewed", "workers.viewed", "worker.exported"]},
    }
)

PERSON_ANSWERS: dict[str, Schema] = {
    "ErasedAnswer": an_object(
        {"status": constant("success"), "data": an_object({"worker_id": TEXT}), "timestamp": INSTANT}
    ),
    "LooksAnswer": an_object(
        {
            "status": constant("success"),
            "data": list_of(_LOOK),
            "next_cursor": nullable(TEXT),
            "timestamp": INSTANT,
            "count": COUNT,
        }
    ),
    "PersonData": {
        "type": "string",
        "description": "A JSON object a line, each with its `kind`: worker, event, removed_event, interval, look, end.",
    },
    "ExportAnswer": an_object({"status": constant("success"), "data": an_object(_EXPORT), "timestamp": INSTANT}),
}
