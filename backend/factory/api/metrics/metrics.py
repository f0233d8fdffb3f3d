"""The numbers, their course over time, and the intervals behind them."""

from __future__ import annotations

from typing import Literal

from flask import Response
from flask_restx import Namespace

from factory.api.http.answers import many, one
from factory.api.http.audience import audience, record_view, recorded_view
from factory.api.http.contract import FACTORY, WINDOW, WORKER_ID, WORKSTATION_ID, Parameter, contract
from factory.api.http.query import Query
from factory.api.http.request import caller, now, requested_factory, store
from factory.api.http.route import Route
from factory.api.http.schemas import ID, list_of
from factory.api.metrics.figures import METRIC_FIELDS
from factory.api.registry.workers import known_worker
from factory.api.registry.workstations import known_workstation
from factory.domain.privacy import Audience
from factory.domain.states.calendar import BUCKETS
from factory.operations.metrics.intervals import explain_intervals
from factory.operations.metrics.metrics import MetricsAnswer, query_metrics
from factory.operations.metrics.organisation import query_organisation
from factory.operations.metrics.series import MAX_METRICS, query_timeseries

namespace = Namespace("metrics", "Times, units, rates and percentages over a window", path="/metrics")

Entity = Literal["factory", "worker", "workstation"]

_METRICS = list(dict.fromkeys(name for fields in METRIC_FIELDS.values() for name in fields))
_SERIES = (
    Parameter(
        "metric",
        list_of({"type": "string", "enum": _METRICS}, minItems=1, maxItems=MAX_METRICS, uniqueItems=True),
        "A field of that entity's metrics: a time, units, a rate, a percentage or a number of events; or several.",
        required=True,
        example=["total_units_produced"],
    ),
    Parameter("entity", {"type": "string", "enum": list(METRIC_FIELDS)}, "", required=True, example="worker"),
    Parameter("id", ID, "The worker or workstation; left out for the factory.", example="W1"),
    Parameter(
        "bucket",
        {"type": "string", "enum": list(BUCKETS)},
        "In the factory's time zone.",
        required=True,
        example="day",
    ),
)


def _window() -> tuple[int | None, int | None]:
    query = Query()
    window = query.instant("from"), query.instant("to")
    query.done()
    return window


def _audience(entity: str, entity_id: str | None) -> Audience:
    if entity != "worker":
        return audience()
    return record_view(None if entity_id is None else [entity_id])


def _metrics(entity: Entity, entity_id: str | None = None) -> Response:
    start, end = _window()
    answer = query_metrics(
        store=store(),
        factory_id=requested_factory(),
        entity=entity,
        entity_id=entity_id,
        start=start,
        end=end,
        now=now(),
        audience=_audience(entity, entity_id),
    )
    if isinstance(answer.data, list):
        return many(answer.data, window=answer.window, left_out=answer.left_out)
    return one(answer.data, window=answer.window)


def _intervals(entity: Entity, entity_id: str) -> Response:
    start, end = _window()

    def explained(readers: Audience) -> MetricsAnswer:
        return explain_intervals(
            store=store(),
            factory_id=requested_factory(),
            entity=entity,
            entity_id=entity_id,
            start=start,
            end=end,
            now=now(),
            audience=readers,
        )

    answer = explained(record_view([entity_id])) if entity == "worker" else recorded_view(explained)
    return many(list(answer.data), window=answer.window)


@namespace.route("/factory")
class FactoryMetrics(Route):
    @contract(
        access="figures",
        parameters=(*WINDOW, *FACTORY),
        answers={200: ("The factory's numbers", "FactoryMetricsAnswer")},
        errors=(400, 404),
    )
    def get(self) -> Response:
        """Show the numbers of the factory."""
        return _metrics("factory")


