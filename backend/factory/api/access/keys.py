"""API keys of the acting factory."""

from __future__ import annotations

from flask import Response
from flask_restx import Namespace

from factory.api.access.schemas import RANDOM_ID
from factory.api.http.answers import many, one
from factory.api.http.body import read_object
from factory.api.http.contract import FACTORY, Parameter, contract, json_body
from factory.api.http.request import actor, authenticator, requested_factory, require_person, store
from factory.api.http.route import Route
from factory.operations.access import api_keys

namespace = Namespace("keys", "API keys: credentials of machines", path="/keys")

_KEY_ID = Parameter("key_id", RANDOM_ID, "The readable part of the key.", "path", required=True, example="abcdefghijkl")


@namespace.route("/")
class Keys(Route):
    @contract(access="people", parameters=FACTORY, answers={200: ("All keys of the factory", "KeysAnswer")})
    def get(self) -> Response:
        """List the keys of the factory.

        Those that have ended too. Nobody can learn the text of a key from here.
        """
        return many(api_keys.list_keys(store=store(), factory_id=requested_factory()))

    @contract(
        access="people",
        parameters=FACTORY,
        body=json_body("NewKey", {"name": "Camera 7", "scope": "ingest", "expires_in_days": 365}),
        answers={201: ("The new key, with its text", "NewKeyAnswer")},
    )
    def post(self) -> Response:
        """Make a key of the factory.

        Who signs in makes keys; a key makes none. `key` is told this once; only a hash of it is stored. It is sent as
        `Authorization: Bearer fk_…` or `X-API-Key: fk_…`.
        """
        require_person()
        values = read_object()
        return one(api_keys.create_key(store=store(), factory_id=requested_factory(), values=values, by=actor()), 201)


@namespace.route("/<key_id>")
class Key(Route):
    @contract(access="people", parameters=(_KEY_ID, *FACTORY), answers={200: ("The revoked key", "KeyAnswer")})
    def delete(self, key_id: str) -> Response:
        """Revoke a key.

        It ends at once in the server process that answers, in others within `ACCESS_CACHE_SECONDS`.
        """
        revoked = api_keys.revoke_key(store=store(), factory_id=requested_factory(), key_id=key_id, by=actor())
        authenticator().forget()
        return one(revoked)


@namespace.route("/<key_id>/rotate")
class KeyRotation(Route):
    @contract(
        access="people",
        parameters=(_KEY_ID, *FACTORY),
        body=json_body("KeyRotation", {"overlap_hours": 24}),
        answers={201: ("The new key, with its text", "NewKeyAnswer")},
        errors=(409,),
    )
    def post(self, key_id: str) -> Response:
        """Replace a key.

        The new key has the name, the scope and the length of life of the old one, which goes on for
        `overlap_hours`, but never longer than it was to.
        """
        require_person()
        values = read_object()
        made = api_keys.rotate_key(
            store=store(), factory_id=requested_factory(), key_id=key_id, values=values, by=actor()
        )
        authenticator().forget()
        return one(made, 201)
