"""Load settings from environment variables."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from factory.settings.safety import unsafe, unsafe_in_production
from factory.settings.settings import GROUPS, Settings
from factory.settings.types import Option


class SettingsError(Exception):
    """Raised for values that must not start a server; `problems` has one sentence per value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def declared_options() -> dict[str, Option]:
    """Return every option by the name of its field in `Settings`."""
    return {
        one.name: Option(
            name=one.metadata["env"] or one.name.upper(),
            default=one.metadata["default"],
            description=one.metadata["description"],
            parse=one.metadata["parse"],
            secret=one.metadata["secret"],
        )
        for group in GROUPS
        for one in fields(group)
    }


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings in `environ`; an empty value is the default.

    A secret may be in the file named by NAME_FILE. Raises SettingsError with one sentence per problem.
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
