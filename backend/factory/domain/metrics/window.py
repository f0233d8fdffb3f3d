"""The window [from, to) of a question, cut at the moment of evaluation (SPEC sections 1 and 4)."""

from __future__ import annotations

from typing import Any, NamedTuple

from factory.domain.errors import FieldError, InvalidInput
from factory.domain.metrics.formulas import DEFINITIONS_VERSION
from factory.domain.metrics.rounding import hours
from factory.domain.timestamp import DAY, HOUR, format_timestamp

WHOLE_DAYS = "whole days that are over"


class Window(NamedTuple):
    """Instants in microseconds; start <= end."""

    start: int
    end: int
    evaluated_at: int
    whole_days: bool = False
    """Whether it was cut to whole days of the factory's calendar, for an audience that sees no persons."""

    @property
    def elapsed(self) -> int:
        """The length in microseconds."""
        return self.end - self.start

    def rendered(self, time_zone: str, state_timeout_seconds: int) -> dict[str, Any]:
        """Return the `window` of an answer."""
        rendered = {
            "from": format_timestamp(self.start),
            "to": format_timestamp(self.end),
            "elapsed_hours": hours(self.elapsed),
            "evaluated_at": format_timestamp(self.evaluated_at),
            "time_zone": time_zone,
            "state_timeout_seconds": state_timeout_seconds,
            "definitions_version": DEFINITIONS_VERSION,
        }
        return rendered | ({"cut_to": WHOLE_DAYS} if self.whole_days else {})


def require_order(start: int | None, end: int | None) -> None:
    """Raise InvalidInput when the parameter `from` is after `to`."""
    if start is not None and end is not None and start > end:
        fault: FieldError = {"field": "from", "code": "from_after_to", "message": "must not be after to"}
        raise InvalidInput("from must not be after to", code="from_after_to", errors=[fault])


def window_of(start: int | None, end: int | None, first_event: int | None, now: int) -> Window:
    """Return the window of the parameters `from` and `to`; raises InvalidInput when from is after to.

    Without `from` it begins at the first event, and is empty where that is after its end. A window wholly
    in the future is empty at its beginning.
    """
    require_order(start, end)
    cut = now if end is None else min(end, now)
    if start is None:
        start = cut if first_event is None else min(first_event, cut)
    return Window(start, max(start, cut), now)


def oldest_kept(days: int, now: int) -> int | None:
    """Return the instant before which raw events are removed and refused (SPEC section 4); None where `days` is 0.

    A whole hour, so that it is the same for all who ask about the same time.
    """
    return (now - days * DAY) // HOUR * HOUR if days else None
