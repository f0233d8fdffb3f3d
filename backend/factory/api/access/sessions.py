"""The caller's sessions, one for each sign-in that has not ended."""

from __future__ import annotations

from flask import Response
from flask_restx import Namespace

from factory.api.access.session import ENDED, own_session
from factory.api.access.users import SESSION_ID
from factory.api.http.answers import many, one
from factory.api.http.contract import contract
from factory.api.http.request import actor, authenticator, store
from factory.api.http.route import Route
from factory.operations.access import sessions

namespace = Namespace("sessions", "Your sign-ins that have not ended", path="/session/list")


@namespace.route("")
class Sessions(Route):
    @contract(access="signed_in", answers={200: ("The sessions that last", "SessionsAnswer")})
    def get(self) -> Response:
        """List your sessions: when and from which network and browser each was begun, the last used first."""
        user_key, session_key = own_session()
        return many(sessions.list_sessions(store=store(), user_key=user_key, own=session_key, by=actor()))


@namespace.route("/<session_id>")
class OneSession(Route):
    @contract(access="signed_in", parameters=(SESSION_ID,), answers={200: ENDED}, errors=(404,))
    def delete(self, session_id: str) -> Response:
        """End one of your sessions."""
        user_key, _ = own_session()
        sessions.end_one(store=store(), user_key=user_key, session_id=session_id, by=actor())
        authenticator().forget()
        return one({"ended": True})
