"""The log line of a refusal: why, from where, and to whom; never a name, an address of a person or a secret."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from tests.access.people import Browser, member

ADDRESS = "192.0.2.77"
# The database has no part in it.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def site(database_url: str, guarded: Callable[..., Iterator[Flask]]) -> Iterator[Flask]:
    yield from guarded(database_url)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    caplog.set_level(logging.INFO, "factory.request")
    return lambda: [record.fields for record in caplog.records if record.name == "factory.request"]  # type: ignore[attr-defined]


def test_a_refused_credential_and_a_lock_out_say_why_and_from_where(
    site: Flask, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    browser, user = Browser(site, ADDRESS), member(site)
    browser.ask("GET", "/workers/", token="fk_aaaaaaaaaaaa_guessed")
    for _ in range(7):
        browser.ask("POST", "/session/", {"email": user.email, "password": "not the password"})

    told = [(line["status"], line["code"], line["client"]) for line in lines()]

    assert told[0] == (401, "invalid_key", ADDRESS)
    assert told[1:] == [(401, "bad_credentials", ADDRESS)] * 5 + [(429, "locked_out", ADDRESS)] * 2
    for secret in (user.email, "guessed", "not the password"):
        assert secret not in str(lines())


def test_a_refusal_of_a_known_caller_has_the_number_and_an_answer_has_neither(
    site: Flask, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    browser, user = Browser(site, ADDRESS), member(site)
    browser.sign_in(user.email)
    browser.ask("GET", "/workers/")
    browser.ask("GET", "/audit/")

    signed_in, answered, refused = lines()[-3:]

    assert not {"client", "user", "code"} & (signed_in.keys() | answered.keys())
    assert (refused["status"], refused["code"], refused["client"]) == (403, "not_allowed", ADDRESS)
    assert refused["user"] == str(user.user_key)


def test_refusals_are_counted_by_code(site: Flask) -> None:
    browser = Browser(site, ADDRESS)
    browser.ask("GET", "/workers/", token="fk_aaaaaaaaaaaa_guessed")

    scraped = browser.client.get("/metrics").text

    assert 'factory_refused_answers_total{code="invalid_key",status="401"} 1.0' in scraped
