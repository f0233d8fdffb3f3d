"""The context of a request: the store, the settings, the instant, the caller, the factory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app, g, request

from factory.domain.access.browsers import browser_of
from factory.domain.access.permissions import Actor, Caller
from factory.domain.errors import FactoryError, InvalidInput, NotAllowed, NotFound, Unauthenticated
from factory.domain.event import is_id
from factory.store.factories import DEFAULT_FACTORY

if TYPE_CHECKING:
    from factory.adapters.observe.prometheus_metrics import IngestMetrics
    from factory.api.http.contract import Contract
    from factory.operations.access.authenticate import Authenticator
    from factory.operations.access.services import AuthServices
    from factory.operations.events.group_commit import GroupCommit
    from factory.operations.privacy.views import ViewLog
    from factory.settings import Settings
    from factory.store import Store


@dataclass(frozen=True)
class Collaborators:
    """The objects that requests use, made once by app.py."""

    store: Store
    authenticator: Authenticator
    auth_services: AuthServices
    group_commit: GroupCommit
    view_log: ViewLog
    settings: Settings
    clock: Callable[[], int]
    prometheus_metrics: IngestMetrics


def provide(app: Flask, collaborators: Collaborators) -> None:
    app.extensions["factory_store"] = collaborators.store
    app.extensions["factory"] = collaborators


def _collaborators() -> Collaborators:
    return cast(Collaborators, current_app.extensions["factory"])


def system_store() -> Store:
    """Return the store for the installation's own work: sign-ins, organisations, health."""
    return _collaborators().store.system()


def store() -> Store:
    """Return the store, acting for the caller's organisation."""
    return _collaborators().store.acting_for(caller().organisation)


def authenticator() -> Authenticator:
    return _collaborators().authenticator


def auth_services() -> AuthServices:
    return _collaborators().auth_services


def route_contract() -> Contract | None:
    """Return the contract of this request's handler, or None if there is no such handler or contract."""
    if "contract" not in g:
        view = current_app.view_functions.get(request.endpoint or "")
        resource = getattr(view, "view_class", None)
        method = "get" if request.method == "HEAD" else request.method.lower()
        g.contract = getattr(getattr(resource, method, None), "contract", None)
    return cast("Contract | None", g.contract)


def caller() -> Caller:
    """Return the caller of this request; public routes have none.

    Raises Unauthenticated.
    """
    if "caller" not in g:
        raise Unauthenticated("Sign in, or send an API key")
    return cast(Caller, g.caller)


def actor() -> Actor:
    """Return the caller as the audit trail names them."""
    return Actor(
        name=caller().name,
        organisation=caller().organisation,
        now=now(),
        address=request.remote_addr or "",
        request_id=g.request_id,
        user_key=caller().user_key,
        browser=browser_of(request.headers.get("User-Agent", "")),
    )


def require_person() -> None:
    """Raise NotAllowed for a key: one that leaks would live on in what it made."""
    if caller().api_key is not None:
        raise NotAllowed("A key makes neither keys nor users; sign in for that", code="not_with_a_key")


def group_commit() -> GroupCommit:
    return _collaborators().group_commit


def view_log() -> ViewLog:
    return _collaborators().view_log


def settings() -> Settings:
    return _collaborators().settings


def prometheus_metrics() -> IngestMetrics:
    return _collaborators().prometheus_metrics


def now() -> int:
    """Return the instant of this request in microseconds, read once."""
    if "now" not in g:
        g.now = _collaborators().clock()
    return cast(int, g.now)


def requested_factory() -> str:
    """Return the request's factory: `?factory=` or X-Factory-ID, else the caller's only one, or the default.

    Raises InvalidInput when the two disagree, NotFound for what cannot be a factory's id.
    """
    parameter = request.args.get("factory")
    header = request.headers.get("X-Factory-ID")
    if parameter is not None and header is not None and parameter != header:
        message = "The parameter factory and the header X-Factory-ID name different factories"
        raise InvalidInput(message, errors=[{"field": "factory", "code": "contradiction", "message": message}])
    chosen = parameter if parameter is not None else header
    if chosen is None:
        chosen = caller().only_factory or DEFAULT_FACTORY
    g.factory_id = identity(chosen, NotFound("Factory not found", code="factory_not_found"))
    return chosen


def identity(text: str, otherwise: FactoryError) -> str:
    """Return an id from the URL, or raise `otherwise`: a text that is no id never reaches the database."""
    if not is_id(text):
        raise otherwise
    return text
