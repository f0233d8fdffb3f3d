"""The audience of an answer, and the record of views of persons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from factory.api.http.request import actor, caller, requested_factory, settings, store, view_log
from factory.domain.errors import NotAllowed
from factory.domain.privacy import Audience


def audience(factory_id: str | None = None) -> Audience:
    """Return the caller as the audience of an answer about a factory, that of this request if none is given."""
    factory_id = factory_id or requested_factory()
    return Audience(
        permitted=caller().may("persons", factory_id),
        by_default=settings().shows_persons,
        k_min=settings().k_min,
        views=caller().may("views", factory_id),
    )


Answer = TypeVar("Answer", bound="Names")


class Names(Protocol):
    """An answer that may name workers at workstations."""

    @property
    def named(self) -> Sequence[str]:
        """The ids of the workers, where the audience sees persons."""


def recorded_view(answer: Callable[[Audience], Answer]) -> Answer:
    """Return an answer about workstations; the view of each worker named in it is in the audit trail by then."""
    readers = audience()
    found = answer(readers)
    if not found.named or settings().access_is_open:
        return found
    allowed = view_log().record(
        store=store(),
        factory_id=requested_factory(),
        worker_ids=found.named,
        by=actor(),
        audience=readers,
        at_station=True,
    )
    return found if allowed == readers else answer(allowed)


def record_view(worker_ids: Sequence[str] | None) -> Audience:
    """Return the audience of data about some workers, or all; call it before anything is read.

    If the audience is shown persons, the view is in the audit trail when this returns. With open access nothing is
    recorded, since no caller is known. Raises NotAllowed for roles that see figures of the factory and stations only.
    """
    readers = audience()
    if not readers.views:
        raise NotAllowed("Your role does not allow this")
    if settings().access_is_open:
        return readers
    return view_log().record(
        store=store(), factory_id=requested_factory(), worker_ids=worker_ids, by=actor(), audience=readers
    )
