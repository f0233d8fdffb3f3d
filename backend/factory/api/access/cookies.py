"""Cookies of a session. The refresh token is in one that no script can read and no other site's page can use.

`factory_refresh` goes to the session's routes only. `factory_csrf` may be read by our own page, which repeats it in a
header; together with SameSite=Strict and the Origin that browsers send, another page can neither use nor renew it.
`factory_device` says that users have signed in from this browser before (operations/access/devices.py).

Over TLS the names begin with `__Host-` or `__Secure-`: a browser takes such a cookie from this host, or by TLS, alone.
So neither another host of the domain nor a plain connection can plant a session.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from flask import Response, request

from factory.api.http.request import auth_services, settings
from factory.domain.errors import NotAllowed, Unauthenticated
from factory.operations.access.devices import Device, device_of
from factory.operations.access.sessions import Issued, csrf_token

_PATH = "/api/v1/session"
_DEVICE_SECONDS = 400 * 24 * 3600
"""As long as browsers keep a cookie."""


def refresh_name() -> str:
    """Return the name of the cookie with the refresh token."""
    return secured("factory_refresh")


def csrf_name() -> str:
    """Return the name of the cookie that the page repeats. `__Host-`: the server of this host alone can set it."""
    return "__Host-factory_csrf" if is_secure() else "factory_csrf"


def secured(name: str) -> str:
    """Return the name of a cookie that has a path of its own."""
    return f"__Secure-{name}" if is_secure() else name


def set_cookies(answer: Response, issued: Issued) -> Response:
    """Set the cookies of a sign-in or a refresh."""
    secure = is_secure()
    answer.set_cookie(
        refresh_name(), issued.refresh_token, issued.lasts, path=_PATH, secure=secure, httponly=True, samesite="Strict"
    )
    answer.set_cookie(csrf_name(), issued.csrf_token, issued.lasts, secure=secure, samesite="Strict")
    device, services = sent_device(), auth_services()
    if not device.knows(services, issued.user_id):
        # Lax: it also has to come along when a provider leads back to us.
        answer.set_cookie(
            secured("factory_device"),
            device.remembering(services, issued.user_id).text(),
            _DEVICE_SECONDS,
            path=_PATH,
            secure=secure,
            httponly=True,
            samesite="Lax",
        )
    return answer


def clear_cookies(answer: Response) -> Response:
    """Delete the cookies of a session; the device stays known."""
    secure = is_secure()
    answer.delete_cookie(refresh_name(), path=_PATH, secure=secure, httponly=True, samesite="Strict")
    answer.delete_cookie(csrf_name(), secure=secure, samesite="Strict")
    return answer


def sent_device() -> Device:
    """Return the device that the cookie of an earlier sign-in names; else a new one."""
    return device_of(request.cookies.get(secured("factory_device")))


def sent_refresh_token() -> str:
    """Return the refresh token, where it was our own page that sent it. Raises Unauthenticated, NotAllowed."""
    require_own_origin()
    token = request.cookies.get(refresh_name())
    if not token:
        raise Unauthenticated("There is no session; sign in", code="session_ended")
    expected = csrf_token(auth_services(), token)
    given = request.headers.get("X-CSRF-Token", "")
    if not hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode()):
        raise NotAllowed(f"The header X-CSRF-Token must repeat the cookie {csrf_name()}", code="csrf_failed")
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
