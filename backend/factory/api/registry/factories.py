"""The factories and their settings."""

from __future__ import annotations

from flask import Response
from flask_restx import Namespace

from factory.api.http.answers import many, one
from factory.api.http.body import read_object
from factory.api.http.contract import FACTORY_ID, contract, json_body
from factory.api.http.request import actor, caller, identity, now, store
from factory.api.http.route import Route
from factory.domain.access.permissions import EVERYWHERE
from factory.domain.errors import NotAllowed, NotFound
from factory.operations.registry import factories

namespace = Namespace("factories", "Factories, their time zones and settings", path="/factories")

_NEW = {
    "factory_id": "berlin",
    "name": "Berlin",
    "time_zone": "Europe/Berlin",
    "state_timeout_seconds": 3600,
    "shifts": [{"name": "Day", "start": "06:30", "end": "15:00"}, {"name": "Night", "start": "22:00", "end": "06:30"}],
}


@namespace.route("/")
class Factories(Route):
    @contract(
        access="signed_in", answers={200: ("Those in which the caller has a role", "FactoriesAnswer")}, errors=(400,)
    )
    def get(self) -> Response:
        """List the factories."""
        known = factories.list_factories(store=store())
        return many([one for one in known if caller().permissions(one["factory_id"])])

    @contract(
        access="signed_in",
        body=json_body("NewFactory", _NEW),
        answers={201: ("The new factory", "FactoryAnswer")},
        errors=(409,),
    )
    def post(self) -> Response:
        """Add a factory."""
        if not caller().may("settings", EVERYWHERE):
            raise NotAllowed("Only who may change the settings of all factories may add one")
        return one(factories.create_factory(store=store(), values=read_object(), by=actor()), 201)


@namespace.route("/<factory_id>")
class Factory(Route):
    @contract(
        access="figures",
        parameters=(FACTORY_ID,),
        answers={200: ("The factory", "FactoryAnswer")},
        errors=(400, 404),
    )
    def get(self, factory_id: str) -> Response:
        """Show a factory."""
        return one(factories.get_factory(store=store(), factory_id=_known(factory_id)))

    @contract(
        access="settings",
        parameters=(FACTORY_ID,),
        body=json_body("FactoryChange", {"state_timeout_seconds": 1800}),
        answers={200: ("The changed factory", "FactoryAnswer")},
        errors=(404,),
    )
    def patch(self, factory_id: str) -> Response:
        """Change a factory.

        Only the fields that are sent change. Once it is answered, every number follows the new settings.
        """
        factory_id = _known(factory_id)
        return one(factories.update_factory(store=store(), factory_id=factory_id, values=read_object(), by=actor()))


@namespace.route("/<factory_id>/time-zone")
class TimeZone(Route):
    @contract(
        access="figures",
        parameters=(FACTORY_ID,),
        answers={200: ("The rules by which the factory's numbers are made", "TimeZoneAnswer")},
        errors=(400, 404),
    )
    def get(self, factory_id: str) -> Response:
        """Show the offsets of a factory's time zone from 1970 to ten years from now."""
        return one(factories.get_time_zone(store=store(), factory_id=_known(factory_id), now=now()))


def _known(factory_id: str) -> str:
    return identity(factory_id, NotFound("Factory not found", code="factory_not_found"))
