"""Liveness and readiness of the server."""

from __future__ import annotations

from flask import Response
from flask_restx import Namespace

from factory import __version__
from factory.api.http.answers import json_answer, timestamp
from factory.api.http.contract import contract
from factory.api.http.request import system_store
from factory.api.http.route import Route

namespace = Namespace("health", "Is the server alive, can it work", path="/health")


def healthy() -> Response:
    return json_answer({"status": "healthy", "timestamp": timestamp(), "version": __version__})


@namespace.route("/")
class Health(Route):
    @contract(access="public", any_query=True, answers={200: ("The process answers", "Health")})
    def get(self) -> Response:
        """Say that the server answers."""
        return healthy()


@namespace.route("/live")
class Live(Route):
    @contract(access="public", any_query=True, answers={200: ("The process answers", "Health")})
    def get(self) -> Response:
        """Say that the process is alive; asks no database."""
        return healthy()


@namespace.route("/ready")
class Ready(Route):
    @contract(access="public", any_query=True, answers={200: ("The database answers", "Readiness")})
    def get(self) -> Response:
        """Say whether the database answers."""
        system_store().ping()
        return json_answer({"ready": True, "timestamp": timestamp(), "version": __version__})
