"""Audience of an answer, and what it is told of persons where it may not see them.

Such readers see pseudonyms, and no figure over fewer than `k_min` persons (domain/withheld.py). docs/PRIVACY.md says
what that protects against, and what not.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass, replace

_DIGITS_OF_A_PSEUDONYM = 8


@dataclass(frozen=True)
class Audience:
    """A caller for whom an answer is made, in one factory."""

    permitted: bool
    """Whether the caller's role lets them see persons."""
    by_default: bool
    """Whether a factory that has no setting of its own shows persons at all."""
    k_min: int
    views: bool = True
    """Whether the caller sees more than figures and states of the factory and its workstations."""

    def sees_persons(self, person_views: bool | None) -> bool:
        """Whether the caller sees persons by name in a factory of that setting; None is the default's."""
        return self.permitted and (self.by_default if person_views is None else person_views)

    def without_persons(self) -> Audience:
        """Return the same caller, in a factory that shows nobody."""
        return replace(self, permitted=False)


def pseudonym(key: bytes, worker_id: str) -> str:
    """Return the pseudonym of a worker's id and name: the same in all answers of the factory that has the key."""
    mac = hmac.digest(key, worker_id.encode(), "sha256")
    return "P-" + base64.b32encode(mac).decode()[:_DIGITS_OF_A_PSEUDONYM]


def erased_digest(key: bytes, worker_id: str) -> bytes:
    """Return a digest of an erased id: enough to recognise the id, unreadable without the factory's key."""
    return hmac.digest(key, b"erased\0" + worker_id.encode(), "sha256")
