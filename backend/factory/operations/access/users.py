"""Users of an organisation, and their roles by factory.

Who administers the whole organisation may change every user. Who administers single factories sees and makes users
there, and gives and takes roles there; of a user who has roles elsewhere too they learn and change nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from factory.adapters.access.password_hashes import PasswordHashes
from factory.adapters.access.secret_text import initial_password, random_id
from factory.domain.access.permissions import EVERYWHERE, Actor
from factory.domain.errors import Conflict, NotAllowed, NotFound
from factory.domain.form import invalid_field
from factory.domain.timestamp import format_timestamp
from factory.operations.access.admin_scope import AdminScope
from factory.operations.access.api_keys import keys_of_maker
from factory.operations.access.user_form import changed_user, new_user
from factory.operations.audit_trail import record
from factory.store import factories
from factory.store.access import api_keys, recovery_codes, sessions, users
from factory.store.access.users import User
from factory.store.engine.database import Store


def list_users(*, store: Store, organisation: int, scope: AdminScope) -> list[dict[str, Any]]:
    """Return the users in scope, by e-mail address."""
    with store.snapshot() as tx:
        roles = users.roles(tx, organisation)
        everybody = users.list_users(tx, organisation)
    return [
        _rendered(user, scope.limit_to(roles.get(user.user_key, {})))
        for user in everybody
        if scope.includes_any(roles.get(user.user_key, {}))
    ]


def get_user(*, store: Store, scope: AdminScope, user_id: str, by: Actor) -> dict[str, Any]:
    """One user in scope, with the keys in force that they made; raises NotFound."""
    with store.snapshot() as tx:
        user, roles = _find_in_scope(tx, by.organisation, scope, user_id)
        made = keys_of_maker(tx, scope, user.user_key, end=False, by=by)
    return {**_rendered(user, scope.limit_to(roles)), "keys_made": made}


def key_in_scope(*, store: Store, scope: AdminScope, user_id: str, whole: bool = False, by: Actor) -> int:
    """Return the key of a user in scope; with `whole` all their roles have to be. Raises NotFound, NotAllowed."""
    with store.snapshot() as tx:
        user, roles = _find_in_scope(tx, by.organisation, scope, user_id)
    if whole:
        _require_whole(scope, roles)
    return user.user_key


def create_user(
    *,
    store: Store,
    passwords: PasswordHashes,
    scope: AdminScope,
    values: Mapping[str, Any],
    by: Actor,
    password: str = "",
) -> dict[str, Any]:
    """Add a user with `email`, `name` and `roles`, by factory id or `*`, to the actor's organisation.

    The answer holds `initial_password` besides, which has to be changed at the first sign-in: made here unless
    `password` gives one. Raises InvalidInput, NotAllowed, Conflict where the address is taken.
    """
    given = new_user(values)
    first = password or initial_password()
    hashed = passwords.hash(first)
    with store.writing() as tx:
        users.lock_users(tx, by.organisation)
        wanted = _keys_of_roles(tx, scope, given["roles"])
        if not given["roles"] and not scope.everywhere:
            raise invalid_field("roles", "missing_field", "must name a role in a factory")
        user = add_user(tx, email=given["email"], name=given["name"], password_hash=hashed, by=by)
        _replace_roles(tx, user, {}, wanted, by)
        rendered = _rendered(user, given["roles"])
    return {**rendered, "initial_password": first}


def add_user(tx: Connection, *, email: str, name: str, password_hash: str, by: Actor) -> User:
    """Return a user of the actor's organisation with a first password and without a role. Raises Conflict."""
    row = {
        "organisation_key": by.organisation,
        "user_id": random_id(),
        "email": email,
        "name": name,
        "password_hash": password_hash,
        "must_change_password": True,
        "totp_confirmed": False,
        "disabled": False,
        "created_at": by.now,
    }
    user = users.by_key(tx, users.add(tx, row))
    assert user is not None
    record(tx, by, "user.created", subject=email, detail={"name": name})
    return user


def update_user(
    *, store: Store, passwords: PasswordHashes, scope: AdminScope, user_id: str, values: Mapping[str, Any], by: Actor
) -> dict[str, Any]:
    """Change `name`, `roles` (those in scope; all of them are replaced) or `disabled`.

    The answer lists in `keys_made` the keys in force that the user made, which `end_keys` ends.

    `reset_password` makes a new initial password, which the answer holds, and ends the user's sessions, as disabling
    does; `reset_totp` takes the second factor away. Raises InvalidInput, NotFound, NotAllowed, Conflict where nobody
    would administer the organisation any more.
    """
    given = changed_user(values)
    first = initial_password() if given.get("reset_password") else None
    columns: dict[str, Any] = {name: given[name] for name in ("name", "disabled") if name in given}
    if first is not None:
        columns |= {"password_hash": passwords.hash(first), "must_change_password": True}
    if given.get("reset_totp"):
        columns |= {"totp_secret": None, "totp_confirmed": False, "totp_step": None}
    with store.writing() as tx:
        users.lock_users(tx, by.organisation)
        user, roles = _find_in_scope(tx, by.organisation, scope, user_id)
        changed = {name: value for name, value in columns.items() if getattr(user, name) != value}
        if changed:
            _require_whole(scope, roles)
            users.change(tx, user.user_key, changed)
            if given.get("reset_totp"):
                recovery_codes.replace(tx, user, [])
            record(tx, by, "user.changed", subject=user.email, detail=_audit_detail(changed, first is not None))
        if first is not None or changed.get("disabled"):
            sessions.end_all(tx, user.user_key, by.now)
        if "roles" in given:
            _replace_roles(tx, user, scope.limit_to(roles), _keys_of_roles(tx, scope, given["roles"]), by)
        _require_administrator(tx, user, roles)
        made = keys_of_maker(tx, scope, user.user_key, end=bool(given.get("end_keys")), by=by)
        user, roles = user._replace(**changed), users.roles(tx, by.organisation, user.user_key).get(user.user_key, {})
    rendered = {**_rendered(user, scope.limit_to(roles)), "keys_made": made}
    return rendered if first is None else {**rendered, "initial_password": first}


