"""Limits of events, and the interval of the background refresher."""

from dataclasses import dataclass

from factory.settings.types import instant, integer, one_of, option, seconds


@dataclass(frozen=True, kw_only=True)
class EventOptions:
    """Events."""

    max_clock_skew_seconds: int = option(
        "300", "How far in the future an event's timestamp may lie, in seconds.", integer(0, 86_400)
    )
    min_timestamp_us: int = option(
        "2015-01-01T00:00:00Z", "Events before this instant are refused.", instant, env="MIN_TIMESTAMP"
    )
    unknown_entity_policy: str = option(
        "register",
        "On an event of an unknown worker or workstation: register it, or reject the event.",
        one_of("register", "reject"),
    )
    max_new_names_per_hour: int = option(
        "2000",
        "Most new workers, workstations, sources and model versions that events of one key or person register in a "
        "factory and hour; events with further ones are refused.",
        integer(1, 1_000_000),
    )
    refresh_interval_seconds: float = option(
        "1.0",
        "Pause between two rounds of the background refresher of derived rows; 0 leaves all of it to readers.",
        seconds(0, 3600),
    )
