"""Whom an answer is for, and that somebody looks at persons."""

from __future__ import annotations

from collections.abc import Sequence

from factory.api.http.request import actor, caller, factory, looks, settings, store
from factory.domain.errors import NotAllowed
from factory.domain.privacy import Audience


def audience(where: str | None = None) -> Audience:
    """The caller as somebody who is shown persons or not, in the factory of this request or another one."""
    where = where or factory()
    return Audience(
        permitted=caller().may("persons", where),
        by_default=settings().shows_persons,
        k_min=settings().k_min,
        views=caller().may("views", where),
    )


def looking_at(worker_ids: Sequence[str] | None) -> Audience:
    """The audience of what is told of some workers, or of all; to be asked before anything is read.

    If they are shown persons, that they asked is in the audit trail then. Where access is open nobody is known, so
    there is nobody to name. Raises NotAllowed for who sees figures of the factory and its stations only.
    """
    readers = audience()
    if not readers.views:
        raise NotAllowed("Your role does not allow this")
    if settings().access_is_open:
        return readers
    return looks().note(store=store(), factory=factory(), worker_ids=worker_ids, by=actor(), audience=readers)
