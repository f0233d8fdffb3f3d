"""Sign-in with a password, the session that it begins, and its end."""

from __future__ import annotations

from flask import Response, g, request
from flask_restx import Namespace

from factory.api.access.authorise import caller_if_any
from factory.api.access.cookies import clear_cookies, require_own_origin, sent_device, sent_refresh_token, set_cookies
from factory.api.access.short_texts import read_texts
from factory.api.http.answers import json_answer, one
from factory.api.http.contract import contract, json_body
from factory.api.http.errors import refused
from factory.api.http.request import actor, auth_services, authenticator, caller, now, settings, store, system_store
from factory.api.http.route import Route
from factory.domain.access.browsers import browser_of
from factory.domain.access.network import network_of
from factory.domain.access.permissions import PLATFORM, Actor
from factory.domain.errors import NotAllowed, Unauthenticated
from factory.operations.access import sessions
from factory.operations.access.sessions import Issued
from factory.operations.access.sign_in import ANYBODY, Origin, sign_in
from factory.operations.access.whoami import describe_session

namespace = Namespace("session", "Who you are: sign-in, sign-out, password and second factor", path="/session")

SIGNED_IN = ("The access token; the refresh token is a cookie", "SignedIn")
ENDED = ("It has ended", "EndedAnswer")
_SIGN_IN = {"email": "grace@example.org", "password": "a long sentence that only I know"}


@namespace.route("/")
class Session(Route):
    @contract(access="public", answers={200: ("Who you are", "SessionAnswer")}, errors=(400, 401, 403))
    def get(self) -> Response:
        """Say who the caller is and may do in which factory; of nobody, how to sign in."""
        known = settings()
        described = describe_session(store=system_store(), caller=caller_if_any(), shows_persons=known.shows_persons)
        providers = [{"name": known.oidc_name, "start": "/api/v1/session/oidc"}] if known.oidc_issuer else []
        return one(
            {
                "access": "open" if known.access_is_open else "required",
                **described,
                "k_min": known.k_min,
                "providers": providers,
            }
        )

    @contract(access="public", body=json_body("SignIn", _SIGN_IN), answers={200: SIGNED_IN}, errors=(401, 403))
    def post(self) -> Response:
        """Sign in.

        `code` is the one-time code of those who have a second factor; where it is missing the answer is a 401
        `code_required`. After a few failures no attempt is taken from there for a while: 429
        `locked_out`. With the cookie `factory_device` of an earlier sign-in, or with `code`, strangers do not count.
        """
        require_access()
        require_own_origin()
        form = read_texts("email", "password", optional=("code",))
        issued = sign_in(
            store=system_store(),
            services=auth_services(),
            email=form["email"],
            password=form["password"],
            code=form["code"] or None,
            origin=Origin(sent_device(), network_of(request.remote_addr or "")),
            by=visitor(),
        )
        return signed_in(issued)

    @contract(access="signed_in", answers={200: ENDED})
    def delete(self) -> Response:
        """Sign out."""
        require_own_origin()
        _, session_key = own_session()
        sessions.end_session(store=store(), session_key=session_key, by=actor())
        return _ended()


@namespace.route("/all")
class AllSessions(Route):
    @contract(access="signed_in", answers={200: ENDED})
    def delete(self) -> Response:
        """Sign out everywhere."""
        require_own_origin()
        user_key, _ = own_session()
        sessions.end_all_sessions(store=store(), user_key=user_key, by=actor())
        return _ended()


@namespace.route("/refresh")
class Refresh(Route):
    @contract(access="public", answers={200: SIGNED_IN}, errors=(400, 401, 403))
    def post(self) -> Response:
        """Get a new access token for the cookie `factory_refresh`.

        Takes no body; the header `X-CSRF-Token` repeats the cookie `factory_csrf`. Both cookies are replaced: a refresh
        token serves once, and its return ends the session. Over TLS the names are `__Secure-factory_refresh` and
        `__Host-factory_csrf`.
        """
        require_access()
        token = sent_refresh_token()
        try:
            issued = sessions.refresh_session(
                store=system_store(), services=auth_services(), refresh_token=token, by=visitor()
            )
        except Unauthenticated as ended:
            authenticator().forget()
            return clear_cookies(refused(ended))
        return signed_in(issued)


def signed_in(issued: Issued) -> Response:
    """Return the answer to a sign-in; nothing on the way may keep it."""
    body = {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        "must_change_password": issued.must_change_password,
        "must_set_up_second_factor": must_set_up(issued),
    }
    return set_cookies(json_answer(body, headers={"Cache-Control": "no-store"}), issued)


def must_set_up(issued: Issued) -> bool:
    """Return whether the user of these tokens has to set up a second factor first."""
    return authenticator().caller(issued.access_token, now=now()).must_set_up_second_factor


def visitor() -> Actor:
    """Return an actor for the audit trail who has not signed in yet."""
    browser = browser_of(request.headers.get("User-Agent", ""))
    return Actor(ANYBODY, PLATFORM, now(), request.remote_addr or "", g.request_id, browser=browser)


def require_access() -> None:
    """Raise NotAllowed where access is open: there is nothing to sign in for, and maybe no secret to sign with."""
    if settings().access_is_open:
        raise NotAllowed("Access is open here: nobody has to sign in", code="access_is_open")


def own_session() -> tuple[int, int]:
    """Return the keys of the caller's user and session; raises NotAllowed for an API key and in open access."""
    user_key, session_key = caller().user_key, caller().session_key
    if user_key is None or session_key is None:
        raise NotAllowed("Only who has signed in has a session", code="no_session")
    return user_key, session_key


def _ended() -> Response:
    authenticator().forget()
    return clear_cookies(one({"ended": True}))
