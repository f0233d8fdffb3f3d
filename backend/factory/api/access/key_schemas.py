"""What API keys look like; see schemas.py."""

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
from factory.domain.access.permissions import SCOPES
from factory.operations.access.api_keys import DEFAULT_OVERLAP_HOURS, MAX_EXPIRY_DAYS, MAX_NAME, MAX_OVERLAP_HOURS

KEY_ID: Schema = {"type": "string", "pattern": "^[a-z2-7]{12}$"}
SCOPE: Schema = {"type": "string", "enum": list(SCOPES)}

KEY_BODIES: dict[str, Schema] = {
    "NewKey": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": MAX_NAME, "pattern": NO_CONTROLS},
            "scope": {
                **SCOPE,
                "description": "ingest: send events. read: figures under pseudonyms. admin: everything in its factory.",
            },
            "expires_in_days": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": MAX_EXPIRY_DAYS,
                "description": "Without end where it is left out.",
            },
        },
        "required": ["name", "scope"],
    },
    "KeyRotation": {
        "type": "object",
        "properties": {
            "overlap_hours": {
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": MAX_OVERLAP_HOURS,
                "description": f"How long the old key goes on; {DEFAULT_OVERLAP_HOURS} where it is left out.",
            }
        },
    },
}

_KEY: dict[str, Schema] = {
    "key_id": {**KEY_ID, "description": "The readable part of the key, `fk_<key_id>_…`."},
    "name": TEXT,
    "scope": SCOPE,
    "factory_id": ID,
    "created_at": INSTANT,
    "expires_at": nullable(INSTANT),
    "last_used_at": {**nullable(INSTANT), "description": "To the minute."},
    "revoked_at": nullable(INSTANT),
}

KEY_ANSWERS: dict[str, Schema] = {
    "Key": an_object(_KEY),
    "NewKeyAnswer": an_object(
        {
            "status": constant("success"),
            "data": an_object({**_KEY, "key": {**TEXT, "description": "The key itself, told this once."}}),
            "timestamp": INSTANT,
        }
    ),
    "KeyAnswer": an_object({"status": constant("success"), "data": ref("Key"), "timestamp": INSTANT}),
    "KeysAnswer": an_object(
        {"status": constant("success"), "count": COUNT, "data": list_of(ref("Key")), "timestamp": INSTANT}
    ),
}
