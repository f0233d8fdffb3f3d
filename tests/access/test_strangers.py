"""The stranger's walk through every route: whoever may not is told so, learns nothing, and changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError
from tests.access.plant import (
    BESIDE,
    NOTHING,
    NOWHERE,
    OURS,
    PASSWORD_HASH,
    THEIRS,
    Headers,
    Plant,
    assert_refused,
    bearer,
    seen,
)
from tests.access.strangers import BASE, ROUTES, WITHOUT_CONTRACT, Route
from tests.conftest import STORES

from factory.api.http.contract import Contract
from factory.domain.access.permissions import ROLES, SCOPES

Guarded = Callable[..., Iterator[Flask]]
METRICS_TOKEN = "only-for-tests-of-prometheus"

GUARDED = [route for route in ROUTES if route.needed != "public"]
IN_A_FACTORY = [route for route in ROUTES if route.is_in_a_factory]
OF_A_THING = [route for route in GUARDED if re.search(r"\{\w+_id\}", f"{route.rule} {route.query} {route.body}")]


@pytest.fixture(scope="module", params=STORES)
def plant(request: pytest.FixtureRequest, fresh_database: Callable[[str], str], guarded: Guarded) -> Iterator[Plant]:
    options = {"DEMO_MODE": "true", "K_MIN": "1", "METRICS_TOKEN": METRICS_TOKEN}
    for app in guarded(fresh_database(request.param), **options):
        yield Plant(app)


def each(routes: list[Route] | tuple[Route, ...]) -> Any:
    """All routes on SQLite, and on PostgreSQL the first of each permission and method.

    Who may is decided above the store; that PostgreSQL's own wall holds is shown by test_row_security.
    """
    kinds = {(route.needed, route.method): route for route in reversed(routes)}
    pairs = [("sqlite", route) for route in routes] + [("postgresql", route) for route in kinds.values()]
    names = [f"{store}-{route}" for store, route in pairs]
    return pytest.mark.parametrize(("plant", "route"), pairs, ids=names, indirect=["plant"], scope="module")


def contracts(app: Flask) -> dict[str, Contract]:
    """Return the contract of each method and address below /api/v1, as the application has them."""
    found: dict[str, Contract] = {}
    for rule in app.url_map.iter_rules():
        resource = getattr(app.view_functions[rule.endpoint], "view_class", None)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            contract = getattr(getattr(resource, method.lower(), None), "contract", None)
            if contract is not None:
                address = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
                found[f"{method} {address.removeprefix(BASE)}"] = contract
    return found


# The table


def test_every_route_has_a_row_and_every_row_a_route(plant: Plant) -> None:
    assert sorted(map(str, ROUTES)) == sorted(contracts(plant.app))


def test_the_table_agrees_with_the_contracts(plant: Plant) -> None:
    declared = {name: contract.access for name, contract in contracts(plant.app).items()}
    assert {str(route): route.needed for route in ROUTES} == declared


def test_what_has_no_contract_is_known_by_name(plant: Plant) -> None:
    with_contract = {name.partition(" ")[2] for name in contracts(plant.app)}
    others = {
        rule.rule
        for rule in plant.app.url_map.iter_rules()
        if re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule).removeprefix(BASE) not in with_contract
        and not rule.endpoint.startswith("page")
    }
    assert others == set(WITHOUT_CONTRACT)


@each([route for route in ROUTES if route.needed == "public"])
def test_a_public_route_answers_everybody(plant: Plant, route: Route) -> None:
    with plant.nothing_changes():
        reply = plant.ask(route, {}, plant.new_things(), factory=None) if route.query else plant.ask(route, {}, {})
    assert reply.status_code == route.status, reply.text


def test_a_write_is_seen_and_one_that_is_rolled_back_is_none(plant: Plant) -> None:
    with pytest.raises(AssertionError), plant.nothing_changes():
        plant.people.organisation("seen")
    with plant.nothing_changes(), pytest.raises(IntegrityError):
        plant.people.organisation("seen")


# No valid credential


@each(GUARDED)
def test_who_shows_no_valid_credential_gets_a_401(plant: Plant, route: Route) -> None:
    things = plant.new_things()
    with plant.nothing_changes():
        for headers, code in plant.invalid.values():
            assert_refused(plant.ask(route, headers, things), 401, code)
        assert_refused(plant.ask(route, {}, things, factory=None), 401, "unauthenticated")
        if route.method == "GET":
            assert plant.ask(route, {}, things, method="HEAD").status_code == 401


@each(GUARDED)
def test_a_401_is_the_same_for_what_exists_and_what_does_not(plant: Plant, route: Route) -> None:
    things = plant.new_things()
    known = plant.ask(route, {}, things)
    unknown = plant.ask(route, {}, NOTHING, factory=NOWHERE)
    assert seen(known, things) == seen(unknown, NOTHING)


@each(GUARDED)
def test_a_slash_more_or_less_opens_no_door(plant: Plant, route: Route) -> None:
    bare = Route(route.method, route.rule.rstrip("/"), route.needed, route.body, route.query)
    slashed = Route(route.method, route.rule.rstrip("/") + "/", route.needed, route.body, route.query)
    for one in (bare, slashed):
        assert_refused(plant.ask(one, {}, NOTHING), 401, "unauthenticated")


# Another organisation's, another factory's


@each(IN_A_FACTORY)
def test_a_foreign_factory_is_answered_as_one_that_does_not_exist(plant: Plant, route: Route) -> None:
    things = plant.new_things()
    ours, nowhere = {**things, "factory_id": OURS}, {**things, "factory_id": NOWHERE}
    strangers = {**plant.foreigners, "the operator": plant.operator, "somebody without a role": plant.nobody}
    with plant.nothing_changes():
        for name, headers in strangers.items():
            known = plant.ask(route, headers, ours, factory=OURS)
            assert_refused(known, *_refusal(route, name))
            unknown = plant.ask(route, headers, nowhere, factory=NOWHERE)
            assert seen(known, ours) == seen(unknown, nowhere), name


@each(IN_A_FACTORY)
def test_a_foreign_factory_in_the_query_is_answered_as_one_that_does_not_exist(plant: Plant, route: Route) -> None:
    if "{factory_id}" in route.rule:
        return  # named by the path
    things = plant.new_things()

    def ask(headers: Headers, factory: str) -> Any:
        query = f"factory={factory}&{route.query}".rstrip("&")
        named = Route(route.method, route.rule, route.needed, route.body, query)
        return plant.ask(named, headers, things, factory=None)

    with plant.nothing_changes():
        for name, headers in plant.foreigners.items():
            known = ask(headers, OURS)
            assert_refused(known, *_refusal(route, name))
            assert seen(known, things) == seen(ask(headers, NOWHERE), things), name


def _refusal(route: Route, stranger: str) -> tuple[int, str]:
    """Return status and code: a role in all factories of an organisation that is too small is told so of any name."""
    told = stranger == "the admin of another organisation" and route.needed == "ingest"
    return (403, "not_allowed") if told else (404, "factory_not_found")


@each(OF_A_THING)
def test_a_foreign_thing_is_answered_as_one_that_does_not_exist(plant: Plant, route: Route) -> None:
    things = plant.new_things()
    with plant.nothing_changes():
        for name, headers in plant.foreigners.items():
            own = BESIDE if "factory" in name and "organisation" not in name else THEIRS
            known = plant.ask(route, headers, things, factory=own)
            unknown = plant.ask(route, headers, NOTHING, factory=own)
            assert seen(known, things) == seen(unknown, NOTHING), name
            assert known.status_code != 500


# Too small a role


def too_small(route: Route) -> Iterator[tuple[str, str]]:
    """Yield the roles and scopes that lack what a route needs."""
    wanted = {"people somewhere": {"people"}, "ingest or enter": {"ingest", "enter"}}.get(route.needed, {route.needed})
    if route.needed == "signed_in":
        return
    for kind, table in (("role", ROLES), ("scope", SCOPES)):
        for name, permissions in table.items():
            if not wanted & permissions:
                yield kind, name


@each(GUARDED)
def test_too_small_a_role_is_a_403(plant: Plant, route: Route) -> None:
    things = plant.new_things()
    with plant.nothing_changes():
        for kind, name in too_small(route):
            headers = plant.of_role[name] if kind == "role" else plant.of_scope[name]
            for ids in (things, {**NOTHING, "factory_id": OURS}):
                assert_refused(plant.ask(route, headers, ids), 403, "not_allowed")


@each([route for route in GUARDED if route.needed in ("people somewhere", "organisations")])
def test_who_has_no_role_and_who_looks_after_the_platform_see_no_people(plant: Plant, route: Route) -> None:
    things = plant.new_things()
    strangers = [plant.nobody, *([plant.operator] if route.needed == "people somewhere" else [plant.admin])]
    with plant.nothing_changes():
        for headers in strangers:
            assert_refused(plant.ask(route, headers, things), 403, "not_allowed")


@each([route for route in GUARDED if not route.rule.startswith("/session")])
def test_the_first_password_has_to_be_changed_before_anything_else(plant: Plant, route: Route) -> None:
    things = plant.new_things()
    with plant.nothing_changes():
        assert_refused(plant.ask(route, plant.first_sign_in, things), 403, "password_change_required")


def test_no_id_in_an_address_saves_changing_the_first_password(plant: Plant) -> None:
    for path in ("/workers/session", "/metrics/workers/session/intervals", "/factories/session"):
        reply = plant.client.get(BASE + path, headers=plant.first_sign_in)
        assert_refused(reply, 403, "password_change_required")


# Who may


@each(GUARDED)
def test_who_may_gets_through(plant: Plant, route: Route) -> None:
    things = plant.new_things()
    # A new one each time: some routes end the session.
    admin = bearer(plant.people.token(plant.acme, {"*": "admin"}, password_hash=PASSWORD_HASH))
    who = {"admin": admin, "operator": plant.operator, "ingest": plant.of_scope["ingest"]}
    reply = plant.ask(route, who[route.by], things)
    assert reply.status_code == route.status, reply.text


# Beside the API


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_prometheus_needs_its_token_with_and_without_a_slash(plant: Plant, path: str) -> None:
    for headers in ({}, bearer("nonsense"), bearer(METRICS_TOKEN + "x"), plant.admin):
        assert_refused(plant.client.get(path, headers=headers), 401)
        assert plant.client.head(path, headers=headers).status_code == 401
    assert plant.client.get(path, headers=bearer(METRICS_TOKEN)).status_code == 200
