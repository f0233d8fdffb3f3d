"""A server that asks who one is, with the sample data and a person of each kind."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers import RunningServer

FIRST = "a first password that is told"
PASSWORD = "a sentence that only one person knows"
HOME = "default"
SECOND = "second"
OTHERS = ("manager", "supervisor", "viewer", "wall")
NEWCOMER = "newcomer@example.org"
ENTERED = "main[aria-busy=false] #view > *"


def address(role: str) -> str:
    return f"{role}@example.org"


@contextmanager
def secured_server(directory: Path, **environment: str) -> Iterator[RunningServer]:
    """Two factories, the first with the sample data; everybody but the newcomer has chosen a password."""
    database = f"sqlite:///{directory / 'factory.db'}"
    # All of a test's people sign in from one address, more often than people do.
    access = {"ACCESS": "required", "SECRET_KEY": secrets.token_urlsafe(48), "RATE_LIMIT_SIGN_IN": "1000/minute"}
    server = RunningServer(database, directory / "server.log", **access, **environment)
    with server:
        command(server, "seed")
        for email, role, factory in ((address("admin"), "admin", "everywhere"), (NEWCOMER, "viewer", HOME)):
            add_user(server, email, role, factory)
        choose_password(server, address("admin"), FIRST)
        for role in OTHERS:
            user = {"email": address(role), "name": f"The {role}", "roles": {HOME: role}}
            added = api(server, "POST", "/users/", user, role="admin")
            choose_password(server, address(role), added["data"]["initial_password"])
        added = api(server, "POST", "/factories/", {"factory_id": SECOND, "name": "Second plant"}, role="admin")
        assert added["status"] == "success", added
        yield server


def command(server: RunningServer, *arguments: str, typed: str = "") -> None:
    subprocess.run(
        [sys.executable, "-m", "factory.cli.main", *arguments],
        env=server.environment,
        input=typed.encode(),
        check=True,
        capture_output=True,
    )


def add_user(server: RunningServer, email: str, role: str, factory: str) -> None:
    more = ("--name", f"The {role}", "--role", role, "--factory", factory, "--password-stdin")
    command(server, "user", "add", "--email", email, *more, typed=f"{FIRST}\n")


def choose_password(server: RunningServer, email: str, first: str) -> None:
    token = sign_in_over_http(server, email, first)
    values = {"old_password": first, "new_password": PASSWORD}
    reply = server.request("POST", "/api/v1/session/password", json.dumps(values).encode(), headers(token))
    assert reply.status == 200, reply.body


def sign_in_over_http(server: RunningServer, email: str, password: str = PASSWORD) -> str:
    """An access token."""
    reply = server.post_json("/api/v1/session/", {"email": email, "password": password})
    assert reply.status == 200, reply.body
    return str(reply.body["access_token"])


def headers(token: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}


def api(server: RunningServer, method: str, path: str, body: object = None, *, role: str) -> Any:
    """What the API answers to a person of that role."""
    token = sign_in_over_http(server, address(role))
    content = None if body is None else json.dumps(body).encode()
    return server.request(method, f"/api/v1{path}", content, headers(token)).body


def fill_in(page: Any, email: str, password: str) -> None:
    """The sign-in page filled in and sent."""
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def enter(page: Any, server: RunningServer, role: str, query: str = "", settled: str = ENTERED) -> None:
    """Sign in on the page that was asked for."""
    page.goto(f"http://127.0.0.1:{server.port}/?{query}")
    fill_in(page, address(role), PASSWORD)
    page.wait_for_selector(f"body:not([data-view=sign-in]) {settled}")
