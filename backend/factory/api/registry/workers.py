"""The workers of a factory."""

from __future__ import annotations

from flask import Response
from flask_restx import Namespace

from factory.api.http.answers import many, one
from factory.api.http.audience import audience
from factory.api.http.body import read_object
from factory.api.http.contract import AFTER, FACTORY, WORKER_ID, contract, json_body
from factory.api.http.query import Query
from factory.api.http.request import actor, identity, requested_factory, store, view_log
from factory.api.http.route import Route
from factory.domain.errors import NotFound
from factory.operations.privacy.erase import erase_worker
from factory.operations.registry import entities

namespace = Namespace("workers", "The registry of workers", path="/workers")


@namespace.route("/")
class Workers(Route):
    @contract(
        access="views",
        parameters=(AFTER, *FACTORY),
        answers={200: ("Workers by id; left_out more come after the last one", "WorkersAnswer")},
        errors=(400, 404),
    )
    def get(self) -> Response:
        """List the workers."""
        query = Query()
        after = query.identity("after")
        query.done()
        listed, left_out = entities.list_entities(
            store=store(), factory_id=requested_factory(), kind="worker", audience=audience(), after=after
        )
        return many(listed, left_out=left_out)

    @contract(
        access="registry",
        parameters=FACTORY,
        body=json_body("NewWorker", {"worker_id": "W7", "name": "Grace Lee"}),
        answers={201: ("The new worker", "WorkerAnswer")},
        errors=(404, 409),
    )
    def post(self) -> Response:
        """Register a worker."""
        values = read_object()
        made = entities.create_entity(
            store=store(), factory_id=requested_factory(), kind="worker", values=values, by=actor()
        )
        view_log().forget()
        return one(made, 201)


@namespace.route("/<worker_id>")
class Worker(Route):
    @contract(
        access="views",
        parameters=(WORKER_ID, *FACTORY),
        answers={200: ("The worker", "WorkerAnswer")},
        errors=(400, 404),
    )
    def get(self, worker_id: str) -> Response:
        """Show a worker."""
        entity_id = known_worker(worker_id)
        shown = entities.get_entity(
            store=store(), factory_id=requested_factory(), kind="worker", entity_id=entity_id, audience=audience()
        )
        return one(shown)

    @contract(
        access="registry",
        parameters=(WORKER_ID, *FACTORY),
        body=json_body("WorkerChange", {"name": "Alice Jones"}),
        answers={200: ("The changed worker", "WorkerAnswer")},
        errors=(404,),
    )
    def patch(self, worker_id: str) -> Response:
        """Change a worker.

        Only the fields that are sent change.
        """
        entity_id = known_worker(worker_id)
        values = read_object()
        return one(
            entities.update_entity(
                store=store(),
                factory_id=requested_factory(),
                kind="worker",
                entity_id=entity_id,
                values=values,
                by=actor(),
            )
        )

    @contract(
        access="registry",
        parameters=(WORKER_ID, *FACTORY),
        answers={200: ("The id that the worker has now", "ErasedAnswer")},
    )
    def delete(self, worker_id: str) -> Response:
        """Erase a person.

        They get a random id and no name, their events random event ids. No figure changes. Events of the old id are
        refused with `worker_erased` until it is registered anew. It cannot be undone.
        """
        entity_id = known_worker(worker_id)
        new_id = erase_worker(store=store(), factory_id=requested_factory(), worker_id=entity_id, by=actor())
        view_log().forget()
        return one({"worker_id": new_id})


def known_worker(worker_id: str) -> str:
    return identity(worker_id, NotFound("Worker not found", code="worker_not_found"))
