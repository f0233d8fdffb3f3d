"""The scope in which somebody administers users: the whole organisation, or single factories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from factory.domain.access.permissions import EVERYWHERE, Caller


@dataclass(frozen=True)
class AdminScope:
    """Every factory, or the factories of these ids."""

    everywhere: bool
    factories: frozenset[str] = frozenset()

    @staticmethod
    def of(caller: Caller) -> AdminScope:
        """Return the factories in which a caller has the permission `people`."""
        granted = frozenset(factory_id for factory_id, allowed in caller.granted.items() if "people" in allowed)
        return AdminScope(EVERYWHERE in granted, granted - {EVERYWHERE})

    def limit_to(self, roles: Mapping[str, str]) -> dict[str, str]:
        """Those of a user's roles that are in scope."""
        return {
            factory_id: role for factory_id, role in roles.items() if self.everywhere or factory_id in self.factories
        }

    def includes_any(self, roles: Mapping[str, str]) -> bool:
        """Return whether a user with these roles is in scope at all."""
        return self.everywhere or bool(self.limit_to(roles))

    def includes_all(self, roles: Mapping[str, str]) -> bool:
        """Return whether all of a user's roles are in scope, so that the user may be changed."""
        return self.everywhere or (bool(roles) and len(self.limit_to(roles)) == len(roles))
