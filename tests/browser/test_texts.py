"""The texts of the page: every language has them all, the page uses them all and asks for no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "frontend"
LANGUAGES = sorted(path.stem for path in (FRONTEND / "texts").glob("*.js"))
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for path in [FRONTEND / "index.html", *FRONTEND.rglob("*.js")]
    if path.relative_to(FRONTEND).parts[0] not in {"vendor", "texts"}
)
# Failures and faults have the names that the API gives them.
API = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "backend" / "factory").rglob("*.py"))
KEY = r"[a-z_]+(?:\.\w+)+"


def texts(modules: Any, language: str) -> dict[str, Any]:
    found: dict[str, Any] = modules.evaluate(
        "async (language) => (await import(`/texts/${language}.js`)).default", language
    )
    return found


def forms(words: str | dict[str, str]) -> dict[str, str]:
    """Each plural form; a text without them is its only one."""
    return words if isinstance(words, dict) else {"other": words}


def placeholders(words: str | dict[str, str]) -> set[str]:
    return {name for form in forms(words).values() for name in re.findall(r"\{(\w+)\}", form)}


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_language_has_the_same_keys_with_the_same_placeholders(modules: Any, language: str) -> None:
    english, other = texts(modules, "en"), texts(modules, language)

    assert list(other) == list(english)
    assert {key: placeholders(words) for key, words in other.items()} == {
        key: placeholders(words) for key, words in english.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_has_words_in_every_plural_form(modules: Any, language: str) -> None:
    plural = modules.evaluate(
        "(language) => new Intl.PluralRules(language).resolvedOptions().pluralCategories", language
    )

    for key, words in texts(modules, language).items():
        assert all(form.strip() for form in forms(words).values()), key
        assert isinstance(words, str) or set(words) == set(plural), key


def test_the_menu_offers_every_language_that_has_texts(modules: Any) -> None:
    offered = modules.evaluate('async () => Object.keys((await import("/lib/texts.js")).LANGUAGES)')

    assert sorted(offered) == LANGUAGES


def test_every_text_that_the_page_asks_for_is_there(modules: Any) -> None:
    asked = set(re.findall(rf'(?:\b(?:text|emptyNotice|hasText)\(|data-(?:text|label)=)"({KEY})"', SOURCES))
    assert len(asked) > 100

    assert asked - set(texts(modules, "en")) == set()


def test_no_text_is_left_over(modules: Any) -> None:
    whole = set(re.findall(rf'"({KEY})"', SOURCES))
    words = set(re.findall(r"[^\W_]+", SOURCES + API))
    # A key that is made of parts, as `states.${state}`, is used where the parts are words of the code.
    made = [
        re.compile(re.sub(r"\\\$\\\{.*?\\\}", r"(\\w+)", re.escape(one)))
        for one in re.findall(r"`((?:[a-z_]+|\$\{\w+\})\.[\w.]*(?:\$\{[^`}]*\})?[\w.]*)`", SOURCES)
    ]
    assert len(made) > 20

    def is_made(key: str) -> bool:
        found = (one.fullmatch(key) for one in made)
        return any(words.issuperset("_".join(parts.groups()).split("_")) for parts in found if parts)

    assert {key for key in texts(modules, "en") if key not in whole and not is_made(key)} == set()
