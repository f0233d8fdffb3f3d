"""Two organisations, one of them with two factories, and everybody who might ask for something there."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import jwt
from flask import Flask
from sqlalchemy import event, func, select
from tests.access.conftest import population_of
from tests.access.population import CHEAP_HASHES, SECRET_KEY, Population, User
from tests.access.strangers import BASE, Route
from tests.hostile.site import Answer, assert_is_error

from factory.adapters.access.access_token import AccessTokens
from factory.adapters.access.secret_text import derived_key, random_id, random_secret
from factory.domain.access.permissions import PLATFORM, ROLES, SCOPES
from factory.store.schema import exists_on, metadata

OURS, BESIDE, THEIRS, NOWHERE = "acme-berlin", "acme-paris", "globex-oslo", "nowhere"
PASSWORD = "correct horse battery staple"
PASSWORD_HASH = CHEAP_HASHES.hash(PASSWORD)

Headers = dict[str, str]

_WRITES = re.compile(r"\s*(WITH\b.*?\)\s*)?(INSERT|UPDATE|DELETE|COPY|TRUNCATE|REPLACE)\b", re.IGNORECASE | re.DOTALL)
_IS_NOTED = re.compile(
    r"\s*((INSERT INTO|UPDATE|DELETE FROM) sign_in_failures|UPDATE audit_heads|UPDATE \w+ SET last_used_at)"
)
_MOMENT = re.compile(rb'"(timestamp|path|request_id)":"[^"]*"')


def bearer(credential: str) -> Headers:
    return {"Authorization": f"Bearer {credential}"}


class Plant:
    """ACME with two factories and GLOBEX with one; somebody of each role, and keys of each scope."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.people: Population = population_of(app)
        self.client = app.test_client(use_cookies=False)
        self.acme, self.globex = self.people.organisation("acme"), self.people.organisation("globex")
        for organisation, factory in ((self.acme, OURS), (self.acme, BESIDE), (self.globex, THEIRS)):
            self.people.factory(organisation, factory)
        people, acme, globex = self.people, self.acme, self.globex
        self.admin = bearer(people.token(acme, {"*": "admin"}))
        self.operator = bearer(people.token(PLATFORM, {}))
        self.nobody = bearer(people.token(acme, {}))
        self.first_sign_in = bearer(people.token(acme, {"*": "admin"}, must_change_password=True))
        self.of_role = {role: bearer(people.token(acme, {OURS: role})) for role in ROLES}
        self.of_scope = {scope: bearer(people.key(acme, OURS, scope).text) for scope in SCOPES}
        self.foreigners = {
            "the admin of another organisation": bearer(people.token(globex, {"*": "admin"})),
            "an admin of a factory of another organisation": bearer(people.token(globex, {THEIRS: "admin"})),
            "an admin's key of another organisation": bearer(people.key(globex, THEIRS, "admin").text),
            "an ingesting key of another organisation": {"X-API-Key": people.key(globex, THEIRS, "ingest").text},
            "the admin of another factory": bearer(people.token(acme, {BESIDE: "admin"})),
            "an admin's key of another factory": bearer(people.key(acme, BESIDE, "admin").text),
        }
        self.invalid = dict(self._invalid())

    def _invalid(self) -> Iterator[tuple[str, tuple[Headers, str]]]:
        """Yield credentials that show nobody, by name: the headers, and the code of the refusal."""
        people, now = self.people, self.people.now
        user = people.user(self.acme, {"*": "admin"})
        session = people.session(user)
        yield "nothing", ({}, "unauthenticated")
        yield "an empty token", ({"Authorization": "Bearer "}, "unauthenticated")
        yield "a password", ({"Authorization": "Basic YWRtaW46YWRtaW4="}, "unknown_scheme")
        yield "nonsense", (bearer("nonsense"), "invalid_token")
        yield "nonsense in two dots", (bearer("a.b.c"), "invalid_token")
        yield "a token and a key", ({**bearer(session.token), "X-API-Key": "fk_x"}, "two_credentials")
        yield "an expired token", (bearer(people.signed(user, session.session_id, expires_in=0)), "token_expired")
        forger = Population(people.store, now, "another key that is long enough, 0123456789")
        yield "a token signed by another", (bearer(forger.signed(user, session.session_id)), "invalid_token")
        for name, token in self._forged(user, session.session_id):
            yield name, (bearer(token), "invalid_token")
        yield "a cut token", (bearer(session.token[:-2]), "invalid_token")
        unknown = people.signed(user, random_id())
        yield "a token of no session", (bearer(unknown), "session_ended")
        other = people.user(self.acme, {"*": "admin"})
        yield "a token of somebody else's session", (bearer(people.signed(other, session.session_id)), "session_ended")
        revoked = people.session(user, revoked_at=now - 1)
        yield "a token of a revoked session", (bearer(revoked.token), "session_ended")
        ended = people.session(user, expires_at=now)
        yield "a token of a session that has ended", (bearer(ended.token), "session_ended")
        disabled = people.token(self.acme, {"*": "admin"}, disabled=True)
        yield "a token of a disabled user", (bearer(disabled), "session_ended")
        yield "a refresh token", (bearer(session.refresh_token), "invalid_token")
        good = people.key(self.acme, OURS, "admin")
        wrong = f"fk_{good.key_id}_{random_secret()}"
        for name, text in {
            "a cut key": good.text[:-1],
            "a key with another secret": wrong,
            "an unknown key": f"fk_{random_id()}_{random_secret()}",
            "a revoked key": people.key(self.acme, OURS, "admin", revoked_at=now - 1).text,
        }.items():
            yield name, (bearer(text), "invalid_key")
            yield f"{name} in its own header", ({"X-API-Key": text}, "invalid_key")
        expired = people.key(self.acme, OURS, "admin", expires_at=now)
        yield "an expired key", (bearer(expired.text), "key_expired")

    def _forged(self, user: User, session_id: str) -> Iterator[tuple[str, str]]:
        now = self.people.now // 1_000_000
        claims = {"sub": user.user_id, "sid": session_id, "aud": "factory-api", "iat": now, "exp": now + 3600}
        key = derived_key(SECRET_KEY, "access token")
        good = jwt.encode(claims, key, "HS256")
        assert AccessTokens(SECRET_KEY).read(good, now=now * 1_000_000).session_id == session_id
        unsigned = jwt.encode(claims, None, "none")
        yield "an unsigned token", unsigned
        yield "an unsigned token with a signature", unsigned + good.rpartition(".")[2]
        header = base64.urlsafe_b64encode(b'{"alg":"nOnE","typ":"JWT"}').decode().rstrip("=")
        yield "an unsigned token in other letters", f"{header}.{unsigned.split('.')[1]}."
        yield "a token of another algorithm", jwt.encode(claims, key * 2, "HS512")
        yield "a token signed with the bare secret", jwt.encode(claims, SECRET_KEY, "HS256")
        yield "a token for something else", jwt.encode({**claims, "aud": "other"}, key, "HS256")
        for name in claims:
            rest = {claim: value for claim, value in claims.items() if claim != name}
            yield f"a token without {name}", jwt.encode(rest, key, "HS256")

    def new_things(self) -> dict[str, str]:
        """Things of our factory to be asked for and changed, a new one of each."""
        unique = uuid4().hex[:8]
        ids = {"factory_id": OURS, "organisation_id": "acme"}
        ids |= {"worker_id": f"ACME-W-{unique}", "workstation_id": f"ACME-S-{unique}"}
        user = self.people.user(self.acme, {OURS: "viewer"})
        ids |= {"user_id": user.user_id, "session_id": self.people.session(user).session_id}
        ids |= {"key_id": self.people.key(self.acme, OURS, "read").key_id}
        said = {"timestamp": "2026-01-15T09:00:00Z", "event_type": "working"}
        said |= {name: ids[name] for name in ("worker_id", "workstation_id")}
        headers = {**self.of_scope["ingest"], "X-Factory-ID": OURS}
        stored = self.client.post(f"{BASE}/events/", json=said, headers=headers)
        assert stored.status_code == 201, stored.text
        # What was stored is derived, so that reading it changes nothing any more.
        read = self.client.get(f"{BASE}/metrics/factory", headers={**self.admin, "X-Factory-ID": OURS})
        assert read.status_code == 200, read.text
        return ids

    def ask(
        self, route: Route, headers: Headers, things: dict[str, str], factory: str | None = OURS, method: str = ""
    ) -> Any:
        """Send the route's request; `factory` is named in a header."""
        path, query = (filled(text, things) for text in (BASE + route.rule, route.query))
        body = None if route.body is None else filled(json.dumps(route.body), things)
        sent = {**headers, **({} if factory is None else {"X-Factory-ID": factory})}
        content_type = None if body is None else "application/json"
        return self.client.open(
            path,
            base_url="http://localhost",
            query_string=query or None,
            method=method or route.method,
            data=body,
            content_type=content_type,
            headers=sent,
        )

    @contextmanager
    def nothing_changes(self) -> Iterator[None]:
        """Hold the store to what it was: nothing was written and committed, and no table has more or fewer rows.

        A refusal may leave a failed sign-in, counted and noted in the trail, and the moment when a key was used.
        """
        written: list[str] = []
        committed: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if _WRITES.match(statement) and not (_IS_NOTED.match(statement) or "session.failed" in str(parameters)):
                written.append(statement)

        def keep(_connection: Any) -> None:
            committed.extend(written)
            written.clear()

        listeners = {"before_cursor_execute": note, "commit": keep, "rollback": lambda _connection: written.clear()}
        engine = self.people.store.engine
        before = self._rows()
        for name, listener in listeners.items():
            event.listen(engine, name, listener)
        try:
            yield
        finally:
            for name, listener in listeners.items():
                event.remove(engine, name, listener)
        assert committed == []
        assert self._rows() == before

    def _rows(self) -> dict[str, int]:
        """Count the rows of each table; COPY, which is no statement of the engine's, would change a number."""
        with self.people.store.system().snapshot() as tx:
            tables = [table for table in metadata.sorted_tables if exists_on(table, tx.dialect.name)]
            counted = [table for table in tables if table.name not in ("sign_in_failures", "audit")]
            counts = [select(func.count()).select_from(table).scalar_subquery() for table in counted]
            row = tx.execute(select(*counts)).one()
        return dict(zip((table.name for table in counted), row, strict=True))


