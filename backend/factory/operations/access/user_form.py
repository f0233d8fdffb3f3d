"""The forms that describe a user."""

from __future__ import annotations

import re
from typing import Any

from factory.domain.access.addresses import lower_address
from factory.domain.access.permissions import ROLES
from factory.domain.form import Form

MAX_NAME, MAX_EMAIL = 200, 254
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f\"(),:;<>\[\]\\]{1,64}@[^\s@\x00-\x20\x7f\"(),:;<>\[\]\\]+")


def new_user(values: Any) -> dict[str, Any]:
    """`email`, `name` and `roles` of a new user. Raises InvalidInput."""
    form = Form(values)
    form.require("email", "name", "roles")
    form.read("email", "invalid_email", email_address)
    return _checked(form)


def changed_user(values: Any) -> dict[str, Any]:
    """Return the fields of a user that are to be changed. Raises InvalidInput."""
    form = Form(values)
    if "email" in form.given:
        form.fault("email", "read_only", "cannot be changed")
    form.boolean("end_keys")
    return _checked(form)


def _checked(form: Form) -> dict[str, Any]:
    form.name("name", longest=MAX_NAME)
    for flag in ("disabled", "reset_password", "reset_totp"):
        form.boolean(flag)
    form.read("roles", "invalid_role", _roles)
    return form.done()


def _roles(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(role, str) and role in ROLES for role in value.values()):
        raise ValueError(f"must give one of {', '.join(ROLES)} by factory id, or by *")
    return value


def email_address(value: Any) -> str:
    """Return the address in lower case; raises ValueError for what cannot be one."""
    if not isinstance(value, str) or len(value) > MAX_EMAIL or not _EMAIL.fullmatch(value.strip()):
        raise ValueError("must be an e-mail address")
    return lower_address(value)
