"""Visibility of persons, and retention of raw events."""

from dataclasses import dataclass

from factory.settings.types import integer, one_of, option


@dataclass(frozen=True, kw_only=True)
class PrivacyOptions:
    """Privacy."""

    person_views: str = option(
        "auto",
        "on: users with permission see persons by name. off: nobody does, unless the factory's setting allows it. "
        "auto: off in production, else on.",
        one_of("auto", "on", "off"),
    )
    k_min: int = option(
        "5", "Figures of fewer persons than this are withheld from users who may not see persons.", integer(1, 1000)
    )
    retention_days: int = option(
        "0",
        "Raw events older than this many days are removed, and refused; no number changes by it. 0 keeps all.",
        integer(0, 36_500),
    )
