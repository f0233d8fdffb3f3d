"""Request limits, rate limits and trusted proxies."""

from dataclasses import dataclass

from factory.settings.types import integer, limit_storage, option, origins, rate


@dataclass(frozen=True, kw_only=True)
class LimitOptions:
    """Limits."""

    rate_limit_ingest: str = option(
        "1000/second", "Requests with events, per key or user, if access is required.", rate
    )
    rate_limit_read: str = option(
        "100/second", "Other requests to the API, per key, user or address, if access is required.", rate
    )
    rate_limit_sign_in: str = option("20/minute", "Attempts to sign in, per address.", rate)
    rate_limit_storage_url: str = option(
        "memory://",
        "Where requests are counted: memory:// in each server process, redis://host:6379/0 for all of them.",
        limit_storage,
        secret=True,
    )
    max_requests_in_flight: int = option(
        "32", "Most requests under way in each server process; one more is answered 503.", integer(1, 1000)
    )
    max_body_bytes: int = option("16777216", "Largest request body in bytes, inflated.", integer(1024, 1 << 30))
    max_batch_events: int = option("10000", "Most events in one batch.", integer(1, 1_000_000))
    cors_origins: tuple[str, ...] = option(
        "", "Origins of other pages that may call the API, separated by commas.", origins
    )
    trusted_proxies: int = option(
        "0",
        "Number of proxies in front of the server, one behind the other, whose X-Forwarded headers are trusted.",
        integer(0, 10),
    )