NOTHING = {
    "factory_id": NOWHERE,
    "organisation_id": "none",
    "worker_id": "NONE-W1",
    "workstation_id": "NONE-S1",
    "user_id": "aaaaaaaaaaaa",
    "key_id": "aaaaaaaaaaaa",
    "session_id": "aaaaaaaaaaaa",
}
"""Ids of things that do not exist."""


def filled(text: str, things: dict[str, str]) -> str:
    for name, value in {"unique": uuid4().hex[:8], **things, "password": PASSWORD}.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def assert_refused(reply: Any, status: int, code: str | None = None) -> None:
    """Assert that a reply has the one shape of errors and the given status."""
    assert reply.status_code == status, (reply.status_code, reply.text)
    assert_is_error(Answer(status, reply.get_json(), reply.headers), status, code)
    assert (reply.headers.get("WWW-Authenticate") == "Bearer") == (status == 401)
    assert "ETag" not in reply.headers


_OF_EACH_ANSWER = ("X-Request-ID", "Content-Length", "RateLimit-Remaining", "RateLimit-Reset")


def seen(reply: Any, ids: dict[str, str]) -> tuple[Any, ...]:
    """All of an answer that could tell one thing from another; `ids` are those that the asker said."""
    content = _MOMENT.sub(b"", reply.data)
    for value in sorted(ids.values(), key=len, reverse=True):
        content = content.replace(value.encode(), b"ID")
    headers = {name: value for name, value in reply.headers.items() if name not in _OF_EACH_ANSWER}
    return reply.status_code, content, headers
