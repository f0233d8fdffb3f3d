"""Bodies and answers about users and organisations; see schemas.py."""

from __future__ import annotations

from factory.api.http.schemas import (
    BOOLEAN,
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
from factory.domain.access.permissions import ROLES

RANDOM_ID: Schema = {"type": "string", "pattern": "^[a-z2-7]{12}$"}

_EMAIL: Schema = {"type": "string", "maxLength": 254, "pattern": "@"}
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": NO_CONTROLS}
_ROLE: Schema = {"type": "string", "enum": list(ROLES)}
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
}

PEOPLE_BODIES: dict[str, Schema] = {
    "NewUser": {
        "type": "object",
        "properties": {"email": _EMAIL, "name": _NAME, "roles": _ROLES},
        "required": ["email", "name", "roles"],
    },
    "UserChange": {"type": "object", "properties": _CHANGE},
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


def _one(data: Schema) -> Schema:
    return an_object({"status": constant("success"), "data": data, "timestamp": INSTANT})


def _many(items: Schema) -> Schema:
    return an_object({"status": constant("success"), "count": COUNT, "data": list_of(items), "timestamp": INSTANT})


PEOPLE_ANSWERS: dict[str, Schema] = {
    "User": an_object(_USER),
    "UserAnswer": _one(ref("User")),
    "UsersAnswer": _many(ref("User")),
    "NewUserAnswer": _one(an_object({**_USER, "initial_password": _FIRST})),
    "ChangedUserAnswer": _one(an_object({**_USER, "initial_password": _FIRST}, optional=("initial_password",))),
    "RemovedAnswer": _one(an_object({"removed": BOOLEAN})),
    "Organisation": an_object(_ORGANISATION),
    "OrganisationAnswer": _one(ref("Organisation")),
    "OrganisationsAnswer": _many(ref("Organisation")),
    "NewOrganisationAnswer": _one(
        an_object({**_ORGANISATION, "initial_password": _FIRST}, optional=("initial_password",))
    ),
}
