"""States now and in the course of time, compact enough to be drawn and to be asked for again and again."""

from __future__ import annotations

from flask import Response
from flask_restx import Namespace, Resource

from factory.api.answers import one
from factory.api.contract import FACTORY, contract
from factory.api.query_parameters import Query
from factory.api.request_context import factory, now, store
from factory.operations.query_now import query_now

namespace = Namespace("timeline", "States now and in the course of time", path="/metrics")


@namespace.route("/now")
class Now(Resource):  # type: ignore[misc]
    @contract(
        parameters=FACTORY,
        answers={200: ("The state of every worker and workstation", "NowAnswer")},
        errors=(400, 404),
    )
    def get(self) -> Response:
        """Show who does what, and where, at this moment

        `since` is when the state began, `last_event_at` the time of the newest event, cut to the minute.
        """
        Query().done()
        return one(query_now(store=store(), factory=factory(), now=now()))
