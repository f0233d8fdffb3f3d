"""Cookies of a session. The refresh token is in one that no script can read and no other site's page can use.

`factory_refresh` goes to the session's routes only. `factory_csrf` may be read by our own page, which repeats it in a
header; together with SameSite=Strict and the Origin that browsers send, another page can neither use nor renew it.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from flask import Response, request

from factory.api.http.request import auth_services, settings
from factory.domain.errors import NotAllowed, Unauthenticated
from factory.operations.access.sessions import Issued, csrf_token

REFRESH, CSRF = "factory_refresh", "factory_csrf"
_PATH = "/api/v1/session"


def set_cookies(answer: Response, issued: Issued) -> Response:
    """Set the cookies of a sign-in or a refresh."""
    secure = is_secure()
    answer.set_cookie(
        REFRESH, issued.refresh_token, issued.lasts, path=_PATH, secure=secure, httponly=True, samesite="Strict"
    )
    answer.set_cookie(CSRF, issued.csrf_token, issued.lasts, secure=secure, samesite="Strict")
    return answer


def clear_cookies(answer: Response) -> Response:
    """Delete the cookies of a session."""
    secure = is_secure()
    answer.delete_cookie(REFRESH, path=_PATH, secure=secure, httponly=True, samesite="Strict")
    answer.delete_cookie(CSRF, secure=secure, samesite="Strict")
    return answer


def sent_refresh_token() -> str:
    """Return the refresh token, where it was our own page that sent it. Raises Unauthenticated, NotAllowed."""
    require_own_origin()
    token = request.cookies.get(REFRESH)
    if not token:
        raise Unauthenticated("There is no session; sign in", code="session_ended")
    expected = csrf_token(auth_services(), token)
    given = request.headers.get("X-CSRF-Token", "")
    if not hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode()):
        raise NotAllowed("The header X-CSRF-Token must repeat the cookie factory_csrf", code="csrf_failed")
    return token


def require_own_origin() -> None:
    """Raise NotAllowed for a request of another site's page; only browsers send the header Origin."""
    origin = request.headers.get("Origin")
    if origin is None or origin in settings().cors_origins:
        return
    # The scheme is not compared: a proxy that ends TLS may not be declared.
    if urlsplit(origin).netloc.lower() != request.host.lower():
        raise NotAllowed("This page may not do that", code="foreign_origin")


def is_secure() -> bool:
    """Return whether cookies are to be sent by TLS only."""
    return request.is_secure or settings().environment == "production"
