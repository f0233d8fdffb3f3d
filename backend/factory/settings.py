"""The options of the server and the command line, each declared once.

An option is a field of `Settings`: its environment variable is the field's name in capitals, its default
is written as a person would write it in the environment, and its description is what `.env.example` repeats.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from factory.domain.timestamp import parse_timestamp

REPOSITORY = Path(__file__).resolve().parents[2]


class SettingsError(Exception):
    """The environment holds values that must not start a server; `problems` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Option:
    """One declared option: `parse` turns its text into the value or raises ValueError with the rest of a sentence."""

    name: str
    default: str
    description: str
    parse: Callable[[str], Any]
    secret: bool


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text

    return parse


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return parse


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}")
        return value

    return parse


def _boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in ("true", "1", "yes", "on"):
        return True
    if lowered in ("false", "0", "no", "off"):
        return False
    raise ValueError("must be true or false")


def _instant(text: str) -> int:
    try:
        return parse_timestamp(text)
    except ValueError:
        raise ValueError("must be a timestamp such as 2015-01-01T00:00:00Z") from None


def _database_url(text: str) -> str:
    """The URL with its driver named: SQLAlchemy's own default driver for PostgreSQL is not the one we install."""
    scheme, separator, rest = text.partition("://")
    try:
        urlsplit(text)
    except ValueError:
        raise ValueError("is not a URL") from None
    if separator and scheme in ("postgres", "postgresql", "postgresql+psycopg2"):
        return f"postgresql+psycopg2://{rest}"
    if separator and scheme in ("sqlite", "sqlite+pysqlite"):
        return f"sqlite://{rest}"
    raise ValueError("must begin with sqlite:/// or postgresql://")


def _upper_one_of(*choices: str) -> Callable[[str], str]:
    choose = _one_of(*choices)
    return lambda text: choose(text.upper())


def _optional_text(text: str) -> str | None:
    return text or None


