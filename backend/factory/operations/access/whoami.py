"""The session as the page asks for it first: the user, the organisation, and permissions by factory."""

from __future__ import annotations

from typing import Any, get_args

from factory.domain.access.permissions import ROLES, Caller, Permission, Permissions
from factory.store import factories
from factory.store.access import organisations, recovery_codes, users
from factory.store.engine.database import Store


def describe_session(*, store: Store, caller: Caller | None, shows_persons: bool) -> dict[str, Any]:
    """Return `user`, `organisation`, `operator` and `factories` of a caller, or of an anonymous visitor.

    `shows_persons` holds for factories whose setting does not say whether persons are shown.
    """
    if caller is None:
        return {"user": None, "organisation": None, "operator": False, "factories": []}
    with store.acting_for(caller.organisation).snapshot() as tx:
        user = None if caller.user_key is None else users.by_key(tx, caller.user_key)
        codes_left = 0 if user is None else recovery_codes.left(tx, user.user_key)
        organisation = organisations.by_key(tx, caller.organisation)
        all_factories = [] if caller.is_operator else factories.list_factories(tx)
    return {
        "user": None if user is None else _rendered_user(user, caller, codes_left),
        "organisation": {"organisation_id": organisation.organisation_id, "name": organisation.name},
        "operator": caller.is_operator,
        "factories": [
            {
                "factory_id": factory.factory_id,
                "name": factory.name,
                "role": role_of(caller.permissions(factory.factory_id)),
                "permissions": in_order(caller.permissions(factory.factory_id)),
                "person_views": shows_persons if factory.person_views is None else factory.person_views,
            }
            for factory in all_factories
            if caller.permissions(factory.factory_id)
        ],
    }


def role_of(permissions: Permissions) -> str | None:
    """Return the greatest role whose permissions these include; a key that only ingests has none."""
    return next((role for role, allowed in reversed(list(ROLES.items())) if allowed <= permissions), None)


def in_order(permissions: Permissions) -> list[str]:
    """Permissions as they are declared, the one of organisations left out."""
    return [one for one in get_args(Permission) if one in permissions and one != "organisations"]


def _rendered_user(user: users.User, caller: Caller, codes_left: int) -> dict[str, Any]:
    return {
        "user_id": user.user_id,
        "name": user.name,
        "email": user.email,
        "must_change_password": user.must_change_password,
        "totp_enabled": user.totp_confirmed,
        "must_set_up_second_factor": caller.must_set_up_second_factor,
        "recovery_codes_left": codes_left,
    }
