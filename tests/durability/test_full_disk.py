"""A database that has no room takes nothing and says so; what was refused is taken once there is room again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, event, text
from tests.durability.load import make_event

EVENTS = [{**make_event(0, number), "event_id": f"{number:0120}"} for number in range(80)]


@contextmanager
def no_room(app: Flask) -> Iterator[None]:
    """SQLite's own limit to the size of its file; in PostgreSQL the error that a full file system leads to."""
    engine = app.extensions["factory_store"].engine
    if engine.dialect.name == "sqlite":

        def limit(connection: Connection) -> None:
            connection.connection.cursor().execute("PRAGMA max_page_count = 1")  # rounded up to what there is

        event.listen(engine, "begin", limit)
        yield
        event.remove(engine, "begin", limit)
        engine.dispose()
        return
    with engine.begin() as tx:
        tx.execute(
            text(
                """CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"""
            )
        )
        tx.execute(
            text("CREATE TRIGGER no_room BEFORE INSERT ON events_first_rows EXECUTE FUNCTION no_room()"),
        )
    yield
    with engine.begin() as tx:
        tx.execute(text("DROP FUNCTION no_room() CASCADE"))


@pytest.mark.parametrize("route", ["/api/v1/events/", "/api/v1/events/batch"])
def test_what_does_not_fit_is_answered_503_and_taken_later(app: Flask, client: FlaskClient, route: str) -> None:
    def post() -> list[int]:
        if route.endswith("batch"):
            answers = [client.post(route, json=EVENTS)]
        else:
            answers = [client.post(route, json=one) for one in EVENTS]
        for answer in answers:
            if answer.status_code not in (200, 201):
                body = answer.get_json()
                assert (answer.status_code, body["code"]) == (503, "database_full")
                assert "room" in body["error"]
                assert int(answer.headers["Retry-After"]) > 1
        return [answer.status_code for answer in answers]

    assert client.post("/api/v1/events/", json=make_event(1, 0)).status_code == 201
    with no_room(app):
        assert post()[-1] == 503
    post()
    assert set(post()) == {200}, "a sender that repeats what was refused finds all of it stored"
    counted = client.get("/api/v1/metrics/factory").get_json()["data"]["total_events"]
    assert counted == 1 + len(EVENTS)
