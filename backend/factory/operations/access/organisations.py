"""Organisations of the installation, as the platform's operators make and name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from factory.adapters.access.password_hashes import PasswordHashes
from factory.adapters.access.secret_text import initial_password
from factory.domain.access.permissions import EVERYWHERE, PLATFORM, ROLES, Actor
from factory.domain.form import Form, invalid_field
from factory.operations.access.user_form import MAX_NAME, email_address
from factory.operations.access.users import add_user
from factory.operations.audit_trail import record
from factory.store.access import organisations, users
from factory.store.access.organisations import Organisation
from factory.store.engine.database import Store


def list_organisations(*, store: Store) -> list[dict[str, str]]:
    """All organisations, by id."""
    with store.system().snapshot() as tx:
        return [_rendered(one) for one in organisations.list_organisations(tx)]


def names_of_organisation(*, store: Store) -> tuple[str, str]:
    """Return id and name of the store's organisation."""
    assert store.organisation is not None
    with store.snapshot() as tx:
        found = organisations.by_key(tx, store.organisation)
    return found.organisation_id, found.name


def create_organisation(
    *, store: Store, passwords: PasswordHashes, values: Mapping[str, Any], by: Actor
) -> dict[str, str]:
    """Add an organisation with `organisation_id` and `name` (the id where it is left out).

    `admin_email`, with `admin_name`, makes a user who administers all of it; the answer holds `initial_password` then.
    Raises InvalidInput, Conflict when the id is taken.
    """
    given = _checked(values, required=("organisation_id",))
    first = initial_password() if "admin_email" in given else None
    hashed = None if first is None else passwords.hash(first)
    with store.system().writing() as tx:
        made = organisations.add(tx, given["organisation_id"], given.get("name", given["organisation_id"]))
        in_organisation = replace(by, organisation=made.organisation_key)
        for trail in (replace(by, organisation=PLATFORM), in_organisation):
            record(tx, trail, "organisation.created", subject=made.organisation_id, detail={"name": made.name})
        if hashed is not None:
            name = given.get("admin_name", given["admin_email"])
            user = add_user(tx, email=given["admin_email"], name=name, password_hash=hashed, by=in_organisation)
            users.grant_role(tx, user, None, "admin")
            detail = {"factory": EVERYWHERE, "before": None, "after": "admin"}
            record(tx, in_organisation, "role.changed", subject=user.email, detail=detail)
    return _rendered(made) | ({} if first is None else {"initial_password": first})


def update_organisation(*, store: Store, organisation_id: str, values: Mapping[str, Any], by: Actor) -> dict[str, str]:
    """Change the `name`. Raises InvalidInput, NotFound."""
    given = _checked(values, required=())
    if given.get("organisation_id", organisation_id) != organisation_id:
        raise invalid_field("organisation_id", "read_only", "cannot be changed")
    with store.system().writing() as tx:
        before = organisations.find(tx, organisation_id)
        name = given.get("name", before.name)
        if name != before.name:
            organisations.change(tx, before.organisation_key, {"name": name})
            detail = {"name": {"before": before.name, "after": name}}
            for key in (PLATFORM, before.organisation_key):
                record(
                    tx, replace(by, organisation=key), "organisation.changed", subject=organisation_id, detail=detail
                )
    return _rendered(before._replace(name=name))


def key_of(*, store: Store, organisation_id: str) -> int:
    """Return the key of an organisation. Raises NotFound."""
    with store.system().snapshot() as tx:
        return organisations.find(tx, organisation_id).organisation_key


def second_factor_of(*, store: Store, organisation_key: int) -> str | None:
    """Return the role from which the organisation asks for a second factor, or None."""
    with store.snapshot() as tx:
        return organisations.by_key(tx, organisation_key).second_factor


def require_second_factor(*, store: Store, values: Mapping[str, Any], by: Actor) -> str | None:
    """Set the role from which the actor's organisation asks for a second factor (`required_from`; null for none).

    Who has none has to set one up before anything else. Raises InvalidInput.
    """
    form = Form({name: value for name, value in values.items() if value is not None})
    form.choice("required_from", list(ROLES), code="invalid_role")
    if "required_from" not in values:
        raise invalid_field("required_from", "missing_field", "is required; null for none")
    wanted = form.done().get("required_from")
    with store.writing() as tx:
        before = organisations.by_key(tx, by.organisation)
        if before.second_factor != wanted:
            organisations.change(tx, before.organisation_key, {"second_factor": wanted})
            detail = {"second_factor": {"before": before.second_factor, "after": wanted}}
            record(tx, by, "organisation.changed", subject=before.organisation_id, detail=detail)
    return wanted


def _rendered(organisation: Organisation) -> dict[str, str]:
    return {"organisation_id": organisation.organisation_id, "name": organisation.name}


def _checked(values: Mapping[str, Any], *, required: tuple[str, ...]) -> dict[str, Any]:
    form = Form(values)
    form.require(*required)
    form.identity("organisation_id")
    form.name("name", longest=MAX_NAME)
    form.name("admin_name", longest=MAX_NAME)
    form.read("admin_email", "invalid_email", email_address)
    return form.done()
