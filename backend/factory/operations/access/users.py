"""Users of an organisation: who they are, and what they may do in which factory.

Who administers the whole organisation may change every user. Who administers single factories sees and makes users
there, and gives and takes roles there; of a user who has roles elsewhere too they learn and change nothing else.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from factory.adapters.access.password_hashes import PasswordHashes
from factory.adapters.access.secret_text import random_id
from factory.domain.access.permissions import EVERYWHERE, ROLES, Actor, Caller
from factory.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from factory.domain.event import is_label
from factory.domain.timestamp import format_timestamp
from factory.operations.access.text_fields import missing_fields
from factory.operations.audit_trail import record
from factory.store import factories
from factory.store.access import sessions, users
from factory.store.access.users import User
from factory.store.engine.database import Store

MAX_NAME, MAX_EMAIL = 200, 254
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f\"(),:;<>\[\]\\]{1,64}@[^\s@\x00-\x20\x7f\"(),:;<>\[\]\\]+")
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that is read as another


@dataclass(frozen=True)
class Reach:
    """Where somebody administers users: in every factory, or in those of these ids."""

    everywhere: bool
    factories: frozenset[str] = frozenset()

    @staticmethod
    def of(caller: Caller) -> Reach:
        """Where a caller has the permission `people`."""
        granted = frozenset(factory for factory, allowed in caller.granted.items() if "people" in allowed)
        return Reach(EVERYWHERE in granted, granted - {EVERYWHERE})

    def within(self, roles: Mapping[str, str]) -> dict[str, str]:
        """Those of a user's roles that are in reach."""
        return {factory: role for factory, role in roles.items() if self.everywhere or factory in self.factories}

    def sees(self, roles: Mapping[str, str]) -> bool:
        """Whether a user with these roles is in reach at all."""
        return self.everywhere or bool(self.within(roles))

    def holds(self, roles: Mapping[str, str]) -> bool:
        """Whether all roles of a user are in reach, so that the whole user is."""
        return self.everywhere or (bool(roles) and len(self.within(roles)) == len(roles))


def initial_password() -> str:
    """A password to be told once and changed at once: 100 bits, for people to type."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))


def list_users(*, store: Store, organisation: int, reach: Reach) -> list[dict[str, Any]]:
    """The users in reach, by e-mail address."""
    with store.snapshot() as tx:
        roles = users.roles(tx, organisation)
        everybody = users.list_users(tx, organisation)
    return [
        _rendered(user, reach.within(roles.get(user.user_key, {})))
        for user in everybody
        if reach.sees(roles.get(user.user_key, {}))
    ]


def get_user(*, store: Store, organisation: int, reach: Reach, user_id: str) -> dict[str, Any]:
    """One user in reach; raises NotFound."""
    with store.snapshot() as tx:
        user, roles = _in_reach(tx, organisation, reach, user_id)
    return _rendered(user, reach.within(roles))


def create_user(
    *, store: Store, passwords: PasswordHashes, reach: Reach, values: Mapping[str, Any], by: Actor, password: str = ""
) -> dict[str, Any]:
    """Add a user with `email`, `name` and `roles`, by factory id or `*`, to the actor's organisation.

    The answer holds `initial_password` besides, which has to be changed at the first sign-in: made here unless
    `password` gives one. Raises InvalidInput, NotAllowed, Conflict where the address is taken.
    """
    given = _checked(values, required=("email", "name", "roles"))
    first = password or initial_password()
    hashed = passwords.hash(first)
    with store.writing() as tx:
        users.lock_users(tx, by.organisation)
        wanted = _keys_of_roles(tx, reach, given["roles"])
        if not given["roles"] and not reach.everywhere:
            raise _fault("roles", "missing_field", "must name a role in a factory")
        user = add_user(tx, email=given["email"], name=given["name"], password_hash=hashed, by=by)
        _replace_roles(tx, user, {}, wanted, by)
        rendered = _rendered(user, given["roles"])
    return {**rendered, "initial_password": first}


def add_user(tx: Connection, *, email: str, name: str, password_hash: str, by: Actor) -> User:
    """A user of the actor's organisation with a first password and without a role. Raises Conflict."""
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
    *, store: Store, passwords: PasswordHashes, reach: Reach, user_id: str, values: Mapping[str, Any], by: Actor
) -> dict[str, Any]:
    """Change `name`, `roles` (those in reach; all of them are replaced) or `disabled`.

    `reset_password` makes a new initial password, which the answer holds, and ends the user's sessions, as disabling
    does; `reset_totp` takes the second factor away. Raises InvalidInput, NotFound, NotAllowed, Conflict where nobody
    would administer the organisation any more.
    """
    given = _checked(values, required=())
    first = initial_password() if given.get("reset_password") else None
    columns: dict[str, Any] = {name: given[name] for name in ("name", "disabled") if name in given}
    if first is not None:
        columns |= {"password_hash": passwords.hash(first), "must_change_password": True}
    if given.get("reset_totp"):
        columns |= {"totp_secret": None, "totp_confirmed": False, "totp_step": None}
    with store.writing() as tx:
        users.lock_users(tx, by.organisation)
        user, roles = _in_reach(tx, by.organisation, reach, user_id)
        changed = {name: value for name, value in columns.items() if getattr(user, name) != value}
        if changed:
            _require_whole(reach, roles)
            users.change(tx, user.user_key, changed)
            record(tx, by, "user.changed", subject=user.email, detail=_told(changed, first is not None))
        if first is not None or changed.get("disabled"):
            sessions.end_all(tx, user.user_key, by.now)
        if "roles" in given:
            _replace_roles(tx, user, reach.within(roles), _keys_of_roles(tx, reach, given["roles"]), by)
        _require_administrator(tx, user, roles)
        user, roles = user._replace(**changed), users.roles(tx, by.organisation, user.user_key).get(user.user_key, {})
    rendered = _rendered(user, reach.within(roles))
    return rendered if first is None else {**rendered, "initial_password": first}


