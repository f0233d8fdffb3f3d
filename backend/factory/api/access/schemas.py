"""Bodies and answers about API keys, sessions, users and organisations; see http/schemas.py."""

from __future__ import annotations

from typing import get_args

from factory.api.http.schemas import (
    BOOLEAN,
    COUNT,
    ID,
    INSTANT,
    TEXT,
    Schema,
    an_object,
    constant,
    list_of,
    many,
    nullable,
    one,
    ref,
)
from factory.domain.access.permissions import ROLES, SCOPES, Permission
from factory.domain.access.second_factor import CHOICES
from factory.domain.names import NAME_PATTERN
from factory.operations.access.api_keys import DEFAULT_OVERLAP_HOURS, MAX_EXPIRY_DAYS, MAX_NAME, MAX_OVERLAP_HOURS

# API keys

RANDOM_ID: Schema = {"type": "string", "pattern": "^[a-z2-7]{12}$"}
SCOPE: Schema = {"type": "string", "enum": list(SCOPES)}

_KEY_BODIES: dict[str, Schema] = {
    "NewKey": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": MAX_NAME, "pattern": NAME_PATTERN},
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
    "key_id": {**RANDOM_ID, "description": "The readable part of the key, `fk_<key_id>_…`."},
    "name": TEXT,
    "scope": SCOPE,
    "factory_id": ID,
    "created_at": INSTANT,
    "expires_at": nullable(INSTANT),
    "last_used_at": {**nullable(INSTANT), "description": "To the minute."},
    "revoked_at": nullable(INSTANT),
    "created_by": {**nullable(TEXT), "description": "The maker, as in the audit trail; null for keys of before."},
}
_KEY_OF_MAKER = an_object({"key_id": RANDOM_ID, "factory_id": ID, "name": TEXT, "scope": SCOPE, "ended": BOOLEAN})
_KEYS_MADE: Schema = {**list_of(_KEY_OF_MAKER), "description": "Keys in force that the user made, in your scope."}

_KEY_ANSWERS: dict[str, Schema] = {
    "Key": an_object(_KEY),
    "NewKeyAnswer": one(an_object({**_KEY, "key": {**TEXT, "description": "The key itself, shown this once."}})),
    "KeyAnswer": one(ref("Key")),
    "KeysAnswer": many(ref("Key")),
}

# Sessions

_SECRET: Schema = {"type": "string", "minLength": 1, "maxLength": 1000}
_CODE: Schema = {"type": ["string", "null"], "description": "Six digits of an authenticator app, or a recovery code."}

