"""Sign-in by an OpenID provider (authorization code with PKCE, state and nonce). A browser goes there and comes back.

Between the two a signed cookie of this browser holds what was asked, so that the answer to another browser's question
is refused here. Whatever goes wrong leads back to the page with a reason.
"""

from __future__ import annotations

import logging
from urllib.parse import urlencode

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from flask import Flask, Response, current_app, redirect, request, session
from flask.sessions import SecureCookieSessionInterface
from flask_restx import Namespace
from joserfc.errors import JoseError

from factory.adapters.access.secret_text import derived_key
from factory.api.access.cookies import is_secure, secured, set_cookies
from factory.api.access.session import require_access, visitor
from factory.api.http.contract import contract
from factory.api.http.request import auth_services, authenticator, settings, system_store
from factory.api.http.route import Route
from factory.domain.errors import NotFound, Unauthenticated
from factory.operations.access.openid import sign_in_by_openid
from factory.settings import Settings

log = logging.getLogger("factory.openid")

namespace = Namespace("openid", "Sign-in by an OpenID provider", path="/session/oidc")

_PATIENCE_SECONDS = 5
_LONGEST_ID = 200  # longer ones, which no organisation has, would fill the cookie
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
_TO_PROVIDER = ("To the provider, or back to the page with a reason", "Redirect")
_TO_PAGE = ("To the page, signed in or with a reason", "Redirect")


class _Cookie(SecureCookieSessionInterface):
    """The cookie that a sign-in on its way needs; Lax, for the provider leads back from another site."""

    def get_cookie_name(self, app: Flask) -> str:
        return secured("factory_openid")

    def get_cookie_secure(self, app: Flask) -> bool:
        return is_secure()


def register_openid(app: Flask, settings: Settings) -> None:
    """Know the provider of OIDC_ISSUER, if there is one; it is asked for its addresses at the first sign-in."""
    if settings.oidc_issuer is None:
        return
    app.secret_key = derived_key(settings.secret_key, "openid state")
    app.session_interface = _Cookie()
    app.config["SESSION_COOKIE_PATH"] = "/api/v1/session/oidc"
    app.config["SESSION_COOKIE_HTTPONLY"] = True
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    logging.getLogger("authlib").setLevel(logging.INFO)  # at DEBUG it logs the code's verifier
    oauth = OAuth(app)
    app.extensions["factory_openid"] = oauth.register(
        "factory",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid email profile",
            "code_challenge_method": "S256",
            "default_timeout": _PATIENCE_SECONDS,
        },
    )


@namespace.route("")
class OpenidStart(Route):
    @contract(access="public", any_query=True, answers={302: _TO_PROVIDER}, errors=(403, 404))
    def get(self) -> Response:
        """Sign in by the OpenID provider: for a browser to be led to.

        `organisation` names the one to sign in to, for a person who has users in several.
        """
        client = _client()
        session["organisation"] = request.args.get("organisation", "")[:_LONGEST_ID] or None
        try:
            _know_provider(client)
            site = settings().public_url or request.host_url.rstrip("/")
            answer = client.authorize_redirect(f"{site}/api/v1/session/oidc/callback")
        except (_Refused, AuthlibBaseError, requests.RequestException, ValueError) as error:
            return _failed(error)
        return _unkept(answer)


@namespace.route("/callback")
class OpenidCallback(Route):
    @contract(access="public", any_query=True, answers={302: _TO_PAGE}, errors=(403, 404))
    def get(self) -> Response:
        """Come back from the OpenID provider."""
        client = _client()
        try:
            subject, email = _said_by_provider(client)
            issued = sign_in_by_openid(
                store=system_store(),
                services=auth_services(),
                issuer=settings().oidc_issuer or "",
                subject=subject,
                email=email,
                organisation_id=session.pop("organisation", None),
                by=visitor(),
            )
        except (
            _Refused,
            Unauthenticated,
            AuthlibBaseError,
            JoseError,
            requests.RequestException,
            ValueError,
            KeyError,
            TypeError,
        ) as error:
            return _failed(error)
        authenticator().forget()
        return set_cookies(_unkept(redirect("/")), issued)


class _Refused(Exception):
    """The provider is not the configured one, or its answer is of no use."""


def _client() -> FlaskOAuth2App:
    client = current_app.extensions.get("factory_openid")
    if client is None:
        raise NotFound("No OpenID provider is set up here", code="no_provider")
    require_access()
    return client


def _know_provider(client: FlaskOAuth2App) -> None:
    metadata = client.load_server_metadata()
    if str(metadata.get("issuer", "")).rstrip("/") != (settings().oidc_issuer or "").rstrip("/"):
        raise _Refused("the provider calls itself otherwise than OIDC_ISSUER")
    # Not what the provider offers, which may include `none`, but what proves that it was the provider.
    metadata["id_token_signing_alg_values_supported"] = _ALGORITHMS


def _said_by_provider(client: FlaskOAuth2App) -> tuple[str, str | None]:
    """Return the subject, and the e-mail address if the provider has verified it."""
    _know_provider(client)
    expected = {
        "iss": {"essential": True, "values": [client.server_metadata["issuer"]]},
        "aud": {"essential": True, "values": [client.client_id]},
    }
    claims = client.authorize_access_token(claims_options=expected, leeway=60).get("userinfo")
    if not claims or not isinstance(claims["sub"], str) or not claims["sub"]:
        raise _Refused("the provider does not say who it is")
    email = claims.get("email")
    verified = claims.get("email_verified") is True and isinstance(email, str)
    return claims["sub"], email if verified else None


def _failed(error: Exception) -> Response:
    """Back to the page; the log has the kind of error only, for its words may hold what was sent."""
    if isinstance(error, Unauthenticated):
        reason = error.code
    elif isinstance(error, requests.RequestException):
        reason = "provider_unavailable"
    elif request.args.get("error") == "access_denied":
        reason = "denied"
    else:
        reason = "not_proved"
    log.warning("a sign-in by the OpenID provider failed: %s (%s)", reason, type(error).__name__)
    return _unkept(redirect(f"/?{urlencode({'sign-in': 'failed', 'reason': reason})}"))


def _unkept(answer: object) -> Response:
    assert isinstance(answer, Response)
    answer.headers["Cache-Control"] = "no-store"
    return answer
