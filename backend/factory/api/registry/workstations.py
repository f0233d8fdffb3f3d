"""The workstations of a factory."""

from __future__ import annotations

from flask import Response
from flask_restx import Namespace

from factory.api.http.answers import many, one
from factory.api.http.audience import audience
from factory.api.http.body import read_object
from factory.api.http.contract import AFTER, FACTORY, WORKSTATION_ID, contract, json_body
from factory.api.http.query import Query
from factory.api.http.request import actor, identity, requested_factory, store
from factory.api.http.route import Route
from factory.domain.errors import NotFound
from factory.operations.registry import entities

namespace = Namespace("workstations", "The registry of workstations", path="/workstations")


@namespace.route("/")
class Workstations(Route):
    @contract(
        access="figures",
        parameters=(AFTER, *FACTORY),
        answers={200: ("Workstations by id; left_out more come after the last one", "WorkstationsAnswer")},
        errors=(400, 404),
    )
    def get(self) -> Response:
        """List the workstations."""
        query = Query()
        after = query.identity("after")
        query.done()
        listed, left_out = entities.list_entities(
            store=store(), factory_id=requested_factory(), kind="workstation", audience=audience(), after=after
        )
        return many(listed, left_out=left_out)

    @contract(
        access="registry",
        parameters=FACTORY,
        body=json_body("NewWorkstation", {"workstation_id": "S7", "name": "Paint Shop", "type": "painting"}),
        answers={201: ("The new workstation", "WorkstationAnswer")},
        errors=(404, 409),
    )
    def post(self) -> Response:
        """Register a workstation."""
        values = read_object()
        made = entities.create_entity(
            store=store(), factory_id=requested_factory(), kind="workstation", values=values, by=actor()
        )
        return one(made, 201)


@namespace.route("/<workstation_id>")
class Workstation(Route):
    @contract(
        access="figures",
        parameters=(WORKSTATION_ID, *FACTORY),
        answers={200: ("The workstation", "WorkstationAnswer")},
        errors=(400, 404),
    )
    def get(self, workstation_id: str) -> Response:
        """Show a workstation."""
        entity_id = known_workstation(workstation_id)
        shown = entities.get_entity(
            store=store(), factory_id=requested_factory(), kind="workstation", entity_id=entity_id, audience=audience()
        )
        return one(shown)

    @contract(
        access="registry",
        parameters=(WORKSTATION_ID, *FACTORY),
        body=json_body("WorkstationChange", {"name": "Quality Gate"}),
        answers={200: ("The changed workstation", "WorkstationAnswer")},
        errors=(404,),
    )
    def patch(self, workstation_id: str) -> Response:
        """Change a workstation.

        Only the fields that are sent change.
        """
        entity_id = known_workstation(workstation_id)
        values = read_object()
        return one(
            entities.update_entity(
                store=store(),
                factory_id=requested_factory(),
                kind="workstation",
                entity_id=entity_id,
                values=values,
                by=actor(),
            )
        )


def known_workstation(workstation_id: str) -> str:
    return identity(workstation_id, NotFound("Workstation not found", code="workstation_not_found"))