def remove_user(*, store: Store, reach: Reach, user_id: str, by: Actor) -> None:
    """Remove a user and all that is theirs, the audit trail excepted. Raises NotFound, NotAllowed, Conflict."""
    with store.writing() as tx:
        users.lock_users(tx, by.organisation)
        user, roles = _in_reach(tx, by.organisation, reach, user_id)
        _require_whole(reach, roles)
        users.remove(tx, user.user_key)
        record(tx, by, "user.removed", subject=user.email)
        _require_administrator(tx, user, roles)


def _in_reach(tx: Connection, organisation: int, reach: Reach, user_id: str) -> tuple[User, dict[str, str]]:
    user = users.by_id(tx, organisation, user_id)
    roles = {} if user is None else users.roles(tx, organisation, user.user_key).get(user.user_key, {})
    if user is None or not reach.sees(roles):
        raise NotFound("User not found", code="user_not_found")
    return user, roles


def _require_whole(reach: Reach, roles: Mapping[str, str]) -> None:
    if not reach.holds(roles):
        raise NotAllowed("Only who administers all factories of this user may do that")


def _require_administrator(tx: Connection, user: User, before: Mapping[str, str]) -> None:
    """Raise Conflict where the user was the last one who administered the organisation."""
    was = before.get(EVERYWHERE) == "admin" and not user.disabled
    if was and not users.administrators(tx, user.organisation_key):
        raise Conflict("Somebody has to administer the whole organisation", code="last_administrator")


def _keys_of_roles(tx: Connection, reach: Reach, roles: Mapping[str, str]) -> dict[str, tuple[int | None, str]]:
    """Roles with the keys of their factories. A factory out of reach is told from none that there is not."""
    if EVERYWHERE in roles and not reach.everywhere:
        raise NotAllowed("Only who administers the whole organisation may give a role in all factories")
    known = {site.factory_id: site.factory_key for site in factories.list_factories(tx)}
    keys: dict[str, tuple[int | None, str]] = {}
    for factory, role in roles.items():
        if factory != EVERYWHERE and not (factory in known and reach.within({factory: role})):
            raise _fault("roles", "unknown_factory", "names a factory that there is not")
        keys[factory] = (None if factory == EVERYWHERE else known[factory], role)
    return keys


def _replace_roles(
    tx: Connection, user: User, before: Mapping[str, str], wanted: Mapping[str, tuple[int | None, str]], by: Actor
) -> None:
    known = {site.factory_id: site.factory_key for site in factories.list_factories(tx)}
    for factory in before.keys() - wanted.keys():
        key = known.get(factory)
        users.revoke_roles(tx, user, [key])
        _record_role(tx, by, user, factory, key, before[factory], None)
    for factory, (key, role) in wanted.items():
        if before.get(factory) != role:
            users.grant_role(tx, user, key, role)
            _record_role(tx, by, user, factory, key, before.get(factory), role)


def _record_role(
    tx: Connection, by: Actor, user: User, factory: str, factory_key: int | None, before: str | None, after: str | None
) -> None:
    detail = {"factory": factory, "before": before, "after": after}
    record(tx, by, "role.changed", factory_key=factory_key, subject=user.email, detail=detail)


def _told(changed: Mapping[str, Any], new_password: bool) -> dict[str, Any]:
    told = {name: changed[name] for name in ("name", "disabled") if name in changed}
    if new_password:
        told["password"] = "reset"
    if "totp_confirmed" in changed or "totp_secret" in changed:
        told["second_factor"] = "reset"
    return told


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


def _checked(values: Mapping[str, Any], *, required: tuple[str, ...]) -> dict[str, Any]:
    given = {name: value for name, value in values.items() if value is not None}
    missing = [name for name in required if name not in given]
    if missing:
        raise missing_fields(missing)
    if "email" in given:
        if not required:
            raise _fault("email", "read_only", "cannot be changed")
        given["email"] = email_address(given["email"])
    name = given.get("name", "-")
    if not isinstance(name, str) or not is_label(name, MAX_NAME):
        raise _fault("name", "invalid_text", f"must be 1 to {MAX_NAME} characters without control characters")
    for flag in ("disabled", "reset_password", "reset_totp"):
        if not isinstance(given.get(flag, False), bool):
            raise _fault(flag, "invalid_boolean", "must be true or false")
    roles = given.get("roles", {})
    if not isinstance(roles, dict) or any(role not in ROLES for role in roles.values() if isinstance(role, str)):
        raise _fault("roles", "invalid_role", f"must give one of {', '.join(ROLES)} by factory id, or by *")
    if not all(isinstance(role, str) for role in roles.values()):
        raise _fault("roles", "invalid_role", f"must give one of {', '.join(ROLES)} by factory id, or by *")
    return given


def email_address(text: Any, *, field: str = "email") -> str:
    """The address in lower case; raises InvalidInput for what cannot be one."""
    if not isinstance(text, str) or len(text) > MAX_EMAIL or not _EMAIL.fullmatch(text.strip()):
        raise _fault(field, "invalid_email", "must be an e-mail address")
    return text.strip().lower()


def _fault(field: str, code: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", code=code, errors=[{"field": field, "code": code, "message": message}])
