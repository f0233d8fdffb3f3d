"""Declaration of an option, and the parsers of its text.

A parser returns the value or raises ValueError with the rest of a sentence that begins with the option's name.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from factory.domain.timestamp import parse_timestamp


@dataclass(frozen=True)
class Option:
    """One declared option: `parse` turns its text into the value or raises ValueError with the rest of a sentence."""

    name: str
    default: str
    description: str
    parse: Callable[[str], Any]
    secret: bool


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text

    return parse


def integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}")
        return value

    return parse


def share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError("must be a number from 0 to 1")
    return value


def http_url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", text):
        raise ValueError("must begin with http:// or https:// and name a host")
    return text


def site_url(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^\s/?#@]+/?", text):
        raise ValueError("must be such as https://factory.example.org; the site cannot be served below a path")
    return text.rstrip("/")


def boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in ("true", "1", "yes", "on"):
        return True
    if lowered in ("false", "0", "no", "off"):
        return False
    raise ValueError("must be true or false")


def instant(text: str) -> int:
    try:
        return parse_timestamp(text)
    except ValueError:
        raise ValueError("must be a timestamp such as 2015-01-01T00:00:00Z") from None


def optional_instant(text: str) -> int | None:
    return instant(text) if text else None


_POSTGRESQL = ("postgres", "postgresql", "postgresql+psycopg2")


def database_url(text: str) -> str:
    """Return the URL with the driver that we install, which is not SQLAlchemy's default for PostgreSQL.

    Of several PostgreSQL hosts the one that accepts writes is used, unless the URL says otherwise.
    """
    scheme, separator, rest = text.partition("://")
    try:
        urlsplit(text)
    except ValueError:
        raise ValueError("is not a URL") from None
    if separator and scheme in _POSTGRESQL:
        return f"postgresql+psycopg2://{_one_of_the_hosts(rest, 'read-write')}"
    if separator and scheme in ("sqlite", "sqlite+pysqlite"):
        return f"sqlite://{rest}"
    raise ValueError("must begin with sqlite:/// or postgresql://")


def replica_url(text: str) -> str | None:
    """Return the URL of a read-only server, or None for none; of several hosts a standby is used."""
    scheme, separator, rest = text.partition("://")
    if not text:
        return None
    if not separator or scheme not in _POSTGRESQL:
        raise ValueError("must begin with postgresql://")
    return database_url(f"{scheme}://{_one_of_the_hosts(rest, 'standby')}")


def _one_of_the_hosts(rest: str, attributes: str) -> str:
    rest = _hosts_apart(rest)
    hosts = re.findall(r"[?&]host=([^&]+)", rest)
    if len(hosts) + sum(host.count(",") for host in hosts) < 2 or "target_session_attrs=" in rest:
        return rest
    return f"{rest}&target_session_attrs={attributes}"


def _hosts_apart(rest: str) -> str:
    """Turn libpq's `user@a:5432,b:5432/name` into SQLAlchemy's `user@/name?host=a:5432&host=b:5432`."""
    place, _, query = rest.partition("?")
    authority, slash, path = place.partition("/")
    user, at, hosts = authority.rpartition("@")
    if "," not in hosts:
        return rest
    named = "&".join(f"host={host}" for host in hosts.split(","))
    return f"{user}{at}{slash or '/'}{path}?{named}{'&' if query else ''}{query}"


def upper_one_of(*choices: str) -> Callable[[str], str]:
    choose = one_of(*choices)
    return lambda text: choose(text.upper())


def rate(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour)", text):
        raise ValueError("must be a number of requests such as 100/second or 20/minute")
    return text


_ORIGIN = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?|\*")


def origins(text: str) -> tuple[str, ...]:
    given = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(map(_ORIGIN.fullmatch, given)):
        raise ValueError("must be origins such as https://screens.example.org, with commas between them")
    return given


def limit_storage(text: str) -> str:
    if text != "memory://" and not text.startswith(("redis://", "rediss://", "redis+unix://")):
        raise ValueError("must be memory:// or begin with redis:// or rediss://")
    return text


def optional_text(text: str) -> str | None:
    return text or None


def option(default: str, description: str, parse: Callable[[str], Any], *, env: str = "", secret: bool = False) -> Any:
    metadata = {"default": default, "description": description, "parse": parse, "secret": secret, "env": env}
    return field(default=parse(default), repr=not secret, metadata=metadata)
