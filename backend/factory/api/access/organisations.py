"""The organisations of the installation, for its operators."""

from __future__ import annotations

from flask import Response
from flask_restx import Namespace

from factory.api.http.answers import many, one
from factory.api.http.body import read_object
from factory.api.http.contract import Parameter, contract, json_body
from factory.api.http.request import actor, auth_services, identity, system_store
from factory.api.http.route import Route
from factory.api.http.schemas import ID
from factory.domain.errors import NotFound
from factory.operations.access import organisations

namespace = Namespace("organisations", "Organisations, for platform operators", path="/organisations")

_ORGANISATION_ID = Parameter("organisation_id", ID, "The organisation.", "path", required=True, example="default")
_NEW = {"organisation_id": "acme", "name": "Acme", "admin_email": "ada@example.org"}


@namespace.route("/")
class Organisations(Route):
    @contract(access="organisations", answers={200: ("All organisations", "OrganisationsAnswer")})
    def get(self) -> Response:
        """List the organisations."""
        return many(organisations.list_organisations(store=system_store()))

    @contract(
        access="organisations",
        body=json_body("NewOrganisation", _NEW),
        answers={201: ("The new organisation", "NewOrganisationAnswer")},
        errors=(409,),
    )
    def post(self) -> Response:
        """Add an organisation.

        `admin_email` makes a user who administers all of it; `initial_password` is told this once.
        """
        made = organisations.create_organisation(
            store=system_store(), passwords=auth_services().passwords, values=read_object(), by=actor()
        )
        return one(made, 201)


@namespace.route("/<organisation_id>")
class Organisation(Route):
    @contract(
        access="organisations",
        parameters=(_ORGANISATION_ID,),
        body=json_body("OrganisationChange", {"name": "Acme Corporation"}),
        answers={200: ("The changed organisation", "OrganisationAnswer")},
    )
    def patch(self, organisation_id: str) -> Response:
        """Name an organisation anew."""
        known = identity(organisation_id, NotFound("Organisation not found", code="organisation_not_found"))
        return one(
            organisations.update_organisation(
                store=system_store(), organisation_id=known, values=read_object(), by=actor()
            )
        )
