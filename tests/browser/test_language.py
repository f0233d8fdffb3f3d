"""The page in German: nothing is left in English, and numbers are written as in Germany."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.browser.sample import SETTLED, VIEWS, decimal, hours, open_view, period
from tests.servers import RunningServer

WORDS = """() => {
  const nodes = [...document.querySelectorAll("body, body *")].filter((node) => !node.matches("script, noscript"));
  const told = (node) => ["aria-label", "placeholder", "title", "alt"].map((name) => node.getAttribute(name) ?? "");
  const own = (node) => [...node.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ data }) => data.trim());
  return [document.title, ...nodes.flatMap((node) => [...own(node), ...told(node)])].filter(Boolean);
}"""
ENGLISH = """async () => {
  const [en, de] = await Promise.all(["en", "de"].map(async (name) => (await import(`/texts/${name}.js`)).default));
  const german = new Set(Object.values(de));
  return Object.values(en).filter((words) => typeof words === "string" && !words.includes("{") && !german.has(words));
}"""


@pytest.fixture
def reader(reader: dict[str, Any]) -> dict[str, Any]:
    return {**reader, "locale": "de-DE"}


@pytest.mark.parametrize(
    "query", [*VIEWS.values(), "view=worker&id=W404", "view=overview&factory=nowhere"], ids=lambda query: query
)
def test_a_german_reader_sees_no_english_and_no_key(page: Any, server: RunningServer, query: str) -> None:
    open_view(page, server, f"{query}&window=24h")
    page.wait_for_load_state("networkidle")
    english = set(page.evaluate(ENGLISH))
    assert len(english) > 100

    words = page.evaluate(WORDS)

    assert page.locator("html").get_attribute("lang") == "de"
    assert [one for one in words if re.fullmatch(r"[a-z_]+(\.[a-z0-9_]+)+", one)] == []
    assert [one for one in words if one in english] == []
    assert [one for one in words if re.search(r"\{\w+\}|undefined|NaN|\[object", one)] == []


def test_numbers_are_written_as_the_reader_does(page: Any, server: RunningServer) -> None:
    open_view(page, server, f"view=workers&{period(10)}")
    factory = server.request("GET", f"/api/v1/metrics/factory?{period(10, window=False)}").body["data"]
    titles = page.locator(".listing thead th").all_inner_texts()
    totals = dict(zip(titles, page.locator(".listing tfoot tr > *").all_inner_texts(), strict=True))

    assert factory["total_production_count"] > 1000
    assert totals["Stück"] == german(f"{factory['total_production_count']:,}")
    assert totals["Auslastung"] == german(f"{decimal(factory['pooled_utilization_percentage'])} %")
    assert totals["Arbeitet"] == german(hours(factory["total_productive_time_hours"]))


def german(number: str) -> str:
    return number.translate(str.maketrans(",.", ".,"))


@pytest.mark.journey
def test_the_language_is_chosen_in_the_menu_and_kept(page: Any, server: RunningServer) -> None:
    open_view(page, server, "view=workers&window=24h")
    page.get_by_role("button", name="Menü").click()

    page.get_by_label("Sprache").select_option("en")
    page.wait_for_selector(f"html[lang=en] {SETTLED} .listing")

    assert page.locator("#title").inner_text() == "Workers"
    assert "view=workers" in page.url
    page.reload()
    page.wait_for_selector(f"html[lang=en] {SETTLED} .listing")


def test_the_address_can_name_the_language(page: Any, server: RunningServer) -> None:
    open_view(page, server, "view=workers&window=24h&lang=en")

    assert page.locator("#title").inner_text() == "Workers"


@pytest.mark.parametrize("locale", ["fa-IR", "ar-EG", "mr-IN", "my-MM"])
def test_a_reader_with_other_digits_sees_one_kind_of_them(browser: Any, server: RunningServer, locale: str) -> None:
    context = browser.new_context(locale=locale, service_workers="block")
    page = context.new_page()
    open_view(page, server, f"view=overview&{period(2)}")

    digits = {one for one in page.inner_text("body") if one.isdigit()}
    context.close()

    assert digits <= set("0123456789")
