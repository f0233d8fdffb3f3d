"""The sample data set, where DEMO_MODE allows it."""

from __future__ import annotations

from flask import Response
from flask_restx import Namespace

from factory.api.http.answers import one
from factory.api.http.contract import FACTORY, contract
from factory.api.http.request import actor, now, requested_factory, settings, store, view_log
from factory.api.http.route import Route
from factory.domain.errors import NotAllowed
from factory.operations.registry.factories import get_factory
from factory.operations.registry.seed_demo import seed_demo

namespace = Namespace("demo", "Sample data, only with DEMO_MODE=true", path="/demo")


@namespace.route("/")
class Demo(Route):
    @contract(
        access="figures",
        parameters=FACTORY,
        answers={200: ("Whether it can be loaded", "DemoAnswer")},
        errors=(400, 404),
    )
    def get(self) -> Response:
        """Say whether sample data can be loaded into the factory."""
        get_factory(store=store(), factory_id=requested_factory())
        return one({"enabled": settings().demo_mode})


@namespace.route("/seed")
class Seed(Route):
    @contract(
        access="settings",
        parameters=FACTORY,
        answers={200: ("What was loaded", "SeedAnswer")},
        errors=(400, 403, 404),
    )
    def post(self) -> Response:
        """Replace the factory's data with the sample data set.

        Takes no body. Answers 403 unless the server runs with DEMO_MODE=true.
        """
        if not settings().demo_mode:
            raise NotAllowed("Sample data can only be loaded where DEMO_MODE is true")
        loaded = seed_demo(store=store(), factory_id=requested_factory(), now=now(), by=actor())
        view_log().forget()
        return one(loaded)
