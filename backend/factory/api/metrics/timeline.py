"""States now and in the course of time, compact enough to be drawn and to be asked for again and again."""

from __future__ import annotations

from flask import Response
from flask_restx import Namespace

from factory.api.http.answers import many, one
from factory.api.http.audience import audience, record_view, recorded_view
from factory.api.http.contract import FACTORY, WINDOW, Parameter, contract
from factory.api.http.query import Query
from factory.api.http.request import now, requested_factory, store
from factory.api.http.route import Route
from factory.api.http.schemas import ID, list_of
from factory.domain.privacy import Audience
from factory.operations.metrics.now import query_now
from factory.operations.metrics.timeline import BUCKETS, MAX_IDS, Timeline, query_timeline

namespace = Namespace("timeline", "States now and in the course of time", path="/metrics")

_ENTITIES = ("worker", "workstation")
_TIMELINE = (
    Parameter("entity", {"type": "string", "enum": list(_ENTITIES)}, "", required=True, example="worker"),
    Parameter(
        "id",
        list_of(ID, minItems=1, maxItems=MAX_IDS, uniqueItems=True),
        f"Ids with commas between them; all, where there are no more than {MAX_IDS}, if it is left out.",
        example=["W1"],
    ),
    Parameter(
        "bucket",
        {"type": "string", "enum": list(BUCKETS)},
        "In the factory's time zone; exact without it.",
        example="hour",
    ),
)


@namespace.route("/now")
class Now(Route):
    @contract(
        access="figures",
        parameters=FACTORY,
        answers={200: ("The state of every worker and workstation", "NowAnswer")},
        errors=(400, 404),
    )
    def get(self) -> Response:
        """Show who does what, and where, at this moment.

        `since` is when the state began, `last_event_at` the time of the newest event, cut to the minute.
        """
        return one(query_now(store=store(), factory_id=requested_factory(), now=now(), audience=audience()))


@namespace.route("/timeline")
class TimelineRoute(Route):
    @contract(
        access="figures",
        parameters=(*_TIMELINE, *WINDOW, *FACTORY),
        answers={200: ("A row a worker or workstation", "TimelineAnswer")},
        errors=(400, 404),
    )
    def get(self) -> Response:
        """Show the states over time, to be drawn.

        Without `bucket` exactly, over at most 8 days: `start` in milliseconds since the Unix epoch of the gapless
        intervals cut to the window, `state` a place in `states`, `workstation` a place in `workstations` (null when
        unknown), for a workstation `workers` places in `workers`; `units_at` and `units` are the counts. With
        `bucket` whole seconds and units by the `columns`, of which there are at most 1,500, in at most 100,000 cells;
        the rest of a column is unknown, or free.
        """
        query = Query()
        entity, bucket = query.required_choice("entity", _ENTITIES), query.choice("bucket", BUCKETS)
        ids, start, end = query.identities("id", most=MAX_IDS), query.instant("from"), query.instant("to")
        query.done()

        def drawn(readers: Audience) -> Timeline:
            return query_timeline(
                store=store(),
                factory_id=requested_factory(),
                entity=entity,
                ids=ids,
                bucket=bucket,
                start=start,
                end=end,
                now=now(),
                audience=readers,
            )

        answer = drawn(record_view(ids)) if entity == "worker" else recorded_view(drawn)
        return many(answer.data, **answer.beside)