@namespace.route("/organisation")
class OrganisationMetrics(Route):
    @contract(
        access="signed_in",
        parameters=WINDOW,
        answers={200: ("The numbers of each factory that the caller sees", "OrganisationMetricsAnswer")},
    )
    def get(self) -> Response:
        """Compare the factories of the organisation.

        A row a factory in which the caller may see figures, by id. Without `from` each begins with its first event.
        """
        query = Query()
        start, end = query.instant("from"), query.instant("to")
        query.done()

        def audience_of(factory: str) -> Audience | None:
            return audience(factory) if caller().may("figures", factory) else None

        return many(query_organisation(store=store(), audience_of=audience_of, start=start, end=end, now=now()))


@namespace.route("/workers")
class WorkersMetrics(Route):
    @contract(
        access="views",
        parameters=(*WINDOW, *FACTORY),
        answers={200: ("The numbers of each worker", "WorkersMetricsAnswer")},
        errors=(400, 404),
    )
    def get(self) -> Response:
        """List the numbers of every worker."""
        return _metrics("worker")


@namespace.route("/workers/<worker_id>")
class WorkerMetrics(Route):
    @contract(
        access="views",
        parameters=(WORKER_ID, *WINDOW, *FACTORY),
        answers={200: ("The worker's numbers", "WorkerMetricsAnswer")},
        errors=(400, 404),
    )
    def get(self, worker_id: str) -> Response:
        """Show the numbers of a worker."""
        return _metrics("worker", known_worker(worker_id))


@namespace.route("/workers/<worker_id>/intervals")
class WorkerIntervals(Route):
    @contract(
        access="views",
        parameters=(WORKER_ID, *WINDOW, *FACTORY),
        answers={200: ("The worker's states in order, without a gap", "WorkerIntervalsAnswer")},
        errors=(400, 404),
    )
    def get(self, worker_id: str) -> Response:
        """Explain a worker's numbers: every interval with the event that opened it."""
        return _intervals("worker", known_worker(worker_id))


@namespace.route("/workstations")
class WorkstationsMetrics(Route):
    @contract(
        access="figures",
        parameters=(*WINDOW, *FACTORY),
        answers={200: ("The numbers of each workstation", "WorkstationsMetricsAnswer")},
        errors=(400, 404),
    )
    def get(self) -> Response:
        """List the numbers of every workstation."""
        return _metrics("workstation")


@namespace.route("/workstations/<workstation_id>")
class WorkstationMetrics(Route):
    @contract(
        access="figures",
        parameters=(WORKSTATION_ID, *WINDOW, *FACTORY),
        answers={200: ("The workstation's numbers", "WorkstationMetricsAnswer")},
        errors=(400, 404),
    )
    def get(self, workstation_id: str) -> Response:
        """Show the numbers of a workstation."""
        return _metrics("workstation", known_workstation(workstation_id))


@namespace.route("/workstations/<workstation_id>/intervals")
class WorkstationIntervals(Route):
    @contract(
        access="figures",
        parameters=(WORKSTATION_ID, *WINDOW, *FACTORY),
        answers={200: ("The workstation's stretches in order, without a gap", "WorkstationIntervalsAnswer")},
        errors=(400, 404),
    )
    def get(self, workstation_id: str) -> Response:
        """Explain a workstation's numbers: who was there when."""
        return _intervals("workstation", known_workstation(workstation_id))


@namespace.route("/timeseries")
class Timeseries(Route):
    @contract(
        access="figures",
        parameters=(*_SERIES, *WINDOW, *FACTORY),
        answers={200: ("A value for each bucket", "SeriesAnswer")},
        errors=(400, 404),
    )
    def get(self) -> Response:
        """Show a metric over time, or several.

        A row has the `value` of one metric, or the `values` of several by name. The first and the last bucket are cut
        to the window. More than 10,000 buckets are refused.
        """
        query = Query()
        metric, entity, bucket = (query.required(name) for name in ("metric", "entity", "bucket"))
        entity_id, start, end = query.text("id"), query.instant("from"), query.instant("to")
        query.done()
        answer = query_timeseries(
            store=store(),
            factory_id=requested_factory(),
            metrics=metric.split(","),
            entity=entity,
            entity_id=entity_id,
            bucket=bucket,
            start=start,
            end=end,
            now=now(),
            audience=_audience(entity, entity_id),
        )
        return many(list(answer.data), window=answer.window)
