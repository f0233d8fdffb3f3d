"""Bodies and answers about the audit trail, persons and exports; see http/schemas.py."""

from __future__ import annotations

from factory.api.http.schemas import (
    COUNT,
    ID,
    INSTANT,
    NO_CONTROLS,
    TEXT,
    Schema,
    an_object,
    constant,
    list_of,
    nullable,
    ref,
)
from factory.operations.privacy.record_export import FORMATS, MAX_ROWS, MAX_VIEW

_AUDIT_ANSWERS: dict[str, Schema] = {
    "AuditLine": an_object(
        {
            "number": {"type": "integer", "minimum": 1, "description": "Without a gap within the organisation."},
            "at": INSTANT,
            "actor": {**TEXT, "description": "A user's e-mail address, `key fk_…`, `command line`, `open access`."},
            "action": TEXT,
            "factory_id": {**nullable(ID), "description": "null of what concerns the whole organisation."},
            "subject": {**TEXT, "description": "What it was done to; a person by the present id, `worker:W1`."},
            "detail": {"type": "object"},
            "address": {**TEXT, "description": "Where the request came from; empty of the command line."},
            "request_id": TEXT,
            "hash": {**TEXT, "pattern": "^[0-9a-f]{64}$", "description": "Over the line and the hash before it."},
        }
    ),
    "AuditAnswer": an_object(
        {
            "status": constant("success"),
            "data": list_of(ref("AuditLine")),
            "next_cursor": nullable(TEXT),
            "count": COUNT,
            "timestamp": INSTANT,
        }
    ),
}

_EXPORT: dict[str, Schema] = {
    "view": {"type": "string", "minLength": 1, "maxLength": MAX_VIEW, "pattern": NO_CONTROLS},
    "format": {"type": "string", "enum": list(FORMATS)},
    "rows": {"type": "integer", "minimum": 0, "maximum": MAX_ROWS},
}

PRIVACY_BODIES: dict[str, Schema] = {
    "NewExport": {"type": "object", "properties": _EXPORT, "required": list(_EXPORT)},
}

_LOOK = an_object(
    {
        "hour": {**INSTANT, "description": "The beginning of the hour, in UTC."},
        "actor": TEXT,
        "action": {"type": "string", "enum": ["worker.viewed", "workers.viewed", "worker.exported"]},
    }
)

_PERSON_ANSWERS: dict[str, Schema] = {
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

PRIVACY_ANSWERS: dict[str, Schema] = {**_AUDIT_ANSWERS, **_PERSON_ANSWERS}
