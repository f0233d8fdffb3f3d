"""Permissions, the table of roles, and the caller of a request.

A permission is held in a factory, or in every factory of an organisation. Routes name the one they need
(api/http/contract.py); what persons a caller may see is domain/privacy.py's matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Permission = Literal[
    "figures",  # figures and states of the factory and its workstations
    "views",  # every view of the dashboard
    "persons",  # workers by name, and the data of single workers
    "enter",  # enter an event by hand
    "ingest",  # send events as a machine
    "registry",  # name, add and erase workers and workstations
    "export",  # take data out
    "settings",  # the factory's settings
    "people",  # users, keys and the audit trail
    "organisations",  # organisations of the installation
]
Permissions = frozenset[Permission]
PERMISSIONS: Permissions = frozenset(get_args(Permission))

_WALL: Permissions = frozenset({"figures"})
_VIEWER: Permissions = _WALL | frozenset[Permission]({"views"})
_SUPERVISOR: Permissions = _VIEWER | frozenset[Permission]({"persons", "enter"})
_MANAGER: Permissions = _SUPERVISOR | frozenset[Permission]({"registry", "export", "settings"})
_ADMIN: Permissions = _MANAGER | frozenset[Permission]({"people"})

ROLES: Mapping[str, Permissions] = {
    "wall": _WALL,
    "viewer": _VIEWER,
    "supervisor": _SUPERVISOR,
    "manager": _MANAGER,
    "admin": _ADMIN,
}
"""Permissions of a user in a factory, by role; each role includes the one before."""

OPERATOR: Permissions = frozenset({"organisations"})
"""Permissions of a platform operator; none of them in a factory."""

SCOPES: Mapping[str, Permissions] = {
    "ingest": frozenset({"ingest"}),
    "read": _VIEWER,
    "admin": _ADMIN | frozenset[Permission]({"ingest"}),
}
"""Permissions of a key in its factory, by scope."""

EVERYWHERE = "*"
"""In place of a factory's id: every factory of the organisation."""

PLATFORM, DEFAULT_ORGANISATION = 0, 1
"""Keys of two organisations: the one of the platform's operators, which has no factory, and the first one."""


@dataclass(frozen=True)
class Caller:
    """The caller of a request: a user, a key, or anybody where access is open."""

    name: str
    """As in the audit trail: a user's e-mail address, `key fk_…`, `open access`, `command line`."""
    organisation: int
    granted: Mapping[str, Permissions] = field(default_factory=dict)
    """Permissions by factory id, or EVERYWHERE."""
    user_key: int | None = None
    session_key: int | None = None
    api_key: int | None = None
    must_change_password: bool = False
    needs_second_factor: bool = False
    has_second_factor: bool = False

    @property
    def must_set_up_second_factor(self) -> bool:
        """True if a second factor is required of a user who has none."""
        return self.needs_second_factor and not self.has_second_factor

    def permissions(self, factory_id: str) -> Permissions:
        """Return the caller's permissions in a factory of the organisation; none without a role."""
        return self.granted.get(factory_id, frozenset()) | self.granted.get(EVERYWHERE, frozenset())

    def may(self, permission: Permission, factory_id: str) -> bool:
        """Return whether the caller has a permission in a factory, or with EVERYWHERE in all of them."""
        return permission in self.permissions(factory_id)

    @property
    def is_everywhere(self) -> bool:
        """True if the caller has a role in every factory, future ones included."""
        return EVERYWHERE in self.granted

    @property
    def is_operator(self) -> bool:
        """True if the caller is an operator of the platform."""
        return self.organisation == PLATFORM

    @property
    def only_factory(self) -> str | None:
        """The one factory that the caller may act in, if there is just one."""
        return next(iter(self.granted)) if len(self.granted) == 1 and not self.is_everywhere else None


@dataclass(frozen=True)
class Actor:
    """The actor of a change, for the audit trail; `now` is in microseconds."""

    name: str
    organisation: int
    now: int
    address: str = ""
    request_id: str = ""
    user_key: int | None = None
    browser: str = ""
