"""API keys: credentials of machines, each of one factory. The text of a key is shown once, when it is made."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection

from factory.adapters.access.secret_text import digest, random_id, random_secret
from factory.domain.access.permissions import SCOPES, Actor
from factory.domain.errors import Conflict, NotFound
from factory.domain.form import Form
from factory.domain.timestamp import DAY, HOUR, format_timestamp
from factory.operations import audit_trail
from factory.operations.access.admin_scope import AdminScope
from factory.operations.access.authenticate import KEY_PREFIX
from factory.store import factories
from factory.store.access import api_keys
from factory.store.access.api_keys import Key
from factory.store.engine.database import Store
from factory.store.factories import Factory

MAX_NAME = 200
MAX_EXPIRY_DAYS = 3650
MAX_OVERLAP_HOURS = 720
DEFAULT_OVERLAP_HOURS = 24

_KEY_ID = re.compile("[a-z2-7]{12}")


def list_keys(*, store: Store, factory_id: str) -> list[dict[str, Any]]:
    """Return the factory's keys in the order in which they were made, those that have ended too. Raises NotFound."""
    with store.snapshot() as tx:
        factory = factories.find(tx, factory_id)
        return [_rendered(factory, key) for key in api_keys.list_keys(tx, factory.factory_key)]


def create_key(*, store: Store, factory_id: str, values: Any, by: Actor) -> dict[str, Any]:
    """Make a key of the factory with `name`, `scope` and, unless it shall last, `expires_in_days`.

    The answer's `key` is its text, which nobody can learn later. Raises InvalidInput, NotFound.
    """
    form = Form(values)
    form.require("name", "scope")
    form.name("name", longest=MAX_NAME)
    form.choice("scope", SCOPES, code="invalid_scope")
    form.integer("expires_in_days", 1, MAX_EXPIRY_DAYS)
    fields = form.done()
    name, scope, days = fields["name"], fields["scope"], fields.get("expires_in_days")
    with store.writing() as tx:
        factory = factories.find(tx, factory_id)
        expires_at = None if days is None else by.now + days * DAY
        made = _made(tx, factory, name=name, scope=scope, expires_at=expires_at, by=by)
        detail = {"name": name, "scope": scope, "expires_at": made["expires_at"]}
        _record(tx, by, "key.created", factory, made["key_id"], detail)
    return made


def rotate_key(*, store: Store, factory_id: str, key_id: str, values: Any, by: Actor) -> dict[str, Any]:
    """Make a key like that one, which ends `overlap_hours` (24) from now, or as it was to if that is earlier.

    The new key lasts from now as long as the old one was to last. Answers it, with its text in `key`. Raises
    InvalidInput, NotFound, Conflict for a key that has ended.
    """
    form = Form(values)
    form.integer("overlap_hours", 0, MAX_OVERLAP_HOURS)
    overlap = form.done().get("overlap_hours", DEFAULT_OVERLAP_HOURS) * HOUR
    with store.writing() as tx:
        factory = factories.find(tx, factory_id)
        old = _owned(tx, factory, key_id)
        if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= by.now):
            raise Conflict("The key has ended: make a new one", code="key_has_ended")
        ends = by.now + overlap if old.expires_at is None else min(by.now + overlap, old.expires_at)
        expires_at = None if old.expires_at is None else by.now + old.expires_at - old.created_at
        api_keys.expire(tx, old.api_key, ends)
        made = _made(tx, factory, name=old.name, scope=old.scope, expires_at=expires_at, by=by)
        detail = {"new_key": f"{KEY_PREFIX}{made['key_id']}", "ends": format_timestamp(ends)}
        _record(tx, by, "key.rotated", factory, old.key_id, detail)
    return made


def revoke_key(*, store: Store, factory_id: str, key_id: str, by: Actor) -> dict[str, Any]:
    """End a key now; one that is revoked stays as it is. Raises NotFound."""
    with store.writing() as tx:
        factory = factories.find(tx, factory_id)
        key = _owned(tx, factory, key_id)
        if key.revoked_at is None:
            api_keys.revoke(tx, key.api_key, by.now)
            _record(tx, by, "key.revoked", factory, key_id, {"name": key.name, "scope": key.scope})
            key = key._replace(revoked_at=by.now)
        return _rendered(factory, key)


def keys_of_maker(
    tx: Connection, scope: AdminScope, user_key: int, *, end: bool, by: Actor
) -> list[dict[str, str | bool]]:
    """Return the keys in scope that a user made and that are in force; with `end` they are revoked now."""
    found = [
        key
        for key in api_keys.in_force_of_maker(tx, by.organisation, user_key, by.now)
        if scope.everywhere or key.factory_id in scope.factories
    ]
    for key in found if end else []:
        api_keys.revoke(tx, key.api_key, by.now)
        detail = {"name": key.name, "scope": key.scope, "with": "its maker"}
        subject = f"key:{KEY_PREFIX}{key.key_id}"
        audit_trail.record(tx, by, "key.revoked", factory_key=key.factory_key, subject=subject, detail=detail)
    return [
        {"key_id": key.key_id, "factory_id": key.factory_id, "name": key.name, "scope": key.scope, "ended": end}
        for key in found
    ]


def _made(
    tx: Connection, factory: Factory, *, name: str, scope: str, expires_at: int | None, by: Actor
) -> dict[str, Any]:
    key_id, secret = random_id(), random_secret()
    api_keys.add(
        tx,
        organisation_key=factory.organisation_key,
        factory_key=factory.factory_key,
        key_id=key_id,
        name=name,
        scope=scope,
        secret_hash=digest(secret),
        now=by.now,
        expires_at=expires_at,
        created_by=by.name,
        created_by_user=by.user_key,
    )
    key = api_keys.find(tx, factory.factory_key, key_id)
    assert key is not None
    return {**_rendered(factory, key), "key": f"{KEY_PREFIX}{key_id}_{secret}"}


def _owned(tx: Connection, factory: Factory, key_id: str) -> Key:
    key = api_keys.find(tx, factory.factory_key, key_id, for_update=True) if _KEY_ID.fullmatch(key_id) else None
    if key is None:
        raise NotFound("Key not found", code="key_not_found")
    return key


def _record(tx: Connection, by: Actor, action: str, factory: Factory, key_id: str, detail: dict[str, Any]) -> None:
    subject = f"key:{KEY_PREFIX}{key_id}"
    audit_trail.record(tx, by, action, factory_key=factory.factory_key, subject=subject, detail=detail)


def _rendered(factory: Factory, key: Key) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "scope": key.scope,
        "factory_id": factory.factory_id,
        "created_at": format_timestamp(key.created_at),
        "expires_at": _instant(key.expires_at),
        "last_used_at": _instant(key.last_used_at),
        "revoked_at": _instant(key.revoked_at),
        "created_by": key.created_by,
    }


def _instant(at: int | None) -> str | None:
    return None if at is None else format_timestamp(at)
