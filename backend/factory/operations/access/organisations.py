"""Organisations of the installation, as the platform's operators make and name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from factory.adapters.access.password_hashes import PasswordHashes
from factory.domain.access.permissions import EVERYWHERE, PLATFORM, Actor
from factory.domain.errors import FieldError, InvalidInput
from factory.domain.event import ID_RULE, is_id, is_label
from factory.operations.access.text_fields import missing_fields
from factory.operations.access.users import MAX_NAME, add_user, email_address, initial_password
from factory.operations.audit_trail import record
from factory.store.access import organisations, users
from factory.store.access.organisations import Organisation
from factory.store.engine.database import Store


def list_organisations(*, store: Store) -> list[dict[str, str]]:
    """All organisations, by id."""
    with store.system().snapshot() as tx:
        return [_rendered(one) for one in organisations.list_organisations(tx)]


def create_organisation(
    *, store: Store, passwords: PasswordHashes, values: Mapping[str, Any], by: Actor
) -> dict[str, str]:
    """Add an organisation with `organisation_id` and `name` (the id where it is left out).

    `admin_email`, with `admin_name`, makes a user who administers all of it; the answer holds `initial_password` then.
    Raises InvalidInput, Conflict when the id is taken.
    """
    given = _checked(values)
    if "organisation_id" not in given:
        raise missing_fields(["organisation_id"])
    first = initial_password() if "admin_email" in given else None
    hashed = None if first is None else passwords.hash(first)
    with store.system().writing() as tx:
        made = organisations.add(tx, given["organisation_id"], given.get("name", given["organisation_id"]))
        there = replace(by, organisation=made.organisation_key)
        for trail in (replace(by, organisation=PLATFORM), there):
            record(tx, trail, "organisation.created", subject=made.organisation_id, detail={"name": made.name})
        if hashed is not None:
            name = given.get("admin_name", given["admin_email"])
            user = add_user(tx, email=given["admin_email"], name=name, password_hash=hashed, by=there)
            users.grant_role(tx, user, None, "admin")
            detail = {"factory": EVERYWHERE, "before": None, "after": "admin"}
            record(tx, there, "role.changed", subject=user.email, detail=detail)
    return _rendered(made) | ({} if first is None else {"initial_password": first})


def update_organisation(*, store: Store, organisation_id: str, values: Mapping[str, Any], by: Actor) -> dict[str, str]:
    """Change the `name`. Raises InvalidInput, NotFound."""
    given = _checked(values)
    if given.get("organisation_id", organisation_id) != organisation_id:
        raise _refusal([{"field": "organisation_id", "code": "read_only", "message": "cannot be changed"}])
    with store.system().writing() as tx:
        found = organisations.find(tx, organisation_id)
        name = given.get("name", found.name)
        if name != found.name:
            organisations.change(tx, found.organisation_key, {"name": name})
            detail = {"name": {"before": found.name, "after": name}}
            for key in (PLATFORM, found.organisation_key):
                record(
                    tx, replace(by, organisation=key), "organisation.changed", subject=organisation_id, detail=detail
                )
    return _rendered(found._replace(name=name))


def _rendered(organisation: Organisation) -> dict[str, str]:
    return {"organisation_id": organisation.organisation_id, "name": organisation.name}


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in values.items() if value is not None}
    faults: list[FieldError] = []
    organisation_id = given.get("organisation_id", "x")
    if not isinstance(organisation_id, str) or not is_id(organisation_id):
        faults.append({"field": "organisation_id", "code": "invalid_id", "message": f"must be {ID_RULE}"})
    for field in ("name", "admin_name"):
        name = given.get(field, "x")
        if not isinstance(name, str) or not is_label(name, MAX_NAME):
            message = f"must be 1 to {MAX_NAME} characters without control characters"
            faults.append({"field": field, "code": "invalid_text", "message": message})
    if faults:
        raise _refusal(faults)
    if "admin_email" in given:
        given["admin_email"] = email_address(given["admin_email"], field="admin_email")
    return given


def _refusal(faults: list[FieldError]) -> InvalidInput:
    message = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
    return InvalidInput(message, code=faults[0]["code"], errors=faults)
