"""Addresses, request ids, headers and the page."""

from __future__ import annotations

import gc
import gzip
import re
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.api.conftest import api_rules, asked
from tests.conftest import Clock, close_store, make_settings

from factory.app import create_app
from factory.settings import Settings


def test_no_route_redirects_with_or_without_its_slash(served: Flask, site: FlaskClient) -> None:
    for method, address in api_rules(served):
        if method == "DELETE":
            continue  # the second would find nothing
        bare, _, query = asked(address).partition("?")
        bare = bare.rstrip("/")
        answers = [
            site.open(f"{path}?{query}", method=method, json=[] if method != "GET" else None)
            for path in (bare, bare + "/")
            if "demo" not in path and "oidc" not in path
        ]
        assert len({answer.status_code for answer in answers}) <= 1
        assert not {301, 302, 307, 308, 404, 405} & {answer.status_code for answer in answers}


def test_every_get_answers_data(served: Flask, site: FlaskClient) -> None:
    for method, address in api_rules(served):
        # There is no provider, and nobody has signed in.
        if method == "GET" and "/oidc" not in address and "/session/list" not in address:
            answer = site.get(asked(address))
            assert answer.status_code == 200, (address, answer.text)
            assert not answer.is_json or "timestamp" in answer.get_json()
            assert answer.is_json or address.endswith("/data")


def test_answers_are_compact_json(site: FlaskClient) -> None:
    assert b'": ' not in site.get("/api/v1/workers/").data


@pytest.mark.parametrize(
    "path", ["/api/v1/health/", "/api/v1/nothing", "/nothing", "/docs", "/metrics", "/api/v1/openapi.json"]
)
def test_a_request_id_is_on_every_answer(site: FlaskClient, path: str) -> None:
    assert site.get(path, headers={"X-Request-ID": "Line-4.a_b"}).headers["X-Request-ID"] == "Line-4.a_b"
    made = {site.get(path, headers={"X-Request-ID": "no spaces"}).headers["X-Request-ID"] for _ in range(2)}
    assert len(made) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in made)


@pytest.mark.parametrize("path", ["/api/v1/health/", "/api/v1/nothing", "/docs", "/api/v1/docs/", "/metrics"])
def test_security_headers_are_on_every_answer(site: FlaskClient, path: str) -> None:
    headers = site.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    script_rule = re.search(r"script-src ([^;]*)", headers["Content-Security-Policy"])
    assert "unsafe" not in (script_rule[1] if script_rule else "")


def test_the_page_is_served_from_its_directory_and_nothing_beside_it(
    fresh_database: Callable[[str], str], tmp_path: Path
) -> None:
    page = tmp_path / "page"
    (page / "styles").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>x</title>")
    (page / "styles" / "main.css").write_text("body{}")
    (page / ".hidden").write_text("secret")
    (tmp_path / "secret.txt").write_text("secret")
    app = create_app(make_settings(fresh_database("sqlite"), FRONTEND_DIR=str(page)), clock=Clock())
    client = app.test_client()

    for path, mimetype in (("/", "text/html"), ("/index.html", "text/html"), ("/styles/main.css", "text/css")):
        answer = client.get(path)
        assert (answer.status_code, answer.mimetype) == (200, mimetype)
        assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    for path in ("/", "/styles/main.css"):
        plain, packed = (client.get(path, headers={"Accept-Encoding": accepted}) for accepted in ("br", "br, gzip"))
        assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
        assert gzip.decompress(packed.data) == plain.data
        assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
        assert plain.headers["ETag"] != packed.headers["ETag"]
        same = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
        assert client.get(path, headers=same).status_code == 304
        refusing = client.get(path, headers={"Accept-Encoding": "gzip;q=0, identity"})
        assert "Content-Encoding" not in refusing.headers
    (page / "styles" / "main.css").write_text("a{}")
    assert gzip.decompress(client.get("/styles/main.css", headers={"Accept-Encoding": "gzip"}).data) == b"a{}"
    (page / "styles" / "icon.png").write_bytes(b"pixels")
    picture = client.get("/styles/icon.png", headers={"Accept-Encoding": "gzip"})
    assert picture.data == b"pixels"
    assert not {"Vary", "Content-Encoding"} & set(picture.headers.keys())
    for path in ("/.hidden", "/styles/../../secret.txt", "/styles/..%2f..%2fsecret.txt", "/styles/", "/styles/%00"):
        assert client.get(path).status_code == 404, path
    assert client.post("/api/v1/nothing").status_code == 404
    close_store(app.extensions["factory_store"])


def test_lists_and_single_things_have_their_shapes(site: FlaskClient) -> None:
    listed: Any = site.get("/api/v1/metrics/workers").get_json()
    assert listed.keys() == {"status", "count", "data", "window", "timestamp"}
    assert (listed["status"], listed["count"], len(listed["data"])) == ("success", 1, 1)
    shown: Any = site.get("/api/v1/metrics/workers/W1").get_json()
    assert shown.keys() == {"status", "data", "window", "timestamp"}
    page: Any = site.get("/api/v1/events/").get_json()
    assert page.keys() == {"status", "count", "data", "next_cursor", "timestamp"}


def test_whether_sample_data_can_be_loaded_is_said(fresh_database: Callable[[str], str], site: FlaskClient) -> None:
    assert site.get("/api/v1/demo/").get_json()["data"] == {"enabled": True}
    app = create_app(make_settings(fresh_database("sqlite")), clock=Clock())
    assert app.test_client().get("/api/v1/demo").get_json()["data"] == {"enabled": False}
    close_store(app.extensions["factory_store"])


def test_applications_that_nobody_holds_are_forgotten(settings: Settings) -> None:
    def used() -> weakref.ref[Flask]:
        app = create_app(settings, clock=Clock())
        assert app.test_client().get("/api/v1/health/").status_code == 200
        close_store(app.extensions["factory_store"])
        return weakref.ref(app)

    applications = [used() for _ in range(3)]
    gc.collect()

    alive = [one for one in applications if one() is not None]
    assert len(alive) <= 1, "the client remembers the last one's request"
