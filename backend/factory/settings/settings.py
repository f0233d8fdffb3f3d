"""All options together, and what some of them come to."""

from dataclasses import dataclass

from factory.domain.event import EventRules
from factory.domain.metrics.window import oldest_kept
from factory.domain.timestamp import SECOND
from factory.settings.access import AccessOptions
from factory.settings.database import DatabaseOptions
from factory.settings.events import EventOptions
from factory.settings.limits import LimitOptions
from factory.settings.observation import ObservationOptions
from factory.settings.privacy import PrivacyOptions
from factory.settings.service import ServiceOptions

GROUPS = (
    ServiceOptions,
    DatabaseOptions,
    AccessOptions,
    PrivacyOptions,
    LimitOptions,
    EventOptions,
    ObservationOptions,
)
"""In the order in which people read them."""


@dataclass(frozen=True, kw_only=True)
class Settings(
    ServiceOptions, DatabaseOptions, AccessOptions, PrivacyOptions, LimitOptions, EventOptions, ObservationOptions
):
    """Every option with its value; made by `load_settings`, or in tests by naming what differs from the defaults."""

    def event_rules(self, now: int, *, max_events: int | None = None) -> EventRules:
        """The bounds of an event that arrives at `now`, in microseconds; by default of `max_batch_events` in a body."""
        return EventRules(
            now=now,
            max_clock_skew_us=self.max_clock_skew_seconds * SECOND,
            min_timestamp_us=max(self.min_timestamp_us, oldest_kept(self.retention_days, now) or self.min_timestamp_us),
            max_events=self.max_batch_events if max_events is None else max_events,
        )

    @property
    def logs_as_json(self) -> bool:
        """What `log_format` comes to in this environment."""
        return self.log_format == "json" or (self.log_format == "auto" and self.environment != "development")

    @property
    def access_is_open(self) -> bool:
        """What `access` comes to in this environment."""
        return self.access == "open" or (self.access == "auto" and self.environment == "development")

    @property
    def shows_persons(self) -> bool:
        """What `person_views` comes to in this environment."""
        return self.person_views == "on" or (self.person_views == "auto" and self.environment != "production")

    @property
    def database_is_in_memory(self) -> bool:
        """Whether the data is gone with the process, and no second process can see it."""
        scheme, _, rest = self.database_url.partition("://")
        path, _, query = rest.partition("?")
        return scheme.startswith("sqlite") and (path in ("", "/", "/:memory:") or "mode=memory" in query)