def remove_user(
    *, store: Store, scope: AdminScope, user_id: str, end_keys: bool, by: Actor
) -> list[dict[str, str | bool]]:
    """Remove a user and all that is theirs, but the audit trail and the keys that they made.

    Return these keys, which `end_keys` ends. Raises NotFound, NotAllowed, Conflict.
    """
    with store.writing() as tx:
        users.lock_users(tx, by.organisation)
        user, roles = _find_in_scope(tx, by.organisation, scope, user_id)
        _require_whole(scope, roles)
        made = keys_of_maker(tx, scope, user.user_key, end=end_keys, by=by)
        api_keys.forget_maker(tx, by.organisation, user.user_key)
        users.remove(tx, user.user_key)
        record(tx, by, "user.removed", subject=user.email)
        _require_administrator(tx, user, roles)
    return made


def _find_in_scope(tx: Connection, organisation: int, scope: AdminScope, user_id: str) -> tuple[User, dict[str, str]]:
    user = users.by_id(tx, organisation, user_id)
    roles = {} if user is None else users.roles(tx, organisation, user.user_key).get(user.user_key, {})
    if user is None or not scope.includes_any(roles):
        raise NotFound("User not found", code="user_not_found")
    return user, roles


def _require_whole(scope: AdminScope, roles: Mapping[str, str]) -> None:
    if not scope.includes_all(roles):
        raise NotAllowed("Only who administers all factories of this user may do that")


def _require_administrator(tx: Connection, user: User, before: Mapping[str, str]) -> None:
    """Raise Conflict if the user was the last administrator of the organisation."""
    was = before.get(EVERYWHERE) == "admin" and not user.disabled
    if was and not users.administrators(tx, user.organisation_key):
        raise Conflict("Somebody has to administer the whole organisation", code="last_administrator")


def _keys_of_roles(tx: Connection, scope: AdminScope, roles: Mapping[str, str]) -> dict[str, tuple[int | None, str]]:
    """Return roles with the keys of their factories. A factory out of scope is refused as one that does not exist."""
    if EVERYWHERE in roles and not scope.everywhere:
        raise NotAllowed("Only who administers the whole organisation may give a role in all factories")
    known = {factory.factory_id: factory.factory_key for factory in factories.list_factories(tx)}
    keys: dict[str, tuple[int | None, str]] = {}
    for factory_id, role in roles.items():
        if factory_id != EVERYWHERE and not (factory_id in known and scope.limit_to({factory_id: role})):
            raise invalid_field("roles", "unknown_factory", "names a factory that there is not")
        keys[factory_id] = (None if factory_id == EVERYWHERE else known[factory_id], role)
    return keys


def _replace_roles(
    tx: Connection, user: User, before: Mapping[str, str], wanted: Mapping[str, tuple[int | None, str]], by: Actor
) -> None:
    known = {factory.factory_id: factory.factory_key for factory in factories.list_factories(tx)}
    for factory_id in before.keys() - wanted.keys():
        key = known.get(factory_id)
        users.revoke_roles(tx, user, [key])
        _record_role(tx, by, user, factory_id, key, before[factory_id], None)
    for factory_id, (key, role) in wanted.items():
        if before.get(factory_id) != role:
            users.grant_role(tx, user, key, role)
            _record_role(tx, by, user, factory_id, key, before.get(factory_id), role)


def _record_role(
    tx: Connection,
    by: Actor,
    user: User,
    factory_id: str,
    factory_key: int | None,
    before: str | None,
    after: str | None,
) -> None:
    detail = {"factory": factory_id, "before": before, "after": after}
    record(tx, by, "role.changed", factory_key=factory_key, subject=user.email, detail=detail)


def _audit_detail(changed: Mapping[str, Any], new_password: bool) -> dict[str, Any]:
    detail = {name: changed[name] for name in ("name", "disabled") if name in changed}
    if new_password:
        detail["password"] = "reset"
    if "totp_confirmed" in changed or "totp_secret" in changed:
        detail["second_factor"] = "reset"
    return detail


def _rendered(user: User, roles: Mapping[str, str]) -> dict[str, Any]:
    seen = user.last_sign_in_at
    return {
        "user_id": user.user_id,
        "email": user.email,
        "name": user.name,
        "roles": dict(roles),
        "disabled": user.disabled,
        "must_change_password": user.must_change_password,
        "totp_enabled": user.totp_confirmed,
        "last_sign_in_at": None if seen is None else format_timestamp(seen),
    }