_SESSION_BODIES: dict[str, Schema] = {
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

_OWN_USER = an_object(
    {
        "user_id": TEXT,
        "name": TEXT,
        "email": TEXT,
        "must_change_password": BOOLEAN,
        "totp_enabled": BOOLEAN,
        "must_set_up_second_factor": BOOLEAN,
        "recovery_codes_left": COUNT,
    }
)
_OWN_ORGANISATION = an_object({"organisation_id": ID, "name": TEXT})
_OWN_FACTORY = an_object(
    {
        "factory_id": ID,
        "name": TEXT,
        "role": {"type": ["string", "null"], "enum": [*ROLES, None]},
        "permissions": list_of({"type": "string", "enum": list(get_args(Permission))}),
        "person_views": {**BOOLEAN, "description": "Whether those who may see persons see them by name."},
    }
)

_RECOVERY_CODES: Schema = {**list_of(TEXT), "description": "Each serves once in the place of a one-time code."}

_SESSION_ANSWERS: dict[str, Schema] = {
    "SignedIn": an_object(
        {
            "access_token": TEXT,
            "token_type": constant("Bearer"),
            "expires_in": {**COUNT, "description": "Seconds."},
            "must_change_password": {**BOOLEAN, "description": "Until then every other route answers 403."},
            "must_set_up_second_factor": {**BOOLEAN, "description": "Likewise."},
        }
    ),
    "SessionAnswer": one(
        an_object(
            {
                "access": {"type": "string", "enum": ["open", "required"]},
                "user": nullable(_OWN_USER),
                "organisation": nullable(_OWN_ORGANISATION),
                "operator": {**BOOLEAN, "description": "Whether the caller looks after the platform."},
                "factories": list_of(_OWN_FACTORY),
                "k_min": {"type": "integer", "minimum": 1},
                "providers": list_of(an_object({"name": TEXT, "start": TEXT})),
            }
        )
    ),
    "TotpAnswer": one(
        an_object(
            {
                "secret": {**TEXT, "description": "In base32, to be typed."},
                "uri": {**TEXT, "description": "The same as an otpauth:// address."},
            }
        )
    ),
    "TotpStateAnswer": one(an_object({"totp_enabled": BOOLEAN})),
    "TotpConfirmedAnswer": one(an_object({"totp_enabled": BOOLEAN, "recovery_codes": _RECOVERY_CODES})),
    "RecoveryCodesAnswer": one(an_object({"recovery_codes": _RECOVERY_CODES})),
    "Redirect": {**TEXT, "description": "A page that names the address; browsers follow the header Location."},
    "EndedAnswer": one(an_object({"ended": BOOLEAN})),
    "SessionsAnswer": many(
        an_object(
            {
                "session_id": RANDOM_ID,
                "signed_in_at": INSTANT,
                "last_used_at": INSTANT,
                "expires_at": INSTANT,
                "network": {**TEXT, "description": "The /24 of the address, or the /48 of IPv6."},
                "browser": {**TEXT, "description": "Such as `Firefox, Windows`."},
                "by_provider": BOOLEAN,
                "current": {**BOOLEAN, "description": "Whether it is the caller's."},
            }
        )
    ),
}

# Users and organisations

_EMAIL: Schema = {"type": "string", "maxLength": 254, "pattern": "@"}
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": NAME_PATTERN}
_ROLE: Schema = {"type": "string", "enum": list(ROLES)}
_ROLE_OR_NONE: Schema = {"type": ["string", "null"], "enum": [*ROLES, None]}
_ROLES: Schema = {
    "type": "object",
    "additionalProperties": _ROLE,
    "description": "By factory id; `*` is every factory of the organisation.",
}
_FIRST: Schema = {**TEXT, "description": "Told this once; it has to be changed at the first sign-in."}
_CHANGE: dict[str, Schema] = {
    "name": nullable(_NAME),
    "roles": nullable(_ROLES),
    "disabled": nullable(BOOLEAN),
    "reset_password": nullable(BOOLEAN),
    "reset_totp": nullable(BOOLEAN),
    "end_keys": {**nullable(BOOLEAN), "description": "End the keys that the user made."},
}

_USER_BODIES: dict[str, Schema] = {
    "NewUser": {
        "type": "object",
        "properties": {"email": _EMAIL, "name": _NAME, "roles": _ROLES},
        "required": ["email", "name", "roles"],
    },
    "UserChange": {"type": "object", "properties": _CHANGE},
    "SecondFactorChange": {
        "type": "object",
        "properties": {"required_from": _ROLE_OR_NONE},
        "required": ["required_from"],
    },
    "NewOrganisation": {
        "type": "object",
        "properties": {
            "organisation_id": ID,
            "name": nullable(_NAME),
            "admin_email": nullable(_EMAIL),
            "admin_name": nullable(_NAME),
        },
        "required": ["organisation_id"],
    },
    "OrganisationChange": {"type": "object", "properties": {"name": nullable(_NAME)}},
}

_USER: dict[str, Schema] = {
    "user_id": RANDOM_ID,
    "email": TEXT,
    "name": TEXT,
    "roles": _ROLES,
    "disabled": BOOLEAN,
    "must_change_password": BOOLEAN,
    "totp_enabled": BOOLEAN,
    "last_sign_in_at": nullable(INSTANT),
}
_ORGANISATION: dict[str, Schema] = {"organisation_id": ID, "name": TEXT}


_USER_ANSWERS: dict[str, Schema] = {
    "User": an_object(_USER),
    "UserAnswer": one(an_object({**_USER, "keys_made": _KEYS_MADE})),
    "UsersAnswer": many(ref("User")),
    "NewUserAnswer": one(an_object({**_USER, "initial_password": _FIRST})),
    "ChangedUserAnswer": one(
        an_object({**_USER, "keys_made": _KEYS_MADE, "initial_password": _FIRST}, optional=("initial_password",))
    ),
    "SecondFactorAnswer": one(
        an_object(
            {
                "required_from": {**_ROLE_OR_NONE, "description": "By the organisation; null for nobody."},
                "installation": {"type": "string", "enum": list(CHOICES), "description": "By `SECOND_FACTOR`."},
            }
        )
    ),
    "RemovedAnswer": one(an_object({"removed": BOOLEAN, "keys_made": _KEYS_MADE})),
    "Organisation": an_object(_ORGANISATION),
    "OrganisationAnswer": one(ref("Organisation")),
    "OrganisationsAnswer": many(ref("Organisation")),
    "NewOrganisationAnswer": one(
        an_object({**_ORGANISATION, "initial_password": _FIRST}, optional=("initial_password",))
    ),
}

ACCESS_BODIES: dict[str, Schema] = {**_KEY_BODIES, **_SESSION_BODIES, **_USER_BODIES}
ACCESS_ANSWERS: dict[str, Schema] = {**_KEY_ANSWERS, **_SESSION_ANSWERS, **_USER_ANSWERS}
