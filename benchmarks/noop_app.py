"""The product with two more routes that do nothing: how many requests such a server can answer at best.

POST /bench/nothing is a Flask-RESTX resource inside the product's application, with all that surrounds a
request there; POST /bare/nothing is one in an empty Flask application of the same process.
"""

from __future__ import annotations

from flask import Blueprint, Flask
from flask_restx import Api, Resource
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from factory.app import create_app as create_product


class Nothing(Resource):  # type: ignore[misc]
    def post(self) -> dict[str, str]:
        return {"status": "nothing"}


def _with_nothing(app: Flask, prefix: str) -> Flask:
    blueprint = Blueprint("bench", __name__, url_prefix=prefix)
    Api(blueprint, doc=False).add_resource(Nothing, "/nothing")
    app.register_blueprint(blueprint)
    return app


def create_app_without_limits() -> Flask:
    """Create the product with a rate limiter that counts nothing."""
    app = create_product()
    rate_limits = app.extensions["factory_rate_limits"]
    rate_limits.limiter.enabled = False
    return app


def create_app() -> Flask:
    """For gunicorn, in the place of factory.app:create_app()."""
    app = _with_nothing(create_product(), "/bench")
    bare = _with_nothing(Flask("bare"), "/")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/bare": bare})  # type: ignore[method-assign]
    return app
