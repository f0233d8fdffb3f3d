"""Authorisation: recognise the caller, and hold them to the contract of the route before its handler begins.

Without a valid credential the answer is a 401. A factory in which the caller has no role is answered as one that does
not exist, so that its existence stays hidden; a role that is too small is a 403.
"""

from __future__ import annotations

import hmac
from typing import cast

from flask import g, request

from factory.api.access.cookies import require_own_origin
from factory.api.access.rate_limits import rate_limits
from factory.api.http.contract import Need
from factory.api.http.request import identity, requested_factory, route_contract, settings
from factory.api.observe.prometheus import PROMETHEUS
from factory.domain.access.permissions import DEFAULT_ORGANISATION, EVERYWHERE, PERMISSIONS, Caller
from factory.domain.errors import FactoryError, NotAllowed, NotFound, TooMany, Unauthenticated
from factory.settings.safety import LOOPBACK

OPEN = Caller("open access", DEFAULT_ORGANISATION, {EVERYWHERE: PERMISSIONS})
"""The caller of every request where access is open."""

_ROUTES_OF_A_FIRST_SIGN_IN = "/api/v1/session/"
"""The only routes for users who have to change their first password, or to set up a second factor."""


def recognise() -> None:
    """Identify the caller. A refusal waits until the request is counted against the budget of its address."""
    contract = route_contract()
    if settings().access_is_open:
        g.caller = OPEN
    elif contract is not None and contract.access != "public":
        try:
            g.caller = _authenticated()
        except (Unauthenticated, TooMany) as refusal:
            g.refusal = refusal


def admit() -> None:
    """Refuse callers whom the contract does not allow. Raises Unauthenticated, NotAllowed, NotFound, TooMany."""
    if "refusal" in g:
        raise cast(FactoryError, g.refusal)
    if request.endpoint == PROMETHEUS:
        _admit_prometheus()
    contract = route_contract()
    needed = None if contract is None else contract.access
    if settings().access_is_open:
        if needed is not None:
            _require_loopback()
            _require_named_page()
        return
    if needed is None or needed == "public":
        return
    caller: Caller = g.caller
    if caller.must_change_password and not f"{request.path}/".startswith(_ROUTES_OF_A_FIRST_SIGN_IN):
        raise NotAllowed("The first password has to be changed", code="password_change_required")
    if caller.must_set_up_second_factor and not f"{request.path}/".startswith(_ROUTES_OF_A_FIRST_SIGN_IN):
        raise NotAllowed("A second factor has to be set up", code="second_factor_required")
    if not _holds(caller, needed):
        raise NotAllowed("Your role does not allow this")


def caller_if_any() -> Caller | None:
    """Return the caller of a public route if a credential was sent. Raises Unauthenticated."""
    if settings().access_is_open:
        return OPEN
    return None if _credential() is None else _authenticated()


def _require_loopback() -> None:
    """Refuse a request to another host's name: it came through a proxy, or from a page whose name was bent to us."""
    if not _is_for_loopback():
        raise NotAllowed(
            "Open access answers to localhost only; set ACCESS=required to be reached by another name",
            code="foreign_host",
        )


def _is_for_loopback() -> bool:
    name = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    return name.strip("[]").lower() in LOOPBACK


def _require_named_page() -> None:
    """Refuse a change that a page of another site asks for: a browser sends some of them without asking first."""
    if request.method not in ("GET", "HEAD") and "*" not in settings().cors_origins:
        require_own_origin()


def _holds(caller: Caller, needed: Need) -> bool:
    if needed == "public" or needed == "signed_in":
        return True
    if needed == "organisations":
        return caller.may(needed, EVERYWHERE)
    if needed == "people somewhere":
        return any("people" in permissions for permissions in caller.granted.values())
    factory_id = _factory_of_path() or requested_factory()
    if not caller.permissions(factory_id) or caller.is_operator:
        raise NotFound("Factory not found", code="factory_not_found")
    if needed == "ingest or enter":
        return caller.may("ingest", factory_id) or caller.may("enter", factory_id)
    return caller.may(needed, factory_id)


def _factory_of_path() -> str | None:
    factory_id = (request.view_args or {}).get("factory_id")
    return None if factory_id is None else identity(factory_id, NotFound("Factory not found", code="factory_not_found"))


def _authenticated() -> Caller:
    credential = _credential()
    if credential is None:
        raise Unauthenticated("Sign in, or send an API key")
    return rate_limits().look_up(credential)


def _credential() -> str | None:
    key = request.headers.get("X-API-Key")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if key is not None and scheme:
        raise Unauthenticated("Send either Authorization or X-API-Key", code="two_credentials")
    if key is not None:
        return key
    if scheme and scheme.lower() != "bearer":
        raise Unauthenticated("Authorization takes a Bearer token only", code="unknown_scheme")
    return token.strip() or None


def _admit_prometheus() -> None:
    """Admit who has the token; without one only requests to this machine's own name: the series name every tenant."""
    expected = settings().metrics_token
    if expected is None and not _is_for_loopback():
        message = "Without METRICS_TOKEN the metrics answer to localhost only"
        raise NotAllowed(message, code="foreign_host")
    given = request.headers.get("Authorization", "").encode(errors="surrogatepass")
    if expected is not None and not hmac.compare_digest(given, f"Bearer {expected}".encode()):
        raise Unauthenticated("The metrics ask for a token", code="invalid_token")
