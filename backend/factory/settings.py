"""The options of the server and the command line, each declared once.

An option is a field of `Settings`: its environment variable is the field's name in capitals, its default
is written as a person would write it in the environment, and its description is what `.env.example` repeats.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from factory.domain.retention import oldest_kept
from factory.settings_safety import unsafe, unsafe_in_production
from factory.settings_types import (
    Option,
    boolean,
    database_url,
    instant,
    integer,
    limit_storage,
    one_of,
    option,
    optional_text,
    origins,
    rate,
    seconds,
    upper_one_of,
)

REPOSITORY = Path(__file__).resolve().parents[2]


class SettingsError(Exception):
    """The environment holds values that must not start a server; `problems` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every option with its value; made by `load_settings`, or in tests by naming what differs from the defaults."""

    environment: str = option(
        "development",
        "Profile: development, staging or production. Production refuses unsafe values.",
        one_of("development", "staging", "production"),
    )
    database_url: str = option(
        "sqlite:///var/factory.db",
        "Where the data lives: sqlite:///path or postgresql://user:password@host:port/name.",
        database_url,
        secret=True,
    )
    db_pool_size: int = option("5", "Database connections each server process keeps open.", integer(1, 500))
    db_max_overflow: int = option(
        "5", "Further connections each process may open for a while under load.", integer(0, 500)
    )
    db_pool_timeout_seconds: float = option(
        "5", "How long a request waits for a free connection before it is answered 503.", seconds(0.1, 600)
    )
    db_statement_timeout_seconds: float = option(
        "30",
        "How long one database statement may run before the request is answered 503; 0 means no limit.",
        seconds(0, 86_400),
    )
    db_slow_statement_ms: int = option(
        "500", "Database statements slower than this many milliseconds are logged; 0 logs none.", integer(0, 3_600_000)
    )
    db_lock_timeout_seconds: float = option(
        "10", "How long a request waits for what another one has locked before it is answered 503.", seconds(0.1, 600)
    )
    auto_migrate: bool = option("true", "Bring the database schema up to date when the server starts.", boolean)
    access: str = option(
        "auto",
        "required: every request needs a credential. open: everybody may do everything, on a loopback HOST only. "
        "auto: open in development, else required.",
        one_of("auto", "open", "required"),
    )
    secret_key: str = option(
        "",
        "Signs access tokens, encrypts the secrets of one-time codes; 32 characters or more where access is required.",
        str,
        secret=True,
    )
    access_token_minutes: int = option("10", "How long an access token is valid before it is renewed.", integer(1, 60))
    session_days: int = option("7", "How long a sign-in lasts without being used.", integer(1, 90))
    access_cache_seconds: float = option(
        "1",
        "How long a server process goes on with what it knows of a key or a sign-in; a revocation takes effect within.",
        seconds(0, 60),
    )
    password_min_length: int = option("12", "Fewest characters of a password.", integer(8, 128))
    person_views: str = option(
        "auto",
        "on: those who may see persons see them by name. off: nobody does, until the factory's setting says so. "
        "auto: off in production, else on.",
        one_of("auto", "on", "off"),
    )
    k_min: int = option(
        "5", "Figures of fewer persons than this are withheld from those who may not see persons.", integer(1, 1000)
    )
    oidc_issuer: str | None = option(
        "", "Address of the OpenID provider whose users may sign in; empty for none.", optional_text
    )
    oidc_client_id: str | None = option("", "What the OpenID provider calls this installation.", optional_text)
    oidc_client_secret: str | None = option(
        "", "The secret that the OpenID provider gave this installation.", optional_text, secret=True
    )
    oidc_name: str = option("SSO", "What the sign-in page calls the OpenID provider.", str)
    rate_limit_ingest: str = option(
        "1000/second", "Requests that bring events, for each key or user, where access is required.", rate
    )
    rate_limit_read: str = option(
        "100/second", "Other requests to the API, for each key, user or address, where access is required.", rate
    )
    rate_limit_sign_in: str = option("20/minute", "Attempts to sign in, for each address.", rate)
    rate_limit_storage_url: str = option(
        "memory://",
        "Where requests are counted: memory:// in each server process, redis://host:6379/0 for all of them.",
        limit_storage,
        secret=True,
    )
    cors_origins: tuple[str, ...] = option(
        "", "Origins of other pages that may call the API, with commas between them.", origins
    )
    trusted_proxies: int = option(
        "0",
        "Proxies in front of the server, one behind the other, whose X-Forwarded headers are true.",
        integer(0, 10),
    )
    host: str = option("127.0.0.1", "Address the server listens on; 0.0.0.0 for every interface.", str)
    port: int = option("5000", "Port the server listens on.", integer(1, 65_535))
    web_workers: int = option("2", "Server processes.", integer(1, 256))
    max_requests_in_flight: int = option(
        "32", "Requests that each server process takes on at once; one more is answered 503.", integer(1, 1000)
    )
    log_level: str = option(
        "INFO",
        "DEBUG, INFO, WARNING or ERROR.",
        upper_one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    )
    log_format: str = option(
        "auto", "json, text, or auto: text in development, else json.", one_of("auto", "json", "text")
    )
    max_clock_skew_seconds: int = option(
        "300", "How far in the future an event's timestamp may lie, in seconds.", integer(0, 86_400)
    )
    min_timestamp_us: int = option(
        "2015-01-01T00:00:00Z", "Events before this instant are refused.", instant, env="MIN_TIMESTAMP"
    )
    retention_days: int = option(
        "0",
        "Raw events older than this many days are removed, and refused; no number changes by it. 0 keeps all.",
        integer(0, 36_500),
    )
    unknown_entity_policy: str = option(
        "register",
        "What an event about an unknown worker or workstation does: register it, or reject the event.",
        one_of("register", "reject"),
    )
    max_batch_events: int = option("10000", "Most events in one batch.", integer(1, 1_000_000))
    max_body_bytes: int = option("16777216", "Largest request body in bytes, inflated.", integer(1024, 1 << 30))
    demo_mode: bool = option(
        "false", "Allow POST /api/v1/demo/seed, which replaces data with the sample data set.", boolean
    )
    refresh_interval_seconds: float = option(
        "1.0",
        "Pause between two rounds of the background refresher of derived state; 0 leaves all of it to the readers.",
        seconds(0, 3600),
    )
    metrics_enabled: bool = option("true", "Serve Prometheus metrics at /metrics.", boolean)
    metrics_token: str | None = option(
        "", "Bearer token that /metrics asks for; empty asks for none.", optional_text, secret=True
    )
    prometheus_multiproc_dir: str | None = option(
        "", "Directory in which server processes share their Prometheus series; empty makes one.", optional_text
    )
    frontend_dir: str = option(
        "",
        "Directory of the static page; empty is the frontend directory of the repository.",
        lambda text: text or str(REPOSITORY / "frontend"),
    )

    def min_timestamp_at(self, now: int) -> int:
        """The instant before which an event is refused at `now`; in microseconds both."""
        return max(self.min_timestamp_us, oldest_kept(self.retention_days, now) or self.min_timestamp_us)

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


def declared_options() -> dict[str, Option]:
    """Every option by the name of its field in `Settings`."""
    return {
        one.name: Option(
            name=one.metadata["env"] or one.name.upper(),
            default=one.metadata["default"],
            description=one.metadata["description"],
            parse=one.metadata["parse"],
            secret=one.metadata["secret"],
        )
        for one in fields(Settings)
    }


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings that `environ` describes; an empty value is the default.

    A secret may be read from the file that NAME_FILE names. Raises SettingsError with a sentence for each problem.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for attribute, declared in declared_options().items():
        try:
            text = _text_of(declared, environ)
            if text:
                values[attribute] = declared.parse(text)
        except ValueError as problem:
            problems.append(f"{declared.name} {problem}.")
    if problems:
        raise SettingsError(problems)
    settings = Settings(**values)
    problems = unsafe(settings)
    if settings.environment == "production":
        problems += unsafe_in_production(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def _text_of(declared: Option, environ: Mapping[str, str]) -> str:
    text = environ.get(declared.name, "").strip()
    path = environ.get(f"{declared.name}_FILE", "").strip() if declared.secret else ""
    if not path:
        return text
    if text:
        raise ValueError(f"is given twice, also as {declared.name}_FILE; give one of them")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ValueError(f"cannot be read from the file that {declared.name}_FILE names ({problem})") from None


def load_from_process() -> Settings:
    """The settings of this process's environment."""
    return load_settings(os.environ)
