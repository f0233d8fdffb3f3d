"""Users of the organisation and their roles."""

from __future__ import annotations

from flask import Response
from flask_restx import Namespace

from factory.api.access.schemas import RANDOM_ID
from factory.api.http.answers import many, one
from factory.api.http.body import read_object
from factory.api.http.contract import Parameter, contract, json_body
from factory.api.http.query import Query
from factory.api.http.request import actor, auth_services, authenticator, caller, require_person, settings, store
from factory.api.http.route import Route
from factory.api.http.schemas import BOOLEAN
from factory.domain.errors import NotAllowed
from factory.operations.access import organisations, sessions, users
from factory.operations.access.admin_scope import AdminScope

namespace = Namespace("users", "Who may sign in, and what they may do in which factory", path="/users")

_USER_ID = Parameter("user_id", RANDOM_ID, "The user.", "path", required=True, example="abcdefghijkl")
SESSION_ID = Parameter("session_id", RANDOM_ID, "The session.", "path", required=True, example="abcdefghijkl")
_END_KEYS = Parameter("end_keys", BOOLEAN, "Also end the keys that the user made.", example=True)
_NEW = {"email": "grace@example.org", "name": "Grace Lee", "roles": {"default": "supervisor"}}


@namespace.route("/")
class Users(Route):
    @contract(access="people somewhere", answers={200: ("Those in the caller's scope", "UsersAnswer")})
    def get(self) -> Response:
        """List the users.

        Who administers single factories sees the users who have roles there, and of their roles those.
        """
        return many(users.list_users(store=store(), organisation=caller().organisation, scope=_scope()))

    @contract(
        access="people somewhere",
        body=json_body("NewUser", _NEW),
        answers={201: ("The new user, with the first password", "NewUserAnswer")},
        errors=(409,),
    )
    def post(self) -> Response:
        """Add a user.

        `roles` are by factory id, or `*` for all factories. `initial_password` is told this once, and has to be changed
        at the first sign-in.
        """
        require_person()
        made = users.create_user(
            store=store(), passwords=auth_services().passwords, scope=_scope(), values=read_object(), by=actor()
        )
        return one(made, 201)


@namespace.route("/second-factor")
class SecondFactor(Route):
    @contract(access="people somewhere", answers={200: ("Who has to have a second factor", "SecondFactorAnswer")})
    def get(self) -> Response:
        """Say who has to have a second factor."""
        known = organisations.second_factor_of(store=store(), organisation_key=caller().organisation)
        return one({"required_from": known, "installation": settings().second_factor})

    @contract(
        access="people somewhere",
        body=json_body("SecondFactorChange", {"required_from": "manager"}),
        answers={200: ("Who has to have a second factor from now on", "SecondFactorAnswer")},
    )
    def patch(self) -> Response:
        """Require a second factor of all users with a role or a greater one.

        Who has none sets one up before anything else: until then every route outside `/session/` answers 403
        `second_factor_required`. The installation's `SECOND_FACTOR` holds besides. For who administers the whole
        organisation.
        """
        require_person()
        if not _scope().everywhere:
            raise NotAllowed("Only who administers the whole organisation may do that")
        changed = organisations.require_second_factor(store=store(), values=read_object(), by=actor())
        authenticator().forget()
        return one({"required_from": changed, "installation": settings().second_factor})


@namespace.route("/<user_id>")
class User(Route):
    @contract(access="people somewhere", parameters=(_USER_ID,), answers={200: ("The user", "UserAnswer")})
    def get(self, user_id: str) -> Response:
        """Show a user."""
        return one(users.get_user(store=store(), scope=_scope(), user_id=user_id, by=actor()))

    @contract(
        access="people somewhere",
        parameters=(_USER_ID,),
        body=json_body("UserChange", {"roles": {"default": "manager"}}),
        answers={200: ("The changed user", "ChangedUserAnswer")},
        errors=(409,),
    )
    def patch(self, user_id: str) -> Response:
        """Change a user.

        Only the fields that are sent change; `roles` replaces all roles in the caller's scope. `reset_password` makes
        a new first password, told once as `initial_password`; that and `disabled` end the user's sessions. `keys_made`
        are the keys in force that the user made; `end_keys` ends them.
        """
        require_person()
        changed = users.update_user(
            store=store(),
            passwords=auth_services().passwords,
            scope=_scope(),
            user_id=user_id,
            values=read_object(),
            by=actor(),
        )
        authenticator().forget()
        return one(changed)

    @contract(
        access="people somewhere",
        parameters=(_USER_ID, _END_KEYS),
        answers={200: ("The user is removed", "RemovedAnswer")},
        errors=(409,),
    )
    def delete(self, user_id: str) -> Response:
        """Remove a user.

        `keys_made` are the keys in force that the user made. They go on, unless `end_keys` is true.
        """
        require_person()
        query = Query()
        end_keys = query.boolean("end_keys")
        query.done()
        made = users.remove_user(store=store(), scope=_scope(), user_id=user_id, end_keys=end_keys, by=actor())
        authenticator().forget()
        return one({"removed": True, "keys_made": made})


@namespace.route("/<user_id>/sessions")
class UserSessions(Route):
    @contract(
        access="people somewhere", parameters=(_USER_ID,), answers={200: ("The sessions that last", "SessionsAnswer")}
    )
    def get(self, user_id: str) -> Response:
        """List a user's sessions."""
        user_key = users.key_in_scope(store=store(), scope=_scope(), user_id=user_id, by=actor())
        return many(sessions.list_sessions(store=store(), user_key=user_key, own=caller().session_key, by=actor()))


@namespace.route("/<user_id>/sessions/<session_id>")
class UserSession(Route):
    @contract(
        access="people somewhere", parameters=(_USER_ID, SESSION_ID), answers={200: ("It has ended", "EndedAnswer")}
    )
    def delete(self, user_id: str, session_id: str) -> Response:
        """End a user's session."""
        require_person()
        user_key = users.key_in_scope(store=store(), scope=_scope(), user_id=user_id, whole=True, by=actor())
        sessions.end_one(store=store(), user_key=user_key, session_id=session_id, by=actor())
        authenticator().forget()
        return one({"ended": True})


def _scope() -> AdminScope:
    return AdminScope.of(caller())
