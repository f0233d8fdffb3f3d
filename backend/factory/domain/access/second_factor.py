"""Who has to have a second factor: all from a role on, by the installation's setting and the organisation's."""

from __future__ import annotations

from collections.abc import Iterable

from factory.domain.access.permissions import ROLES

OFF = "off"
CHOICES = (OFF, *reversed(list(ROLES)))
"""Nobody, or everybody with that role or a greater one somewhere; the later the stricter."""


def is_required(settings: Iterable[str | None], roles: Iterable[str], *, is_operator: bool) -> bool:
    """Return whether any of the settings demands a second factor of somebody with these roles.

    An operator of the platform counts as an administrator.
    """
    order = list(ROLES)
    greatest = max((order.index(role) for role in (*roles, *(["admin"] if is_operator else []))), default=-1)
    return any(greatest >= order.index(least) for least in settings if least not in (None, OFF))
