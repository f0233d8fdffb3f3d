"""Sign-in by an OpenID provider, one that keeps to the rules and one that is somebody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from sqlalchemy import select
from tests.access.conftest import population_of
from tests.access.openid_provider import CLIENT, SECRET, Provider, query_of, running_provider
from tests.access.people import PASSWORD, Browser, member, refusal, trail

from factory.store.access_schema import sessions, users

START, BACK = "/session/oidc", "/session/oidc/callback"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


@pytest.fixture
def site(database_url: str, guarded: Callable[..., Iterator[Flask]], provider: Provider) -> Iterator[Flask]:
    options = {"OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": CLIENT, "OIDC_CLIENT_SECRET": SECRET}
    yield from guarded(database_url, **options, OIDC_NAME="Acme sign-in")


def go(
    site: Flask, provider: Provider, browser: Browser | None = None, organisation: str = "", **changed: str
) -> tuple[Browser, Any]:
    """Go to the provider and come back with a browser; `changed` are parameters of the way back."""
    browser = browser or Browser(site)
    started = browser.ask("GET", f"{START}?organisation={organisation}" if organisation else START)
    assert started.status_code == 302, started.text
    back = query_of(provider.authorize(query_of(started.headers["Location"])))
    return browser, browser.client.get("/api/v1" + BACK, query_string={**back, **changed})


def reason(answer: Any) -> str:
    """Return the reason of a failed sign-in; assert that nobody is signed in then."""
    assert answer.status_code == 302
    assert not any("factory_refresh" in text for text in answer.headers.getlist("Set-Cookie"))
    assert answer.headers["Location"].startswith("/?sign-in=failed&reason=")
    return query_of(answer.headers["Location"])["reason"]


def rows(site: Flask, table: Any) -> list[Any]:
    with site.extensions["factory_store"].system().snapshot() as tx:
        return list(tx.execute(select(table)).all())


def test_the_public_address_decides_where_the_provider_leads_back_to(
    database_url: str, guarded: Callable[..., Iterator[Flask]], provider: Provider
) -> None:
    options = {"OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": CLIENT, "OIDC_CLIENT_SECRET": SECRET}
    for site in guarded(database_url, **options, PUBLIC_URL="https://factory.example.org/"):
        answer = site.test_client().get("/api/v1" + START, headers={"Host": "evil.example"})

        asked = query_of(answer.headers["Location"])
        assert asked["redirect_uri"] == "https://factory.example.org/api/v1/session/oidc/callback"


def test_the_session_names_the_provider(site: Flask) -> None:
    answer = Browser(site).ask("GET", "/session/")

    assert answer.json["data"]["providers"] == [{"name": "Acme sign-in", "start": "/api/v1/session/oidc"}]


def test_a_known_user_comes_back_signed_in_and_linked(site: Flask, provider: Provider) -> None:
    user = member(site, {"*": "admin"}, email="ada@example.org")

    browser, answer = go(site, provider)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert browser.refresh().status_code == 200
    described = browser.ask("GET", "/session/").json["data"]
    assert described["user"]["user_id"] == user.user_id
    assert trail(site) == [
        (user.email, "user.changed", user.email),
        (user.email, "session.signed_in", user.email),
    ]
    [row] = rows(site, users)
    assert (row.oidc_issuer, row.oidc_subject) == (provider.issuer, "248289761001")
    assert provider.refusals == []


def test_the_way_there_has_a_state_a_nonce_and_a_challenge_of_its_own(site: Flask) -> None:
    asked = [query_of(Browser(site).ask("GET", START).headers["Location"]) for _ in range(2)]

    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name]) >= 20
    cookie = Browser(site).ask("GET", START).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/api/v1/session/oidc" in cookie


def test_a_linked_user_is_known_by_the_subject_and_not_by_the_address(site: Flask, provider: Provider) -> None:
    user = member(site, email="ada@example.org")
    go(site, provider)
    provider.user = {"sub": "248289761001", "email": "changed@example.org", "email_verified": False}

    browser, answer = go(site, provider)

    assert answer.headers["Location"] == "/"
    browser.refresh()
    assert browser.ask("GET", "/session/").json["data"]["user"]["user_id"] == user.user_id


def test_somebody_else_with_the_address_of_a_linked_user_is_refused(site: Flask, provider: Provider) -> None:
    member(site, email="ada@example.org")
    go(site, provider)
    provider.user = {"sub": "another", "email": "ada@example.org", "email_verified": True}

    assert reason(go(site, provider)[1]) == "unknown_user"


def test_nobody_is_made_by_a_sign_in(site: Flask, provider: Provider) -> None:
    assert reason(go(site, provider)[1]) == "unknown_user"
    assert rows(site, users) == []
    assert trail(site, 0) == [("anybody", "session.failed", "")]


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_address_that_is_not_verified_leads_to_nobody(site: Flask, provider: Provider, verified: Any) -> None:
    member(site, email="ada@example.org")
    provider.user["email_verified"] = verified

    assert reason(go(site, provider)[1]) == "unverified_email"


def signed_in_to(browser: Browser) -> str:
    assert browser.refresh().status_code == 200
    described = browser.ask("GET", "/session/").json["data"]
    return str(described["organisation"]["organisation_id"])


def test_another_organisation_with_the_address_keeps_nobody_out(site: Flask, provider: Provider) -> None:
    member(site, email="ada@example.org")
    member(site, {}, population_of(site).organisation("globex"), email="ada@example.org")

    for _ in range(2):
        browser, answer = go(site, provider)
        assert answer.headers["Location"] == "/"
        assert signed_in_to(browser) == "default"


def test_another_organisation_that_took_the_address_first_is_passed_by_naming_the_own(
    site: Flask, provider: Provider
) -> None:
    member(site, {}, population_of(site).organisation("globex"), email="ada@example.org")
    member(site, email="ada@example.org")

    assert signed_in_to(go(site, provider, organisation="default")[0]) == "default"
    assert signed_in_to(go(site, provider)[0]) == "default"  # linked now


def test_a_person_has_a_link_in_each_organisation(site: Flask, provider: Provider) -> None:
    clock = site.extensions["factory"].clock
    member(site, email="ada@example.org")
    member(site, {}, population_of(site).organisation("globex"), email="ada@example.org")

    for organisation in ("default", "globex", "default", "globex"):
        clock.now += 1_000_000
        assert signed_in_to(go(site, provider, organisation=organisation)[0]) == organisation
    provider.user = {"sub": "248289761001", "email": "changed@example.org", "email_verified": False}
    assert signed_in_to(go(site, provider)[0]) == "globex"  # where the person was last
    assert signed_in_to(go(site, provider, organisation="default")[0]) == "default"
    assert reason(go(site, provider, organisation="nowhere")[1]) in ("unknown_user", "unverified_email")
    linked = [action for _, action, _ in trail(site)].count("user.changed")
    assert linked == 1


def test_somebody_else_with_the_address_of_a_user_linked_in_the_second_organisation_is_refused(
    site: Flask, provider: Provider
) -> None:
    member(site, email="ada@example.org")
    member(site, {}, population_of(site).organisation("globex"), email="ada@example.org")
    for organisation in ("default", "globex"):
        go(site, provider, organisation=organisation)
    provider.user = {"sub": "another", "email": "ada@example.org", "email_verified": True}

    for organisation in ("", "default", "globex"):
        assert reason(go(site, provider, organisation=organisation)[1]) == "unknown_user"


@pytest.mark.parametrize("sent", ["\u212aarl@example.org", "karl@example.\u212am", "\u212bda@example.org"])
def test_a_letter_that_only_looks_like_another_in_lower_case_leads_to_nobody(
    site: Flask, provider: Provider, sent: str
) -> None:
    for email in ("karl@example.org", "karl@example.km", "\u00e5da@example.org"):
        member(site, email=email)
    provider.user["email"] = sent

    assert reason(go(site, provider)[1]) == "unknown_user"
    assert refusal(Browser(site).sign_in(sent)) == (401, "bad_credentials")


@pytest.mark.parametrize("linked", [True, False])
def test_a_disabled_user_is_refused(site: Flask, provider: Provider, linked: bool) -> None:
    link = {"oidc_issuer": provider.issuer, "oidc_subject": "248289761001"} if linked else {}
    member(site, email="ada@example.org", disabled=True, **link)

    assert reason(go(site, provider)[1]) == "unknown_user"


def test_a_first_password_ends_with_a_sign_in_by_the_provider(site: Flask, provider: Provider) -> None:
    user = member(site, email="ada@example.org", must_change_password=True)

    browser, _ = go(site, provider)

    assert browser.refresh().json["must_change_password"] is False
    assert browser.ask("GET", "/workers/").status_code == 200
    assert refusal(Browser(site).sign_in(user.email, PASSWORD)) == (401, "bad_credentials")


@pytest.mark.parametrize(
    ("claims", "left_out"),
    [
        ({"nonce": "another"}, ()),
        ({}, ("nonce",)),
        ({"aud": "somebody-else"}, ()),
        ({"aud": []}, ()),
        ({}, ("aud",)),
        ({"aud": ["somebody-else", CLIENT], "azp": "somebody-else"}, ()),
        ({"iss": "https://another.example"}, ()),
        ({}, ("iss",)),
        ({"exp": 1_600_000_000}, ()),
        ({}, ("exp",)),
        ({"iat": 32_503_680_000}, ()),
        ({}, ("sub",)),
        ({"sub": ""}, ()),
        ({"sub": None}, ()),
    ],
    ids=str,
)
def test_claims_that_are_not_for_us_are_refused(
    site: Flask, provider: Provider, claims: dict[str, Any], left_out: tuple[str, ...]
) -> None:
    member(site, email="ada@example.org")
    provider.claims, provider.left_out = claims, set(left_out)

    assert reason(go(site, provider)[1]) == "not_proved"
    assert rows(site, sessions) == []


def test_a_token_signed_by_somebody_else_is_refused(site: Flask, provider: Provider) -> None:
    member(site, email="ada@example.org")
    provider.signing_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    assert reason(go(site, provider)[1]) == "not_proved"


def test_an_unsigned_token_is_refused_even_where_the_provider_offers_it(site: Flask, provider: Provider) -> None:
    member(site, email="ada@example.org")
    provider.algorithm = "none"

    assert reason(go(site, provider)[1]) == "not_proved"


def test_a_token_signed_with_the_clients_secret_is_refused(site: Flask, provider: Provider) -> None:
    member(site, email="ada@example.org")
    provider.algorithm, provider.signing_key = "HS256", SECRET

    assert reason(go(site, provider)[1]) == "not_proved"


def test_the_answer_to_another_browser_is_refused(site: Flask, provider: Provider) -> None:
    member(site, email="ada@example.org")
    theirs = Browser(site)
    back = query_of(provider.authorize(query_of(theirs.ask("GET", START).headers["Location"])))

    victim = Browser(site)
    assert reason(victim.client.get("/api/v1" + BACK, query_string=back)) == "not_proved"
    victim.ask("GET", START)  # with a question of its own on the way, too
    assert reason(victim.client.get("/api/v1" + BACK, query_string=back)) == "not_proved"
    assert rows(site, sessions) == []


def test_a_code_serves_once(site: Flask, provider: Provider) -> None:
    member(site, email="ada@example.org")
    browser = Browser(site)
    back = query_of(provider.authorize(query_of(browser.ask("GET", START).headers["Location"])))
    assert browser.client.get("/api/v1" + BACK, query_string=back).headers["Location"] == "/"

    assert reason(browser.client.get("/api/v1" + BACK, query_string=back)) == "not_proved"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"state": "made up"}, "not_proved"),
        ({"code": "made up"}, "not_proved"),
        ({"error": "access_denied"}, "denied"),
        ({"error": "server_error", "error_description": "<script>"}, "not_proved"),
    ],
)
def test_a_way_back_that_was_tampered_with_leads_to_the_page(
    site: Flask, provider: Provider, changed: dict[str, str], expected: str
) -> None:
    member(site, email="ada@example.org")

    assert reason(go(site, provider, **changed)[1]) == expected


def test_a_way_back_without_anything_leads_to_the_page(site: Flask) -> None:
    assert reason(Browser(site).ask("GET", BACK)) == "not_proved"


def test_a_provider_of_another_name_is_not_asked(site: Flask, provider: Provider) -> None:
    provider.declared_issuer = "https://another.example"

    assert reason(Browser(site).ask("GET", START)) == "not_proved"


def test_a_provider_that_is_away_leads_to_the_page(
    fresh_database: Callable[[str], str], guarded: Callable[..., Iterator[Flask]]
) -> None:
    options = {"OIDC_ISSUER": "http://127.0.0.1:1", "OIDC_CLIENT_ID": CLIENT, "OIDC_CLIENT_SECRET": SECRET}
    for site in guarded(fresh_database("sqlite"), **options):
        assert reason(Browser(site).ask("GET", START)) == "provider_unavailable"


def test_without_a_provider_there_is_no_such_route(
    fresh_database: Callable[[str], str], guarded: Callable[..., Iterator[Flask]]
) -> None:
    for site in guarded(fresh_database("sqlite")):
        for path in (START, BACK):
            assert refusal(Browser(site).ask("GET", path)) == (404, "no_provider")
