"""Secrets stand where they are needed and nowhere else: not in the log, an answer, an export, the database, a file."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pyotp
import pytest
from click.testing import CliRunner
from sqlalchemy import make_url, select, text
from tests.access.conftest import UNLIMITED
from tests.access.population import Population
from tests.access.strangers import BASE
from tests.conftest import STORES, make_settings
from tests.servers import Reply, RunningServer

from factory.domain.access.permissions import DEFAULT_ORGANISATION
from factory.store import Store, open_store
from factory.store.schema import exists_on, metadata

ROOT = Path(__file__).resolve().parents[2]

# Each is a text of its own, so that a find says which one it was.
SECRET_KEY = "secret-key-of-the-test-0123456789-abcdefgh"
METRICS_TOKEN = "metrics-token-of-the-test-0123456789"
DATABASE_PASSWORD = "database-password-of-the-test"
OPENID_SECRET = "openid-secret-of-the-test-0123"
FIRST_PASSWORD = "first password of the test"
SECOND_PASSWORD = "second password of the test"
WRONG_PASSWORD = "wrong password of the test"
CUT_PASSWORD = "password of a body that is cut"
LIST_PASSWORD = "password in a list"
QUERY_TOKEN = "token-in-a-query-of-the-test"


class Run:
    """A walk through everything that takes or gives a secret, on a real server that logs all it can."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.secrets: dict[str, str] = {
            "SECRET_KEY": SECRET_KEY,
            "METRICS_TOKEN": METRICS_TOKEN,
            "OIDC_CLIENT_SECRET": OPENID_SECRET,
            "the first password": FIRST_PASSWORD,
            "the second password": SECOND_PASSWORD,
            "a wrong password": WRONG_PASSWORD,
            "a password of a cut body": CUT_PASSWORD,
            "a password in a list": LIST_PASSWORD,
            "a token in a query": QUERY_TOKEN,
        }
        self.told: list[bytes] = []
        """The answers, without what an answer was to give."""
        self.token = ""
        self.cookies: dict[str, str] = {}
        self.log = self.database = self.export = b""

    def ask(
        self, method: str, path: str, body: Any = None, gives: tuple[str, ...] = (), token: str | None = None
    ) -> Reply:
        """One request; `gives` are the fields of its data that are secrets, told this once."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        credential = self.token if token is None else token
        if credential:
            headers["Authorization"] = f"Bearer {credential}"
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            headers["X-CSRF-Token"] = self.cookies.get("factory_csrf", "")
        reply = self.server.request(method, BASE + path, content, headers)
        told = reply.content
        if reply.status < 300 and gives:
            data = reply.body.get("data", reply.body)
            for name in gives:
                self.secrets[f"{name} of {method} {path} at {len(self.told)}"] = data[name]
                told = told.replace(data[name].encode(), b"")
        self.told.append(told)
        return reply

    def sign_in(self, email: str, password: str, **more: str) -> Reply:
        reply = self.ask("POST", "/session/", {"email": email, "password": password, **more}, ("access_token",), "")
        self._keep(reply)
        return reply

    def _keep(self, reply: Reply) -> None:
        if reply.status != 200:
            return
        self.token = reply.body["access_token"]
        # http.client joins the headers of both cookies; none of these values has a comma in it.
        for part in re.split(r", (?=factory_)", reply.headers.get("set-cookie", "")):
            for name, morsel in SimpleCookie(part).items():
                if morsel.value:
                    self.cookies[name] = morsel.value
                    self.secrets[f"the cookie {name} at {len(self.told)}"] = morsel.value

    def walk(self, email: str) -> None:
        assert self.sign_in(email, WRONG_PASSWORD).status == 401
        assert self.sign_in("nobody@example.org", WRONG_PASSWORD).status == 401
        assert self.sign_in(email, FIRST_PASSWORD).status == 200
        assert "factory_refresh" in self.cookies
        change = {"old_password": FIRST_PASSWORD, "new_password": SECOND_PASSWORD}
        self._keep(self.ask("POST", "/session/password", change, ("access_token",)))
        self._keep(self.ask("POST", "/session/refresh", None, ("access_token",), ""))
        self._one_time_code(email)
        self._people_and_keys()
        self._what_cannot_be_read()

    def _one_time_code(self, email: str) -> None:
        begun = self.ask("POST", "/session/totp", {"password": SECOND_PASSWORD}, ("uri", "secret"))
        assert begun.status == 200, begun.content
        secret = begun.body["data"]["secret"]
        code = pyotp.TOTP(secret).now()
        confirmed = self.ask("POST", "/session/totp/confirm", {"code": code})
        assert confirmed.status == 200, confirmed.content
        assert self.sign_in(email, SECOND_PASSWORD).status == 401
        assert self.ask("DELETE", "/session/totp", {"password": SECOND_PASSWORD}).status == 200

    def _people_and_keys(self) -> None:
        new = {"email": "new@example.org", "name": "New", "roles": {"default": "viewer"}}
        made = self.ask("POST", "/users/", new, ("initial_password",))
        assert made.status == 201, made.content
        user = made.body["data"]
        assert (
            self.ask("PATCH", f"/users/{user['user_id']}", {"reset_password": True}, ("initial_password",)).status < 300
        )
        key = self.ask("POST", "/keys/", {"name": "Camera", "scope": "ingest"}, ("key",)).body["data"]
        event = {"timestamp": "2026-01-15T10:00:00Z", "worker_id": "W1", "workstation_id": "S1", "event_type": "idle"}
        assert self.ask("POST", "/events/", event, token=key["key"]).status == 201
        self.ask("POST", "/events/", event, token=key["key"][:-3])
        self.ask("GET", "/workers/", token=self.token[:-3])
        self.ask("POST", f"/keys/{key['key_id']}/rotate", {"overlap_hours": 1}, ("key",))
        for path in ("/keys/", "/users/", f"/users/{user['user_id']}", "/audit/", "/session/", "/workers/W1/data"):
            assert self.ask("GET", path).status == 200, path
        assert self.ask("DELETE", f"/keys/{key['key_id']}").status == 200

    def _what_cannot_be_read(self) -> None:
        self.ask("POST", "/session/", f'{{"email": "a@example.org", "password": "{CUT_PASSWORD}'.encode())
        self.ask("POST", "/session/", {"email": "a@example.org", "password": [LIST_PASSWORD]})
        self.ask("POST", "/session/", {"email": ["a@example.org"], "password": WRONG_PASSWORD})
        self.ask("POST", "/session/password", {"old_password": {"a": LIST_PASSWORD}, "new_password": WRONG_PASSWORD})
        self.ask("GET", f"/workers/?token={QUERY_TOKEN}")
        self.ask("GET", f"/events/?cursor={QUERY_TOKEN}")

    def break_down(self, store: Store, email: str) -> None:
        """Send requests whose failure nobody foresaw: the tables that they need are gone."""
        for table, requests in {
            "sessions": [("POST", "/session/", {"email": email, "password": SECOND_PASSWORD})],
            "api_keys": [("POST", "/keys/", {"name": "Camera", "scope": "read"})],
            "memberships": [("POST", "/users/", {"email": "x@example.org", "name": "X", "roles": {"default": "wall"}})],
        }.items():
            rename(store, table, f"{table}_away")
            for method, path, body in requests:
                assert self.ask(method, path, body).status in (500, 503), (method, path)
            rename(store, f"{table}_away", table)


def rename(store: Store, old: str, new: str) -> None:
    with store.system().writing() as tx:
        tx.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


@pytest.fixture(scope="module", params=STORES)
def run(
    request: pytest.FixtureRequest, fresh_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Run:
    from argon2 import PasswordHasher

    url = make_url(fresh_database(request.param))
    if request.param == "postgresql":
        url = url.set(password=DATABASE_PASSWORD)
    address = url.render_as_string(hide_password=False)
    options = {
        "ACCESS": "required",
        "SECRET_KEY": SECRET_KEY,
        "METRICS_TOKEN": METRICS_TOKEN,
        "OIDC_ISSUER": "http://127.0.0.1:9",
        "OIDC_CLIENT_ID": "factory",
        "OIDC_CLIENT_SECRET": OPENID_SECRET,
        "LOG_LEVEL": "DEBUG",
        "DB_SLOW_STATEMENT_MS": "1",
        "WEB_WORKERS": "1",
        "ACCESS_CACHE_SECONDS": "0",
        **UNLIMITED,
    }
    email = "admin@example.org"
    log = tmp_path_factory.mktemp("log") / "server.log"
    with closing(open_store(make_settings(address))) as store:
        people = Population(store, time.time_ns() // 1000, SECRET_KEY)
        hashed = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(FIRST_PASSWORD)
        people.user(DEFAULT_ORGANISATION, {"*": "admin"}, email=email, password_hash=hashed)
        with RunningServer(address, log, ENVIRONMENT="development", **options) as server:
            run = Run(server)
            if request.param == "postgresql":
                run.secrets["the database's password"] = DATABASE_PASSWORD
            run.walk(email)
            run.ask("GET", "/session/oidc")
            server.request("GET", "/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
            run.database = dump(store)
            environment = {"DATABASE_URL": address, "LOG_LEVEL": "DEBUG", "ENVIRONMENT": "development"}
            run.export = CliRunner().invoke(commands(), ["export", "-"], env=environment).output.encode()
            run.break_down(store, email)
    run.log = log.read_bytes()
    return run


def commands() -> Any:
    from factory.cli.main import main

    return main


def dump(store: Store) -> bytes:
    with store.system().snapshot() as tx:
        rows = [
            bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
            for table in metadata.sorted_tables
            if exists_on(table, tx.dialect.name)
            for row in tx.execute(select(table))
            for value in row
        ]
    return b"\n".join(rows)


def found_in(content: bytes, run: Run) -> list[str]:
    return [name for name, secret in run.secrets.items() if secret.encode() in content]


@pytest.mark.system
def test_the_walk_met_every_kind_of_secret(run: Run) -> None:
    kinds = ("access_token", "initial_password", "key of", "secret of", "uri of", "factory_refresh", "factory_csrf")
    for kind in kinds:
        assert any(kind in name for name in run.secrets), kind
    assert all(len(secret) >= 12 for secret in run.secrets.values())


@pytest.mark.system
def test_no_secret_is_in_the_log(run: Run) -> None:
    log = run.log
    assert log.count(b"unhandled error") >= 3
    assert b"DEBUG" in log or b"slow statement" in log
    assert b"Traceback" in log
    assert found_in(log, run) == []
    # Neither what is stored of one, nor the parameters of a statement that failed.
    assert b"$argon2" not in log
    assert b"[parameters: " not in log


@pytest.mark.system
def test_no_secret_is_in_an_answer_that_was_not_to_give_it(run: Run) -> None:
    assert len(run.told) > 25
    assert {
        name: [told for told in run.told if found_in(told, run)] for name in found_in(b"\n".join(run.told), run)
    } == {}


@pytest.mark.system
def test_no_secret_stands_in_the_database(run: Run) -> None:
    assert b"new@example.org" in run.database
    assert found_in(run.database, run) == []


@pytest.mark.system
def test_no_secret_is_in_an_export(run: Run) -> None:
    assert b'"W1"' in run.export, run.export
    assert found_in(run.export, run) == []


# The repository

_LEAKED = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/]{20}"
    rb"|\bfk_[a-z2-7]{12}_[A-Za-z0-9_-]{43}"
    rb"|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"
    rb"|\bAKIA[0-9A-Z]{16}\b"
)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    left_out = {".venv", "node_modules", "var", ".hypothesis", "__pycache__"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not left_out & set(path.relative_to(ROOT).parts)]


def test_no_key_is_in_the_repository() -> None:
    files = [path for path in tracked() if path.is_file()]
    assert len(files) > 100
    assert [str(path.relative_to(ROOT)) for path in files if _LEAKED.search(path.read_bytes())] == []


def test_a_key_in_the_repository_would_be_found() -> None:
    from factory.adapters.access.secret_text import random_id, random_secret

    assert _LEAKED.search(f"KEY = 'fk_{random_id()}_{random_secret()}'".encode())
    assert _LEAKED.search(b"-----BEGIN RSA PRIVATE" + b" KEY-----\n" + b"MIIEowIBAAKCAQEAxxxxxxxx")
