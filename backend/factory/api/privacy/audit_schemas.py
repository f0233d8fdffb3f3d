"""What the audit trail looks like; see schemas.py."""

from __future__ import annotations

from factory.api.http.schemas import COUNT, ID, INSTANT, TEXT, Schema, an_object, constant, list_of, nullable, ref

AUDIT_ANSWERS: dict[str, Schema] = {
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
