"""The edges: other origins, headers for browsers, proxies that are declared, and bodies of who may not come in."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from tests.access.conftest import population_of
from tests.access.population import CHEAP_HASHES, SECRET_KEY
from tests.conftest import Clock, close_store, make_settings
from tests.servers import RunningServer

from factory.adapters.access.secret_text import random_id
from factory.domain.access.permissions import DEFAULT_ORGANISATION
from factory.settings import SettingsError, load_settings

FIGURES = "/api/v1/metrics/factory"
SCREENS = "https://screens.example.org"
BATCH = "/api/v1/events/batch"

Make = Callable[..., Flask]


@pytest.fixture
def make(fresh_database: Callable[[str], str]) -> Iterator[Make]:
    """Yield a function from settings to an application; headers need no database, so one is enough."""
    from factory.app import create_app

    apps = []

    def opened(**changes: str) -> Flask:
        environment = {"ACCESS": "required", "SECRET_KEY": SECRET_KEY, **changes}
        settings = make_settings(fresh_database("sqlite"), **environment)
        apps.append(create_app(settings, clock=Clock(), passwords=CHEAP_HASHES))
        return apps[-1]

    yield opened
    for app in apps:
        close_store(app.extensions["factory_store"])


def key_of(app: Flask, scope: str) -> dict[str, str]:
    return {"X-API-Key": population_of(app).key(DEFAULT_ORGANISATION, "default", scope).text}


# Other origins


def preflight(app: Flask, origin: str, path: str = BATCH) -> Any:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-factory-id",
    }
    return app.test_client().options(path, headers=headers)


def cors_headers(answer: Any) -> set[str]:
    return {name for name in answer.headers.keys() if name.startswith("Access-Control-")}  # noqa: SIM118


def test_without_a_list_no_other_origin_is_told_anything(make: Make) -> None:
    app = make()

    assert cors_headers(preflight(app, SCREENS)) == set()
    assert cors_headers(app.test_client().get(FIGURES, headers={"Origin": SCREENS, **key_of(app, "read")})) == set()


def test_a_listed_origin_may_ask_with_a_credential_and_read_our_headers(make: Make) -> None:
    app = make(CORS_ORIGINS=f"{SCREENS}, https://other.example.org:8443")

    asked = preflight(app, SCREENS)
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == SCREENS
    assert asked.headers["Access-Control-Allow-Methods"] == "DELETE, GET, PATCH, POST"
    assert asked.headers["Access-Control-Allow-Headers"].lower() == "authorization, content-type, x-factory-id"
    assert asked.headers["Access-Control-Max-Age"] == "600"

    answer = app.test_client().get(FIGURES, headers={"Origin": SCREENS, **key_of(app, "read")})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == SCREENS
    assert "Origin" in answer.headers["Vary"]
    exposed = {name.strip() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
    told = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
    assert exposed == {"ETag", "X-Request-ID", "Retry-After", *told}
    assert exposed - {"Retry-After"} <= set(answer.headers.keys())
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_listed_origin_can_read_why_it_was_refused(make: Make) -> None:
    app = make(CORS_ORIGINS=SCREENS, RATE_LIMIT_READ="2/hour")
    client = app.test_client()

    for path, status in ((FIGURES, 401), ("/api/v1/nothing", 404), (FIGURES, 401), (FIGURES, 429)):
        answer = client.get(path, headers={"Origin": SCREENS})
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == SCREENS


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.org",
        "http://screens.example.org",
        "https://screens.example.org:444",
        "https://screens.example.org.evil.example",
        "https://screensXexample.org",
        "https://evil.example/https://screens.example.org",
        "null",
        "",
    ],
)
def test_an_origin_that_is_not_listed_is_told_nothing(make: Make, origin: str) -> None:
    app = make(CORS_ORIGINS=SCREENS)

    assert "Access-Control-Allow-Origin" not in preflight(app, origin).headers
    answer = app.test_client().get(FIGURES, headers={"Origin": origin, **key_of(app, "read")})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_page_is_not_for_other_origins(make: Make) -> None:
    assert cors_headers(make(CORS_ORIGINS=SCREENS).test_client().get("/", headers={"Origin": SCREENS})) == set()


@pytest.mark.parametrize(
    "origins", ["screens.example.org", f"{SCREENS}/", "https://*.example.org", "ftp://a", "https://a/b", "null", ".*"]
)
def test_what_is_no_origin_stops_the_start(origins: str) -> None:
    with pytest.raises(SettingsError, match="CORS_ORIGINS must be origins such as"):
        load_settings({"CORS_ORIGINS": origins})


def test_limits_are_counted_where_flask_limiter_can_count() -> None:
    with pytest.raises(SettingsError, match="RATE_LIMIT_STORAGE_URL must be memory://"):
        load_settings({"RATE_LIMIT_STORAGE_URL": "file:///tmp/limits"})


# Headers for browsers

PAGES = ["/", "/api/v1/health/", FIGURES, "/api/v1/nothing", "/nothing", "/docs", "/api/v1/openapi.json"]


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_tells_browsers_to_be_careful(make: Make, path: str) -> None:
    headers = make().test_client().get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "object-src 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "script-src 'unsafe" not in policy
    unused = {one.strip() for one in headers["Permissions-Policy"].split(",")}
    assert {"camera=()", "microphone=()", "geolocation=()", "payment=()", "usb=()"} <= unused


def test_hsts_is_told_over_tls_only(make: Make) -> None:
    client = make().test_client()

    assert "Strict-Transport-Security" not in client.get("/").headers
    for path in PAGES:
        told = client.get(path, base_url="https://localhost").headers["Strict-Transport-Security"]
        assert told == "max-age=31536000"


# Proxies


def forwarded(address: str, scheme: str = "https") -> dict[str, str]:
    return {"X-Forwarded-For": address, "X-Forwarded-Proto": scheme, "X-Forwarded-Host": "evil.example"}


def addresses_in_the_trail(app: Flask) -> list[str]:
    with app.extensions["factory_store"].system().snapshot() as tx:
        return list(tx.execute(text("SELECT address FROM audit ORDER BY number")).scalars())


def name_a_worker(app: Flask, headers: dict[str, str], address: str) -> None:
    answer = app.test_client().post(
        "/api/v1/workers/",
        json={"worker_id": f"W{random_id()}", "name": "Ada"},
        headers={**key_of(app, "admin"), **headers},
        environ_base={"REMOTE_ADDR": address},
    )
    assert answer.status_code == 201


def test_a_forged_address_neither_enters_the_trail_nor_escapes_a_limit(make: Make) -> None:
    app = make(RATE_LIMIT_READ="3/hour")
    client = app.test_client()

    name_a_worker(app, forwarded("203.0.113.9"), "192.0.2.1")
    assert addresses_in_the_trail(app) == ["192.0.2.1"]

    statuses = [client.get(FIGURES, headers=forwarded(f"203.0.113.{number}")).status_code for number in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    answer = client.get("/api/v1/health/", headers=forwarded("203.0.113.9"))
    assert "Strict-Transport-Security" not in answer.headers


def test_behind_one_declared_proxy_the_last_address_is_believed_and_no_other(make: Make) -> None:
    app = make(TRUSTED_PROXIES="1", RATE_LIMIT_READ="2/hour")
    client = app.test_client()

    name_a_worker(app, forwarded("198.51.100.66, 203.0.113.9"), "10.0.0.1")
    assert addresses_in_the_trail(app) == ["203.0.113.9"]

    chains = [f"198.51.100.{number}, 203.0.113.7" for number in range(3)]
    assert [client.get(FIGURES, headers=forwarded(chain)).status_code for chain in chains] == [401, 401, 429]
    assert client.get(FIGURES, headers=forwarded("203.0.113.8")).status_code == 401
    assert "Strict-Transport-Security" in client.get("/", headers=forwarded("203.0.113.9")).headers
    assert "Strict-Transport-Security" not in client.get("/", headers=forwarded("203.0.113.9", "http")).headers


def test_behind_two_declared_proxies_it_is_the_last_but_one(make: Make) -> None:
    app = make(TRUSTED_PROXIES="2")

    name_a_worker(app, forwarded("198.51.100.66, 203.0.113.9, 10.0.0.2", "https, http"), "10.0.0.1")
    assert addresses_in_the_trail(app) == ["203.0.113.9"]


# A real server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    directory = tmp_path_factory.mktemp("edges")
    running = RunningServer(
        f"sqlite:///{directory}/factory.db",
        Path(directory) / "server.log",
        ACCESS="required",
        SECRET_KEY=SECRET_KEY,
        WEB_WORKERS="1",
        MAX_BODY_BYTES="1048576",
    )
    with running:
        yield running


@pytest.mark.system
def test_gunicorn_believes_no_header_of_an_undeclared_proxy(server: RunningServer) -> None:
    for name, value in (("X-Forwarded-Proto", "https"), ("X-Forwarded-Ssl", "on"), ("X-Forwarded-Protocol", "ssl")):
        answer = server.request("GET", "/", headers={name: value})
        assert answer.status == 200
        assert "strict-transport-security" not in answer.headers


def head(path: str, *, length: int, more: str = "") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n{more}\r\n"
    ).encode()


@pytest.mark.system
def test_a_stranger_is_refused_before_the_body_is_sent_and_the_body_is_not_read(server: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        began = time.monotonic()
        link.sendall(head(BATCH, length=1 << 40))
        assert link.recv(65536).startswith(b"HTTP/1.1 401 ")
        assert time.monotonic() - began < 5

        sent, piece = 0, bytes(1 << 20)
        with contextlib.suppress(OSError):  # the server hangs up
            while sent < 1 << 28 and time.monotonic() - began < 60:
                sent += link.send(piece)
    assert sent < 1 << 27
    assert server.request("GET", "/api/v1/health/").status == 200


@pytest.mark.system
def test_a_body_that_is_too_large_is_a_401_to_a_stranger_and_inflates_nothing(server: RunningServer) -> None:
    import gzip

    bomb = gzip.compress(bytes(64 << 20))
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    began = time.monotonic()
    assert server.request("POST", BATCH, bomb, headers).status == 401
    assert time.monotonic() - began < 2


@pytest.mark.system
def test_a_request_whose_headers_never_end_is_cut_off_without_a_credential(server: RunningServer) -> None:
    began = time.monotonic()
    received = server.raw(b"GET / HTTP/1.1\r\nX-API-Key: fk_", shut=False, timeout=30)
    assert time.monotonic() - began < 20
    assert not received.startswith(b"HTTP/1.1 200")


@pytest.mark.system
@pytest.mark.parametrize("key", ["fk_" + "a" * 9000, "a" * 8000, "fk_é", "\x7f", "%00"])
def test_an_outlandish_credential_is_refused_and_never_a_500(server: RunningServer, key: str) -> None:
    received = server.raw(
        b"GET " + FIGURES.encode() + b" HTTP/1.1\r\nHost: x\r\nX-API-Key: " + key.encode() + b"\r\n\r\n"
    )
    assert received[9:12] in (b"400", b"401", b"431")
