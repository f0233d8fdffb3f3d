"""Client of the tests of sign-in: it speaks to the service as a browser does, with cookies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask
from sqlalchemy import select
from tests.access.conftest import population_of
from tests.access.population import CHEAP_HASHES, Population, User

from factory.store.access_schema import audit

PASSWORD = "a long sentence that only I know"
BASE = "/api/v1"
DEFAULT = 1

HASHED = CHEAP_HASHES.hash(PASSWORD)


class Browser:
    """One browser: its cookies, and the access token of the page."""

    def __init__(self, app: Flask, address: str = "192.0.2.1") -> None:
        self.client = app.test_client()
        self.address = address
        self.token: str | None = None

    def ask(self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token or self.token:
            sent.setdefault("Authorization", f"Bearer {token or self.token}")
        reply = self.client.open(
            BASE + path, method=method, json=body, headers=sent, environ_base={"REMOTE_ADDR": self.address}
        )
        assert reply.status_code != 500, reply.text
        return reply

    def sign_in(self, email: str, password: str = PASSWORD, code: str | None = None) -> Any:
        self.token = None
        reply = self.ask("POST", "/session/", {"email": email, "password": password, "code": code})
        if reply.status_code == 200:
            self.token = reply.json["access_token"]
        return reply

    def refresh(self, **headers: str) -> Any:
        csrf = self.client.get_cookie("factory_csrf")
        self.token, before = None, self.token
        reply = self.ask("POST", "/session/refresh", **{"X_CSRF_Token": csrf.value if csrf else "", **headers})
        self.token = reply.json["access_token"] if reply.status_code == 200 else before
        return reply

    @property
    def refresh_token(self) -> str | None:
        cookie = self.client.get_cookie("factory_refresh", path="/api/v1/session")
        return None if cookie is None else cookie.value

    @refresh_token.setter
    def refresh_token(self, value: str) -> None:
        self.client.set_cookie("factory_refresh", value, path="/api/v1/session", httponly=True, samesite="Strict")


def member(app: Flask, roles: Mapping[str, str] | None = None, organisation: int = DEFAULT, **columns: Any) -> User:
    """Add a user with the password of all tests; without roles a viewer of the factory `default`."""
    roles = {"default": "viewer"} if roles is None else roles
    return population_of(app).user(organisation, roles, **{"password_hash": HASHED, **columns})


def trail(app: Flask, organisation: int = DEFAULT) -> list[tuple[str, str, str]]:
    """Actor, action and subject of every line of an organisation's audit trail."""
    store = app.extensions["factory_store"].system()
    query = select(audit.c.actor, audit.c.action, audit.c.subject).where(audit.c.organisation_key == organisation)
    with store.snapshot() as tx:
        return [(row[0], row[1], row[2]) for row in tx.execute(query.order_by(audit.c.number))]


def refusal(reply: Any) -> tuple[int, str]:
    """Status and code of a refusal."""
    return reply.status_code, reply.json["code"]


__all__ = ["BASE", "DEFAULT", "HASHED", "PASSWORD", "Browser", "Population", "User", "member", "refusal", "trail"]
