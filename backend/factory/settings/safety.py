"""Combinations of settings that must not start a server, with one sentence for each."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from factory.settings.settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_FEWEST_DIFFERENT = 10


def unsafe(settings: Settings) -> list[str]:
    problems = []
    if settings.access_is_open and settings.host not in LOOPBACK:
        problems.append(
            f"ACCESS is open, which is for HOST={LOOPBACK[0]} only: with HOST={settings.host} set ACCESS=required."
        )
    if not settings.access_is_open and (
        len(settings.secret_key) < 32 or len(set(settings.secret_key)) < _FEWEST_DIFFERENT
    ):
        problems.append(
            "SECRET_KEY must be 32 random characters or more where access is required: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(48))' makes one."
        )
    if settings.clock_at is not None and not settings.demo_mode:
        problems.append("CLOCK_AT is for sample data only: set DEMO_MODE=true with it.")
    if settings.clock_since is not None and settings.clock_at is None:
        problems.append("CLOCK_SINCE says when the clock of CLOCK_AT began: set CLOCK_AT with it.")
    given = (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)
    if any(given) and not all(given):
        problems.append("OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET go together.")
    if settings.database_replica_url is not None and not settings.database_url.startswith("postgresql"):
        problems.append("DATABASE_REPLICA_URL is a replica of a PostgreSQL database: set DATABASE_URL to its primary.")
    return problems


def unsafe_in_production(settings: Settings) -> list[str]:
    problems = []
    if settings.access_is_open:
        problems.append("ACCESS must not be open in production: everybody could see and change everything.")
    if "*" in settings.cors_origins:
        problems.append("CORS_ORIGINS must name origins in production: * lets every page call the API.")
    if settings.metrics_enabled and settings.metrics_token is None:
        problems.append("METRICS_TOKEN must be set in production, or METRICS_ENABLED be false.")
    if settings.metrics_token is not None and len(settings.metrics_token) < 16:
        problems.append("METRICS_TOKEN must have 16 characters or more in production.")
    if settings.oidc_issuer is not None and not settings.oidc_issuer.startswith("https://"):
        problems.append("OIDC_ISSUER must begin with https:// in production.")
    if settings.oidc_issuer is not None and not settings.public_url.startswith("https://"):
        problems.append("PUBLIC_URL must begin with https:// in production with OIDC_ISSUER, which leads back there.")
    if settings.demo_mode:
        problems.append("DEMO_MODE must be false in production: a request could replace real data with samples.")
    if settings.log_level == "DEBUG":
        problems.append("LOG_LEVEL must not be DEBUG in production: its lines may show data.")
    if settings.database_is_in_memory:
        problems.append("DATABASE_URL must not be an in-memory database in production: a restart would lose all data.")
    for name, url in (("DATABASE_URL", settings.database_url), ("DATABASE_REPLICA_URL", settings.database_replica_url)):
        if url is not None and url.startswith("postgresql") and not _authenticates(url):
            problems.append(f"{name} needs a password in production, except over a local socket.")
        if url is not None and url.startswith("postgresql") and not settings.trusted_network and _in_clear(url):
            problems.append(
                f"{name} reaches another host without TLS: end it with ?sslmode=verify-full&sslrootcert=FILE, "
                "or at least ?sslmode=require; TRUSTED_NETWORK=true accepts a network that nobody else reads."
            )
    counts = settings.rate_limit_storage_url
    if counts.startswith("redis://") and not settings.trusted_network and not _is_here(urlsplit(counts).hostname or ""):
        problems.append(
            "RATE_LIMIT_STORAGE_URL reaches another host without TLS: begin it with rediss://; TRUSTED_NETWORK=true "
            "accepts a network that nobody else reads."
        )
    return problems


def _authenticates(database_url: str) -> bool:
    url = urlsplit(database_url)
    query = parse_qs(url.query)
    over_socket = all(host == "" or host.startswith("/") for host in _hosts(database_url))
    return bool(url.password or query.keys() & {"password", "passfile", "service"} or over_socket)


def _in_clear(database_url: str) -> bool:
    """Return whether a connection to another host may be without TLS; libpq's default is to prefer it, no more."""
    query = parse_qs(urlsplit(database_url).query)
    if query.get("sslmode", [""])[-1] in ("require", "verify-ca", "verify-full") or "service" in query:
        return False
    return not all(map(_is_here, _hosts(database_url)))


def _hosts(database_url: str) -> list[str]:
    url = urlsplit(database_url)
    query = parse_qs(url.query)
    given = [host for name in ("host", "hostaddr") for text in query.get(name, []) for host in text.split(",")]
    return [_without_port(host) for host in given] or [url.hostname or ""]


def _without_port(host: str) -> str:
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _is_here(host: str) -> bool:
    return host in ("", *LOOPBACK) or host.startswith(("/", "@", "127."))
