"""Bodies and answers about the caller's own session; see schemas.py."""

from __future__ import annotations

from typing import get_args

from factory.api.http.schemas import BOOLEAN, COUNT, ID, INSTANT, TEXT, Schema, an_object, constant, list_of, nullable
from factory.domain.access.permissions import ROLES, Permission

_SECRET: Schema = {"type": "string", "minLength": 1, "maxLength": 1000}
_CODE: Schema = {"type": ["string", "null"], "description": "Six digits of an authenticator app."}

SESSION_BODIES: dict[str, Schema] = {
    "SignIn": {
        "type": "object",
        "properties": {"email": _SECRET, "password": _SECRET, "code": _CODE},
        "required": ["email", "password"],
    },
    "PasswordChange": {
        "type": "object",
        "properties": {"old_password": _SECRET, "new_password": _SECRET},
        "required": ["old_password", "new_password"],
    },
    "Proof": {"type": "object", "properties": {"password": _SECRET}, "required": ["password"]},
    "Code": {"type": "object", "properties": {"code": _SECRET}, "required": ["code"]},
}

_USER = an_object(
    {"user_id": TEXT, "name": TEXT, "email": TEXT, "must_change_password": BOOLEAN, "totp_enabled": BOOLEAN}
)
_ORGANISATION = an_object({"organisation_id": ID, "name": TEXT})
_FACTORY = an_object(
    {
        "factory_id": ID,
        "name": TEXT,
        "role": {"type": ["string", "null"], "enum": [*ROLES, None]},
        "permissions": list_of({"type": "string", "enum": list(get_args(Permission))}),
        "person_views": {**BOOLEAN, "description": "Whether those who may see persons see them by name."},
    }
)


def _answer(data: Schema) -> Schema:
    return an_object({"status": constant("success"), "data": data, "timestamp": INSTANT})


SESSION_ANSWERS: dict[str, Schema] = {
    "SignedIn": an_object(
        {
            "access_token": TEXT,
            "token_type": constant("Bearer"),
            "expires_in": {**COUNT, "description": "Seconds."},
            "must_change_password": {**BOOLEAN, "description": "Until then every other route answers 403."},
        }
    ),
    "SessionAnswer": _answer(
        an_object(
            {
                "access": {"type": "string", "enum": ["open", "required"]},
                "user": nullable(_USER),
                "organisation": nullable(_ORGANISATION),
                "operator": {**BOOLEAN, "description": "Whether the caller looks after the platform."},
                "factories": list_of(_FACTORY),
                "k_min": {"type": "integer", "minimum": 1},
                "providers": list_of(an_object({"name": TEXT, "start": TEXT})),
            }
        )
    ),
    "TotpAnswer": _answer(
        an_object(
            {
                "secret": {**TEXT, "description": "In base32, to be typed."},
                "uri": {**TEXT, "description": "The same as an otpauth:// address."},
            }
        )
    ),
    "TotpStateAnswer": _answer(an_object({"totp_enabled": BOOLEAN})),
    "Redirect": {**TEXT, "description": "A page that names the address; browsers follow the header Location."},
    "EndedAnswer": _answer(an_object({"ended": BOOLEAN})),
}
