"""Every route of the service, in one place."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Flask

from factory.api import (
    account,
    audit,
    demo,
    events,
    factories,
    health,
    keys,
    metrics,
    organisations,
    persons,
    session,
    timeline,
    users,
    workers,
    workstations,
)
from factory.api.access import register_access
from factory.api.admission import register_admission
from factory.api.documentation import DocumentedApi, register_documents
from factory.api.errors import register_errors
from factory.api.frontend import register_frontend
from factory.api.request_hooks import register_hooks

BASE_PATH = "/api/v1"
NAMESPACES = (
    health.namespace,
    factories.namespace,
    workers.namespace,
    persons.namespace,
    persons.exports,
    workstations.namespace,
    events.namespace,
    metrics.namespace,
    timeline.namespace,
    keys.namespace,
    audit.namespace,
    session.namespace,
    account.namespace,
    users.namespace,
    organisations.namespace,
    demo.namespace,
)


def register_routes(app: Flask, *, frontend_dir: Path) -> None:
    # Each address answers with and without its trailing slash, and a doubled slash is another address.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.config["RESTX_INCLUDE_ALL_MODELS"] = True
    register_hooks(app)
    register_admission(app, spared=(f"{BASE_PATH}/health",))
    register_access(app)
    register_errors(app)
    blueprint = Blueprint("api", __name__, url_prefix=BASE_PATH)
    api = DocumentedApi(blueprint)
    for namespace in NAMESPACES:
        api.add_namespace(namespace)
    register_documents(app, api, blueprint, BASE_PATH)
    app.register_blueprint(blueprint)
    register_frontend(app, frontend_dir)
