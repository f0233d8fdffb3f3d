"""Write .env.example from the declared options and docker-compose.yml: `python -m tools.env_example`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

from factory.settings import GROUPS, Option, declared_options
from tools.composition import MEANINGS, defaults, profiles

EXAMPLE = Path(__file__).resolve().parents[1] / ".env.example"

_HEAD = """\
Every option with its meaning and its default, in groups; at the end a complete example for each profile. Copy it to \
.env and change what you need: `make run` reads that file. An empty value is the default. A secret can be in a file: \
DATABASE_URL_FILE=/run/secrets/database_url replaces DATABASE_URL. For docker compose begin with an empty .env and add \
only your changes: some defaults differ there, as its section says."""

FEATURE_FLAGS = (
    "DEMO_MODE",
    "PERSON_VIEWS",
    "OIDC_ISSUER",
    "DATABASE_REPLICA_URL",
    "DB_POOLER",
    "METRICS_ENABLED",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
)
"""Options that turn a part of the server on or off, or an optional service beside it."""

PROFILES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "development": (
        "On one's own machine: open, on loopback only, sample data by a request.",
        {"DEMO_MODE": "true", "K_MIN": "1", "LOG_LEVEL": "DEBUG"},
    ),
    "staging": (
        "Like production, with persons by name and more in the logs.",
        {
            "DATABASE_URL_FILE": "/run/secrets/database_url",
            "SECRET_KEY_FILE": "/run/secrets/secret_key",
            "HOST": "0.0.0.0",
            "TRUSTED_PROXIES": "1",
            "DB_SLOW_STATEMENT_MS": "100",
        },
    ),
    "production": (
        "Behind NGINX, on PostgreSQL, several processes with one count of requests.",
        {
            "DATABASE_URL_FILE": "/run/secrets/database_url",
            "SECRET_KEY_FILE": "/run/secrets/secret_key",
            "METRICS_TOKEN_FILE": "/run/secrets/metrics_token",
            "RATE_LIMIT_STORAGE_URL_FILE": "/run/secrets/redis_url",
            "HOST": "0.0.0.0",
            "TRUSTED_PROXIES": "1",
            "WEB_WORKERS": "4",
            "AUTO_MIGRATE": "false",
            "RETENTION_DAYS": "400",
        },
    ),
}
"""The changes to the defaults, beside ENVIRONMENT."""


def example() -> str:
    """Write the text of .env.example: one block for each option, with empty lines between."""
    return (
        "\n\n".join(["\n".join(_comment(_HEAD)), _feature_flags(), *_options(), *_composition(), *_profiles()]) + "\n"
    )


def _feature_flags() -> str:
    """Return the options that can be turned on and off. Raises KeyError for a flag that is no option."""
    declared = {option.name for option in declared_options().values()}
    unknown = set(FEATURE_FLAGS) - declared
    if unknown:
        raise KeyError(f"no option is called {', '.join(sorted(unknown))}")
    return "\n".join(
        _comment(
            f"Feature flags of the server: {', '.join(FEATURE_FLAGS)}. Those of docker compose are its profiles, which "
            f"COMPOSE_PROFILES names: {', '.join(profiles())}."
        )
    )


def _options() -> Iterator[str]:
    declared = declared_options()
    for group in GROUPS:
        heading = (group.__doc__ or "").removesuffix(".")
        yield f"# --- {heading}"
        for one in fields(group):
            yield "\n".join(_block(declared[one.name]))


def _block(option: Option) -> Iterator[str]:
    yield from _comment(option.description)
    yield f"{option.name}={option.default}" if option.default else f"# {option.name}="


def _composition() -> Iterator[str]:
    """Return the variables of docker-compose.yml. Raises KeyError for one without a meaning in tools/composition.py."""
    declared = {option.name: option.default for option in declared_options().values()}
    found = defaults()
    other = [f"{name} {value}" for name, value in found.items() if declared.get(name, value) != value]
    yield "# --- Composition"
    yield "\n".join(_comment(f"Read by docker-compose.yml only. Its other defaults: {', '.join(other)}."))
    yield "\n".join(
        [
            *_comment(f"Feature flags: optional services, any of {', '.join(profiles())}."),
            "# COMPOSE_PROFILES=",
        ]
    )
    unexplained = found.keys() - declared.keys() - MEANINGS.keys()
    if unexplained:
        raise KeyError(f"tools/composition.py does not say what {', '.join(sorted(unexplained))} means")
    for name, meaning in MEANINGS.items():
        yield "\n".join([*_comment(meaning), f"{name}={found[name]}"])


def _profiles() -> Iterator[str]:
    for profile, (meaning, values) in PROFILES.items():
        yield f"# --- Example: {profile}"
        lines = [f"# {name}={value}" for name, value in {"ENVIRONMENT": profile, **values}.items()]
        yield "\n".join([*_comment(meaning), *lines])


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 108)]


if __name__ == "__main__":
    EXAMPLE.write_text(example(), encoding="utf-8")
