"""The base class of all routes."""

from flask_restx import Resource


class Route(Resource):  # type: ignore[misc]  # Flask-RESTX has no types
    """The handlers of one address, a method for each HTTP method; each has a contract (contract.py)."""
