"""A plant whose workers have telling ids and names, and readers of every kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from tests.access.population import DAY, SECRET_KEY, Population

API = "/api/v1"
DEFAULT = 1  # the organisation that there is at first
UNLIMITED = dict.fromkeys(("RATE_LIMIT_INGEST", "RATE_LIMIT_READ", "RATE_LIMIT_SIGN_IN"), "1000000/second")
REQUIRED = {"ACCESS": "required", "SECRET_KEY": SECRET_KEY, **UNLIMITED}
TELLING = ("anna.", "Anna ")  # what the ids and the names of all workers begin with
TODAY, YESTERDAY, THE_DAY_BEFORE = "2026-01-15", "2026-01-14", "2026-01-13"
DAY_WINDOW = {"from": f"{YESTERDAY}T00:00:00Z", "to": f"{TODAY}T00:00:00Z"}
WINDOW = {"from": "2026-01-15T06:00:00Z", "to": "2026-01-15T12:00:00Z"}
STATIONS = {"S1": range(1, 8), "S2": range(8, 10), "S3": range(10, 16), "S4": range(0)}
"""Workers at each place: seven, two, six, and nobody."""


def worker(number: int) -> str:
    return f"anna.{number:02}"


def working(number: int, station: str, time: str = "08:00", date: str = TODAY, **more: Any) -> dict[str, Any]:
    return {
        "timestamp": f"{date}T{time}:00Z",
        "worker_id": worker(number),
        "workstation_id": station,
        "event_type": "working",
        "event_id": f"{worker(number)}@{time}",
        **more,
    }


def places(stations: Mapping[str, range]) -> Iterator[tuple[int, str]]:
    for station, numbers in stations.items():
        for number in numbers:
            yield number, station


def day_of(number: int, station: str, date: str) -> list[dict[str, Any]]:
    """Return the events of somebody who works from 8 to 10 and makes a unit at 9."""
    return [
        working(number, station, "08:00", date),
        working(number, station, "09:00", date, event_type="product_count"),
        working(number, station, "10:00", date, event_type="absent"),
    ]


@dataclass
class Reader:
    """A client of the API with the credential of one caller."""

    client: Any
    headers: Mapping[str, str]

    def open(self, method: str, path: str, **more: Any) -> Any:
        headers = {**self.headers, **more.pop("headers", {})}
        return self.client.open(API + path, method=method, headers=headers, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.open("GET", path, **more)

    def data(self, path: str, **query: Any) -> Any:
        answer = self.get(path, query_string=query)
        assert answer.status_code == 200, (path, answer.text)
        return answer.get_json()["data"]

    def refused(self, path: str, **query: Any) -> tuple[int, str]:
        answer = self.get(path, **({"query_string": query} if query else {}))
        return answer.status_code, answer.get_json()["code"]


class Plant:
    """An application where credentials are required, and callers of it."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.store = app.extensions["factory_store"]
        self.population = Population(self.store, app.extensions["factory"].clock())

    def user(self, role: str, factory: str = "default", organisation: int = DEFAULT) -> Reader:
        somebody = self.population.user(organisation, {factory: role})
        session = self.population.session(somebody, expires_at=self.population.now + 10 * DAY)
        token = self.population.signed(somebody, session.session_id, expires_in=10 * DAY)
        headers = {"Authorization": f"Bearer {token}"}
        return Reader(self.app.test_client(), headers | ({} if factory == "*" else {"X-Factory-ID": factory}))

    def key(self, scope: str, factory: str = "default", organisation: int = DEFAULT) -> Reader:
        key = self.population.key(organisation, factory, scope)
        return Reader(self.app.test_client(), {"X-API-Key": key.text, "X-Factory-ID": factory})

    def work_for_days(self, stations: Mapping[str, range] = STATIONS) -> None:
        """Workers with names work so yesterday, and were there the day before for the first time."""
        self.work(stations)
        for date in (THE_DAY_BEFORE, YESTERDAY):
            self.send(*(event for number, station in places(stations) for event in day_of(number, station, date)))

    def send(self, *events: dict[str, Any]) -> None:
        answer = self.key("ingest").open("POST", "/events/batch", json=list(events))
        assert answer.status_code == 201, answer.text

    def work(self, stations: Mapping[str, range] = STATIONS, factory: str = "default") -> None:
        """Workers with names work at the stations from 8 o'clock on, and count units at 9."""
        from factory.store import factories
        from factory.store.events import id_registry

        with self.store.writing() as tx:
            key = factories.find(tx, factory).factory_key
            for station, numbers in stations.items():
                id_registry.add(tx, key, "workstation", station, {})
                for number in numbers:
                    id_registry.add(tx, key, "worker", worker(number), {"name": f"Anna {number:02}"})
        sensor = self.key("ingest", factory)
        events = [working(number, station) for station, numbers in stations.items() for number in numbers]
        events += [{**one, "timestamp": "2026-01-15T09:00:00Z", "event_type": "product_count"} for one in events]
        assert sensor.open("POST", "/events/batch", json=events).status_code == 201

    def pseudonym(self, number: int, factory: str = "default") -> str:
        """As the domain makes it, of the factory's key."""
        from factory.domain.privacy import pseudonym
        from factory.store import factories

        with self.store.snapshot() as tx:
            return pseudonym(factories.find(tx, factory).pseudonym_key, worker(number))

    def audited(self, prefix: str = "") -> list[tuple[str, str, str]]:
        """Return (action, actor, subject) of the lines of the default organisation, oldest first."""
        from factory.store.access import audit_log

        with self.store.snapshot() as tx:
            lines = audit_log.lines(tx, DEFAULT, audit_log.Filters(), before=None, limit=10_000)
        return [(one.action, one.actor, one.subject) for one in lines[::-1] if one.action.startswith(prefix)]
