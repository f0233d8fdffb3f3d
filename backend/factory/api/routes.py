"""Every route of the service, in one place."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Flask

from factory.api.access import account, keys, openid, organisations, session, sessions, users
from factory.api.documentation import DocumentedApi, register_documents
from factory.api.events import events
from factory.api.http import health
from factory.api.http.errors import register_errors
from factory.api.http.frontend import register_frontend
from factory.api.metrics import metrics, timeline
from factory.api.privacy import audit, person_data
from factory.api.registry import demo, factories, workers, workstations
from factory.settings import Settings

BASE_PATH = "/api/v1"
NAMESPACES = (
    health.namespace,
    factories.namespace,
    workers.namespace,
    person_data.namespace,
    person_data.exports,
    workstations.namespace,
    events.namespace,
    metrics.namespace,
    timeline.namespace,
    keys.namespace,
    audit.namespace,
    session.namespace,
    openid.namespace,
    account.namespace,
    sessions.namespace,
    users.namespace,
    organisations.namespace,
    demo.namespace,
)


def register_routes(app: Flask, settings: Settings) -> None:
    """Add every route, the two documents and the page, and the answers to errors."""
    # Each address answers with and without its trailing slash, and a doubled slash is another address.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.config["RESTX_INCLUDE_ALL_MODELS"] = True
    register_errors(app)
    openid.register_openid(app, settings)
    blueprint = Blueprint("api", __name__, url_prefix=BASE_PATH)
    api = DocumentedApi(blueprint)
    for namespace in NAMESPACES:
        api.add_namespace(namespace)
        namespace.apis.clear()  # modules keep their namespaces, and these would keep every application in memory
    register_documents(app, api, blueprint, BASE_PATH)
    app.register_blueprint(blueprint)
    register_frontend(app, Path(settings.frontend_dir))
