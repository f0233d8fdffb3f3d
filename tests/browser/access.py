"""The people of a server that asks who one is, and how they enter."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any

from tests.browser.databases import run_command
from tests.servers import RunningServer

PASSWORD = "a sentence that only one person knows"
HOME = "default"
SECOND = "second"
ROLES = ("manager", "supervisor", "viewer", "wall")
ENTERED = "main[aria-busy=false] #view > *"
# All of a test's people sign in from one address, more often than people do.
ACCESS = {
    "ACCESS": "required",
    "SECRET_KEY": "a secret key of the browser's tests, and of nothing else",
    "RATE_LIMIT_SIGN_IN": "1000/minute",
}
_numbers = itertools.count(1)
_tokens: dict[RunningServer, tuple[str, float]] = {}
RENEW_SECONDS = 300.0


def address(role: str) -> str:
    return f"{role}@example.org"


def fill_with_people(database: Path, log: Path) -> None:
    """Add a person of each role who has chosen a password, and a second factory."""
    first = "a first password that is told"
    run_command(
        database,
        *("user", "add", "--email", address("admin"), "--name", "The admin", "--role", "admin"),
        *("--factory", "everywhere", "--password-stdin"),
        typed=f"{first}\n",
        **ACCESS,
    )
    with RunningServer(f"sqlite:///{database}", log, **ACCESS) as server:
        choose_password(server, address("admin"), first)
        for role in ROLES:
            choose_password(server, address(role), add_user(server, address(role), f"The {role}", role))
        added = api(server, "POST", "/factories/", {"factory_id": SECOND, "name": "Second plant"}, role="admin")
        assert added["status"] == "success", added


def add_user(server: RunningServer, email: str, name: str, role: str) -> str:
    """Add a person with that role in the first factory; the first password, which has to be replaced."""
    added = api(server, "POST", "/users/", {"email": email, "name": name, "roles": {HOME: role}}, role="admin")
    return str(added["data"]["initial_password"])


def newcomer(server: RunningServer, role: str = "viewer") -> tuple[str, str]:
    """Add somebody of whom no other test knows; return the e-mail address and the first password."""
    email = f"newcomer-{next(_numbers)}@example.org"
    return email, add_user(server, email, "The newcomer", role)


def somebody(server: RunningServer, role: str) -> str:
    """Add somebody with the usual password, of whom no other test knows; return the e-mail address."""
    email, first = newcomer(server, role)
    choose_password(server, email, first)
    return email


def choose_password(server: RunningServer, email: str, first: str) -> None:
    token = sign_in_over_http(server, email, first)
    values = {"old_password": first, "new_password": PASSWORD}
    reply = server.request("POST", "/api/v1/session/password", json.dumps(values).encode(), headers(token))
    assert reply.status == 200, reply.body


def sign_in_over_http(server: RunningServer, email: str, password: str = PASSWORD) -> str:
    """Sign in and return the access token."""
    reply = server.post_json("/api/v1/session/", {"email": email, "password": password})
    assert reply.status == 200, reply.body
    return str(reply.body["access_token"])


def admins_token(server: RunningServer) -> str:
    """Return an admin's token, the same for some minutes: no test ends its session, and a sign-in costs a hash."""
    token, since = _tokens.get(server, ("", 0.0))
    if not token or time.monotonic() - since > RENEW_SECONDS:
        token = sign_in_over_http(server, address("admin"))
        _tokens[server] = token, time.monotonic()
    return token


def headers(token: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}


def api(server: RunningServer, method: str, path: str, body: object = None, *, role: str) -> Any:
    """Return the API's answer to a person of that role."""
    token = admins_token(server) if role == "admin" else sign_in_over_http(server, address(role))
    content = None if body is None else json.dumps(body).encode()
    return server.request(method, f"/api/v1{path}", content, headers(token)).body


def fill_in(page: Any, email: str, password: str) -> None:
    """Fill in the sign-in page and send it."""
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def enter(page: Any, server: RunningServer, role: str, query: str = "", settled: str = ENTERED) -> None:
    """Sign in as the person of that role on the page that was asked for."""
    enter_as(page, server, address(role), query, settled)


def enter_as(page: Any, server: RunningServer, email: str, query: str = "", settled: str = ENTERED) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/?{query}")
    fill_in(page, email, PASSWORD)
    page.wait_for_selector(f"body:not([data-view=sign-in]) {settled}")
