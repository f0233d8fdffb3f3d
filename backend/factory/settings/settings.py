"""All options together, and values that follow from several of them."""

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
"""Groups in the order of `.env.example`."""


@dataclass(frozen=True, kw_only=True)
class Settings(
    ServiceOptions, DatabaseOptions, AccessOptions, PrivacyOptions, LimitOptions, EventOptions, ObservationOptions
):
    """Every option with its value; made by `load_settings`, or in tests from the changes to the defaults."""

    def event_rules(self, now: int, *, max_events: int | None = None) -> EventRules:
        """Return the limits of an event that arrives at `now` (microseconds); by default with `max_batch_events`."""
        return EventRules(
            now=now,
            max_clock_skew_us=self.max_clock_skew_seconds * SECOND,
            min_timestamp_us=max(self.min_timestamp_us, oldest_kept(self.retention_days, now) or self.min_timestamp_us),
            max_events=self.max_batch_events if max_events is None else max_events,
        )

    @property
    def logs_as_json(self) -> bool:
        """True if `log_format` means JSON in this environment."""
        return self.log_format == "json" or (self.log_format == "auto" and self.environment != "development")

    @property
    def access_is_open(self) -> bool:
        """True if `access` means open in this environment."""
        return self.access == "open" or (self.access == "auto" and self.environment == "development")

    @property
    def shows_persons(self) -> bool:
        """True if `person_views` means on in this environment."""
        return self.person_views == "on" or (self.person_views == "auto" and self.environment != "production")

    @property
    def database_is_in_memory(self) -> bool:
        """True for an in-memory database, which ends with its process and is invisible to others."""
        scheme, _, rest = self.database_url.partition("://")
        path, _, query = rest.partition("?")
        return scheme.startswith("sqlite") and (path in ("", "/", "/:memory:") or "mode=memory" in query)
