"""The words in which the hand-computed cases are written, and the two who answer them.

Each case runs against the reference and against the product on both stores, so that the reference
is itself held to numbers that a person worked out. Days are 2026-01-15 unless the case says another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.law.served import Served, between
from tests.reference import BadRequest, Reference, instant, read_event
from tests.strategies import Delivery

DAY = "2026-01-15T"
Told = dict[str, Any]


def at(time: str) -> str:
    """`08:00` to the sample day's timestamp; whole timestamps stay."""
    if "T" in time:
        return time
    return f"{DAY}{time if time.count(':') == 2 else time + ':00'}Z"


def says(kind: str, time: str, worker: str = "W1", station: str = "S1", **more: Any) -> Told:
    return {"timestamp": at(time), "worker_id": worker, "workstation_id": station, "event_type": kind, **more}


def working(time: str, worker: str = "W1", station: str = "S1", **more: Any) -> Told:
    return says("working", time, worker, station, **more)


def idle(time: str, worker: str = "W1", station: str = "S1", **more: Any) -> Told:
    return says("idle", time, worker, station, **more)


def absent(time: str, worker: str = "W1", station: str = "S1", **more: Any) -> Told:
    return says("absent", time, worker, station, **more)


def made(count: int, time: str, worker: str = "W1", station: str = "S1", **more: Any) -> Told:
    return says("product_count", time, worker, station, count=count, **more)


@dataclass(frozen=True)
class Answers:
    """Asks the reference or the product; `BadRequest` stands for a 400."""

    get: Callable[[str, str, str | None, dict[str, str]], dict[str, Any]]

    def of(self, entity: str, entity_id: str | None = None, start: str | None = None, end: str | None = None) -> Told:
        data = self.get("metrics", entity, entity_id, _window(start, end))["data"]
        assert isinstance(data, dict)
        return data

    def window(self, start: str | None = None, end: str | None = None) -> Told:
        window = self.get("metrics", "factory", None, _window(start, end))["window"]
        assert isinstance(window, dict)
        return window

    def intervals(
        self, entity: str, entity_id: str, start: str | None = None, end: str | None = None
    ) -> list[tuple[Any, ...]]:
        """Rows of (start, end, state, workstation or workers), times of the sample day cut short."""
        rows = self.get("intervals", entity, entity_id, _window(start, end))["data"]
        who = "workstation_id" if entity == "worker" else "worker_ids"
        return [(short(row["start"]), short(row["end"]), row["state"], row[who]) for row in rows]

    def series(
        self, metric: str, bucket: str, start: str, end: str, entity: str = "factory", entity_id: str | None = None
    ) -> list[tuple[str, str, Any]]:
        parameters = {"metric": metric, "bucket": bucket, **_window(start, end)}
        rows = self.get("timeseries", entity, entity_id, parameters)["data"]
        return [(short(row["start"]), short(row["end"]), row["value"]) for row in rows]


def _window(start: str | None, end: str | None) -> dict[str, str]:
    return between(tuple(None if t is None else instant(at(t)) for t in (start, end)))  # type: ignore[arg-type]


def short(timestamp: str) -> str:
    return timestamp.removeprefix(DAY).removesuffix(":00Z").removesuffix("Z")


Factory = Callable[..., Answers]


def from_reference(events: Iterable[Told], now: int, zone: str, timeout: int, workers: Iterable[str]) -> Answers:
    reference = Reference([read_event(e) for e in events], now, zone, timeout, {each: each for each in workers})

    def get(kind: str, entity: str, entity_id: str | None, parameters: dict[str, str]) -> dict[str, Any]:
        start, end = (instant(parameters[name]) if name in parameters else None for name in ("from", "to"))
        if kind == "metrics":
            return reference.metrics(entity, entity_id, start, end)
        if kind == "intervals":
            return reference.intervals(entity, str(entity_id), start, end)
        return reference.timeseries(parameters["metric"], entity, entity_id, parameters["bucket"], start, end)

    return Answers(get)


def from_product(served: Served, events: tuple[Told, ...], zone: str, timeout: int, workers: Iterable[str]) -> Answers:
    name = served.new_factory(zone, timeout)
    for each in workers:
        body = {"worker_id": each, "name": each}
        assert served.client.post("/api/v1/workers/", json=body, headers={"X-Factory-ID": name}).status_code == 201
    array = json.dumps(list(events)).encode()
    served.send(name, Delivery(events, "/api/v1/events/batch", "application/json", array))  # type: ignore[arg-type]

    def get(kind: str, entity: str, entity_id: str | None, parameters: dict[str, str]) -> dict[str, Any]:
        path = "/metrics/timeseries" if kind == "timeseries" else f"/metrics/{entity}"
        if kind == "timeseries":
            parameters = {**parameters, "entity": entity} | ({"id": entity_id} if entity_id else {})
        elif entity_id is not None:
            path += f"s/{entity_id}" + ("/intervals" if kind == "intervals" else "")
        answer = served.client.get(f"/api/v1{path}", query_string=parameters, headers={"X-Factory-ID": name})
        if answer.status_code == 400:
            raise BadRequest(answer.text)
        assert answer.status_code == 200, answer.text
        assert isinstance(answer.json, dict)
        return answer.json

    return Answers(get)


def a_morning(factory: Factory, **more: Any) -> Answers:
    """W1: 08:00 working, 09:00 idle, 09:30 absent, 10:00 working and one count at 10:30, so known until 11:30."""
    return factory(working("08:00"), idle("09:00"), absent("09:30"), working("10:00"), made(7, "10:30"), **more)
