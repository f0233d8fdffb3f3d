"""The product as a client sees it, on both stores, beside the reference: ask both, compare the JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient
from tests.reference import BUCKETS, METRICS, Reference, rfc3339
from tests.strategies import Delivery

API = "/api/v1"
_numbers = count(1)

Window = tuple[int | None, int | None]


@dataclass(frozen=True)
class Question:
    """One GET, and what the reference answers."""

    path: str
    parameters: dict[str, str]
    expected: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.path}?{urlencode(self.parameters)}"


@dataclass(frozen=True)
class Served:
    """One running application."""

    store: str
    client: FlaskClient

    def new_factory(self, time_zone: str = "UTC", state_timeout_seconds: int = 3600) -> str:
        """Make a factory of the test's own: it begins empty."""
        factory = f"law-{next(_numbers)}"
        answer = self.client.post(
            f"{API}/factories/",
            json={
                "factory_id": factory,
                "name": factory,
                "time_zone": time_zone,
                "state_timeout_seconds": state_timeout_seconds,
            },
        )
        assert answer.status_code == 201, answer.text
        return factory

    def change_factory(self, factory: str, **values: Any) -> None:
        answer = self.client.patch(f"{API}/factories/{factory}", json=values)
        assert answer.status_code == 200, answer.text

    def send(self, factory: str, delivery: Delivery) -> None:
        """Every event of the delivery is acknowledged."""
        answer = self.client.post(
            delivery.path,
            data=delivery.body,
            headers={"Content-Type": delivery.content_type, "X-Factory-ID": factory},
        )
        assert answer.status_code in (200, 201), (answer.text, delivery.body)
        if delivery.path.endswith("batch"):
            assert answer.json is not None
            assert answer.json["success_count"] == len(delivery.events), (answer.text, delivery.body)

    def ask(self, factory: str, question: Question) -> str:
        """Return the answer's `data` and `window` as JSON text, after comparing them with the reference."""
        answer = self.client.get(API + question.path, query_string={**question.parameters, "factory": factory})
        assert answer.status_code == 200, f"{self.store} {question}: {answer.text}"
        body = answer.json
        assert body is not None
        said = {"data": body["data"], "window": body["window"]}
        compared = {"data": _without_extras(said["data"]), "window": said["window"]}
        assert compared == question.expected, f"{self.store} {question}\n{_difference(compared, question.expected)}"
        return json.dumps(said, sort_keys=True)


def _without_extras(data: Any) -> Any:
    """Drop what an interval's event says beyond the reference (when it was received, for one)."""
    if isinstance(data, list) and data and "duration_seconds" in data[0] and "event" in data[0]:
        return [{**row, "event": _event(row["event"])} for row in data]
    return data


def _event(event: dict[str, Any] | None) -> dict[str, Any] | None:
    names = (
        "timestamp", "worker_id", "workstation_id", "event_type",
        "confidence", "event_id", "source_id", "model_version",
    )  # fmt: skip
    return event and {name: event.get(name) for name in names}


def between(window: Window) -> dict[str, str]:
    return {name: rfc3339(at) for name, at in zip(("from", "to"), window, strict=True) if at is not None}


def metrics_questions(reference: Reference, window: Window) -> Iterator[Question]:
    """Ask for the factory, all workers and all workstations, each of them, and their intervals."""
    parameters = between(window)
    yield Question("/metrics/factory", parameters, reference.metrics("factory", None, *window))
    for entity, ids in (("worker", reference.workers), ("workstation", reference.workstations)):
        route = f"/metrics/{entity}s"
        yield Question(route, parameters, reference.metrics(entity, None, *window))
        for each in sorted(ids):
            yield Question(f"{route}/{each}", parameters, reference.metrics(entity, each, *window))
            yield Question(f"{route}/{each}/intervals", parameters, reference.intervals(entity, each, *window))


def series_question(
    reference: Reference, metric: str, entity: str, entity_id: str | None, bucket: str, window: Window
) -> Question:
    parameters = {"metric": metric, "entity": entity, "bucket": bucket, **between(window)}
    if entity_id is not None:
        parameters["id"] = entity_id
    expected = reference.timeseries(metric, entity, entity_id, bucket, *window)
    return Question("/metrics/timeseries", parameters, expected)


def any_series(reference: Reference, windows: tuple[Window, ...], random: Random) -> Question:
    """Ask for a series of any metric of any entity, with a bucket that suits the window's length."""
    ids: dict[str, list[str | None]] = {
        "factory": [None],
        "worker": [*sorted(reference.workers)],
        "workstation": [*sorted(reference.workstations)],
    }
    entity = random.choice([name for name, registered in ids.items() if registered])
    window = random.choice(windows)
    start, end = reference.window(*window)
    buckets = BUCKETS if end - start < 4 * 86_400_000_000 else BUCKETS[2:]
    return series_question(
        reference,
        random.choice(METRICS[entity]),
        entity,
        random.choice(ids[entity]),
        random.choice(buckets),
        window,
    )


def _difference(said: Any, expected: Any, where: str = "") -> str:
    """Return the places where two answers differ, a line each."""
    if isinstance(said, dict) and isinstance(expected, dict):
        pairs = [(f"{where}.{key}", said.get(key), expected.get(key)) for key in {**said, **expected}]
    elif isinstance(said, list) and isinstance(expected, list) and len(said) == len(expected):
        pairs = [(f"{where}[{n}]", one, other) for n, (one, other) in enumerate(zip(said, expected, strict=True))]
    else:
        return f"{where}: said {said!r}, expected {expected!r}"
    return "\n".join(_difference(one, other, place) for place, one, other in pairs if one != other)
