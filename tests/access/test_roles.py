"""The table of roles: every role gets through where it may and nowhere else, and the specification says the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from tests.access.plant import NOTHING, OURS, Headers, Plant, bearer
from tests.access.strangers import ROUTES, Route

from factory.domain.access.permissions import OPERATOR, PERMISSIONS, PLATFORM, ROLES, SCOPES, Permissions

SPECIFICATION = Path(__file__).resolve().parents[2] / "docs" / "SPEC.md"

WALKED = [route for route in ROUTES if route.needed not in ("public", "signed_in")]
WANTED = {"people somewhere": {"people"}, "ingest or enter": {"ingest", "enter"}}

BY_PERSON = {
    ("POST", "/keys/"),
    ("POST", "/keys/{key_id}/rotate"),
    ("POST", "/users/"),
    ("PATCH", "/users/{user_id}"),
    ("DELETE", "/users/{user_id}"),
    ("DELETE", "/users/{user_id}/sessions/{session_id}"),
}
"""Routes that make credentials, or change whose they are: no key may."""


@pytest.fixture(scope="module")
def plant(fresh_database: Callable[[str], str], guarded: Callable[..., Iterator[Flask]]) -> Iterator[Plant]:
    for app in guarded(fresh_database("sqlite"), DEMO_MODE="true", K_MIN="1"):
        yield Plant(app)


def callers(plant: Plant) -> Iterator[tuple[str, Headers, Permissions]]:
    """Everybody with what they may do in our factory, by the table of roles."""
    for role, permissions in ROLES.items():
        yield f"{role} of the factory", plant.of_role[role], permissions
        yield f"{role} everywhere", bearer(plant.people.token(plant.acme, {"*": role})), permissions
    for scope, permissions in SCOPES.items():
        yield f"key of scope {scope}", plant.of_scope[scope], permissions
    yield "operator", plant.operator, OPERATOR
    both = {OURS: "wall", "*": "supervisor"}
    yield "two roles", bearer(plant.people.token(plant.acme, both)), ROLES["wall"] | ROLES["supervisor"]


@pytest.mark.parametrize(
    "route",
    # The sample data take seconds to make, for each who may.
    [pytest.param(route, marks=[pytest.mark.system] if route.rule == "/demo/seed" else []) for route in WALKED],
    ids=str,
)
def test_each_role_gets_through_where_it_may_and_nowhere_else(plant: Plant, route: Route) -> None:
    needed = WANTED.get(route.needed, {route.needed})
    through = {}
    for name, headers, permissions in callers(plant):
        # Of a thing that does not exist: whoever gets through changes little.
        reply = plant.ask(route, headers, {**NOTHING, "factory_id": OURS})
        code = reply.get_json()["code"] if reply.status_code >= 400 else None
        may = bool(needed & permissions) and not (name.startswith("key") and (route.method, route.rule) in BY_PERSON)
        if (route.method, route.rule) == ("PATCH", "/users/second-factor"):
            may = name == "admin everywhere"
        assert (reply.status_code not in (401, 403) and code != "factory_not_found") == may, (name, reply.text)
        assert reply.status_code < 500, (name, reply.text)
        through[name] = may
    assert len(set(through.values())) == 2, "everybody may, or nobody: this holds nothing"


def test_every_permission_is_asked_for_by_a_route_or_looked_at_by_a_handler() -> None:
    asked = {permission for route in ROUTES for permission in WANTED.get(route.needed, {route.needed})}
    assert PERMISSIONS - asked <= {"persons", "export", "organisations"}


def test_each_role_may_what_the_one_before_may() -> None:
    roles = list(ROLES.values())
    assert all(smaller < larger for smaller, larger in zip(roles, roles[1:], strict=False))


def test_the_operator_and_the_roles_have_nothing_in_common() -> None:
    assert not OPERATOR & frozenset().union(*ROLES.values(), *SCOPES.values())
    assert PLATFORM == 0


def test_the_specification_has_the_table_of_roles_as_it_is() -> None:
    text = SPECIFICATION.read_text(encoding="utf-8")
    head, _, *rows = re.findall(r"^\|.*\|$", text[text.index("| permission |") :].partition("\n\n")[0], re.MULTILINE)
    titles = [cell.strip(" `") for cell in head.strip("|").split("|")][2:]
    table: dict[str, set[str]] = {title: set() for title in titles}
    for row in rows:
        permission, _, *cells = [cell.strip(" `") for cell in row.strip("|").split("|")]
        for title, cell in zip(titles, cells, strict=True):
            assert cell in ("", "x")
            if cell:
                table[title].add(permission)
    expected = {**ROLES, "operator": OPERATOR, **{f"key: {scope}": may for scope, may in SCOPES.items()}}
    assert table == {title: set(permissions) for title, permissions in expected.items()}
    assert len(rows) == len(PERMISSIONS)
