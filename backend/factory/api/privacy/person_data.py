"""Data about one person, who viewed it, and the record of exports.

These routes go by the worker's real id also in a factory that shows no persons: they serve the person concerned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from flask import Response
from flask_restx import Namespace

from factory.api.http.answers import many, one
from factory.api.http.body import NDJSON, read_object
from factory.api.http.contract import FACTORY, WORKER_ID, Parameter, contract, json_body
from factory.api.http.query import Query
from factory.api.http.request import actor, caller, requested_factory, store
from factory.api.http.route import Route
from factory.api.http.schemas import TEXT
from factory.api.registry.workers import known_worker
from factory.domain.errors import NotAllowed
from factory.operations.privacy.export import export_person
from factory.operations.privacy.record_export import record_export
from factory.operations.privacy.views import list_views

namespace = Namespace("persons", "What is stored about a person, and who looked at it", path="/workers")
exports = Namespace("exports", "Files that are made of what is shown", path="/exports")

_PAGES = (
    Parameter("cursor", TEXT, "The next_cursor of the page before."),
    Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "The most rows on a page."),
)
_encoder = msgspec.json.Encoder()


@namespace.route("/<worker_id>/views")
class PersonViews(Route):
    @contract(
        access="persons",
        parameters=(WORKER_ID, *_PAGES, *FACTORY),
        answers={200: ("Who looked at the worker and in which hours, newest first", "LooksAnswer")},
    )
    def get(self, worker_id: str) -> Response:
        """Show who looked at a worker.

        At them alone (`worker.viewed`), at all workers (`workers.viewed`), or took out their data
        (`worker.exported`). Nothing is noted where access is open.
        """
        query = Query()
        cursor, limit = query.text("cursor"), query.integer("limit", low=1, high=1000, default=100)
        query.done()
        worker_id = known_worker(worker_id)
        page = list_views(
            store=store(), factory_id=requested_factory(), worker_id=worker_id, cursor=cursor, limit=limit
        )
        return many(page.data, next_cursor=page.next_cursor)


@namespace.route("/<worker_id>/data")
class PersonData(Route):
    @contract(
        access="export",
        parameters=(WORKER_ID, *FACTORY),
        answers={200: ("Everything that is stored about the worker, a JSON object a line", "PersonData")},
    )
    def get(self, worker_id: str) -> Response:
        """Take out all data about a worker.

        The row of the registry, every stored event, the intervals and who looked. The last line has the `kind` `end`
        and the number of `rows` before it: without it the answer is not whole. It is noted in the audit trail.
        """
        if not caller().may("persons", requested_factory()):
            raise NotAllowed("Your role does not allow this")
        rows = export_person(
            store=store(), factory_id=requested_factory(), worker_id=known_worker(worker_id), by=actor()
        )
        headers = {"Cache-Control": "no-store", "Content-Disposition": "attachment; filename=person.ndjson"}
        return Response(_lines(rows), headers=headers, mimetype=NDJSON)


def _lines(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    for row in rows:
        yield _encoder.encode(row) + b"\n"


@exports.route("/")
class Exports(Route):
    @contract(
        access="export",
        parameters=FACTORY,
        body=json_body("NewExport", {"view": "workers", "format": "csv", "rows": 12}),
        answers={201: ("What was noted", "ExportAnswer")},
    )
    def post(self) -> Response:
        """Note that a file is made.

        Whoever makes a file of what is shown says so before: it stands in the audit trail.
        """
        return one(record_export(store=store(), factory_id=requested_factory(), values=read_object(), by=actor()), 201)