def _option(default: str, description: str, parse: Callable[[str], Any], *, env: str = "", secret: bool = False) -> Any:
    metadata = {"default": default, "description": description, "parse": parse, "secret": secret, "env": env}
    return field(default=parse(default), repr=not secret, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every option with its value; made by `load_settings`, or in tests by naming what differs from the defaults."""

    environment: str = _option(
        "development",
        "Profile: development, staging or production. Production refuses unsafe values.",
        _one_of("development", "staging", "production"),
    )
    database_url: str = _option(
        "sqlite:///var/factory.db",
        "Where the data lives: sqlite:///path or postgresql://user:password@host:port/name.",
        _database_url,
        secret=True,
    )
    db_pool_size: int = _option("5", "Database connections each server process keeps open.", _integer(1, 500))
    db_max_overflow: int = _option(
        "5", "Further connections each process may open for a while under load.", _integer(0, 500)
    )
    db_pool_timeout_seconds: float = _option(
        "5", "How long a request waits for a free connection before it is answered 503.", _seconds(0.1, 600)
    )
    db_statement_timeout_seconds: float = _option(
        "30",
        "How long one database statement may run before the request is answered 503; 0 means no limit.",
        _seconds(0, 86_400),
    )
    db_slow_statement_ms: int = _option(
        "500", "Database statements slower than this many milliseconds are logged; 0 logs none.", _integer(0, 3_600_000)
    )
    db_lock_timeout_seconds: float = _option(
        "10", "How long a request waits for what another one has locked before it is answered 503.", _seconds(0.1, 600)
    )
    auto_migrate: bool = _option("true", "Bring the database schema up to date when the server starts.", _boolean)
    host: str = _option("127.0.0.1", "Address the server listens on; 0.0.0.0 for every interface.", str)
    port: int = _option("5000", "Port the server listens on.", _integer(1, 65_535))
    web_workers: int = _option("2", "Server processes.", _integer(1, 256))
    max_requests_in_flight: int = _option(
        "32", "Requests that each server process takes on at once; one more is answered 503.", _integer(1, 1000)
    )
    log_level: str = _option(
        "INFO",
        "DEBUG, INFO, WARNING or ERROR.",
        _upper_one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    )
    log_format: str = _option(
        "auto", "json, text, or auto: text in development, else json.", _one_of("auto", "json", "text")
    )
    max_clock_skew_seconds: int = _option(
        "300", "How far in the future an event's timestamp may lie, in seconds.", _integer(0, 86_400)
    )
    min_timestamp_us: int = _option(
        "2015-01-01T00:00:00Z", "Events before this instant are refused.", _instant, env="MIN_TIMESTAMP"
    )
    unknown_entity_policy: str = _option(
        "register",
        "What an event about an unknown worker or workstation does: register it, or reject the event.",
        _one_of("register", "reject"),
    )
    max_batch_events: int = _option("10000", "Most events in one batch.", _integer(1, 1_000_000))
    max_body_bytes: int = _option("16777216", "Largest request body in bytes, inflated.", _integer(1024, 1 << 30))
    demo_mode: bool = _option(
        "false", "Allow POST /api/v1/demo/seed, which replaces data with the sample data set.", _boolean
    )
    refresh_interval_seconds: float = _option(
        "1.0",
        "Pause between two rounds of the background refresher of derived state; 0 leaves all of it to the readers.",
        _seconds(0, 3600),
    )
    metrics_enabled: bool = _option("true", "Serve Prometheus metrics at /metrics.", _boolean)
    prometheus_multiproc_dir: str | None = _option(
        "", "Directory in which server processes share their Prometheus series; empty makes one.", _optional_text
    )
    frontend_dir: str = _option(
        "",
        "Directory of the static page; empty is the frontend directory of the repository.",
        lambda text: text or str(REPOSITORY / "frontend"),
    )

    @property
    def logs_as_json(self) -> bool:
        """What `log_format` comes to in this environment."""
        return self.log_format == "json" or (self.log_format == "auto" and self.environment != "development")

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
    for attribute, option in declared_options().items():
        try:
            text = _text_of(option, environ)
            if text:
                values[attribute] = option.parse(text)
        except ValueError as problem:
            problems.append(f"{option.name} {problem}.")
    if problems:
        raise SettingsError(problems)
    settings = Settings(**values)
    problems = _unsafe_in_production(settings) if settings.environment == "production" else []
    if problems:
        raise SettingsError(problems)
    return settings


def _text_of(option: Option, environ: Mapping[str, str]) -> str:
    text = environ.get(option.name, "").strip()
    path = environ.get(f"{option.name}_FILE", "").strip() if option.secret else ""
    if not path:
        return text
    if text:
        raise ValueError(f"is given twice, also as {option.name}_FILE; give one of them")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ValueError(f"cannot be read from the file that {option.name}_FILE names ({problem})") from None


def _unsafe_in_production(settings: Settings) -> list[str]:
    problems = []
    if settings.demo_mode:
        problems.append("DEMO_MODE must be false in production: a request could replace real data with samples.")
    if settings.log_level == "DEBUG":
        problems.append("LOG_LEVEL must not be DEBUG in production: its lines may show data.")
    if settings.database_is_in_memory:
        problems.append("DATABASE_URL must not be an in-memory database in production: a restart would lose all data.")
    if settings.database_url.startswith("postgresql") and not _authenticates(settings.database_url):
        problems.append("DATABASE_URL needs a password in production, except over a local socket.")
    return problems


def _authenticates(database_url: str) -> bool:
    url = urlsplit(database_url)
    query = parse_qs(url.query)
    hosts = query.get("host", [url.hostname or ""])
    over_socket = all(host == "" or host.startswith("/") for host in hosts)
    return bool(url.password or query.keys() & {"password", "passfile", "service"} or over_socket)


def load_from_process() -> Settings:
    """The settings of this process's environment."""
    return load_settings(os.environ)
