"""Every hook around a request, in order.

Flask runs the hooks before a request in the order of this list, those after it in the reverse order: each layer wraps
the layers below it. ProxyFix (`hooks.believe_proxies`) and, in our server, the count of requests in flight
(`server/gunicorn_worker.py`) wrap the application itself, outside all of these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from flask import Flask

from factory.adapters.observe.periodic_thread import PeriodicThread
from factory.api.access.authorise import admit, recognise
from factory.api.access.rate_limits import RateLimits
from factory.api.http.admission import refuse_when_full
from factory.api.http.cross_origin import allow_origins
from factory.api.http.hooks import begin, finish, forget
from factory.api.http.query import refuse_undeclared
from factory.api.observe.prometheus import RequestMetrics
from factory.settings import Settings

Hook = Callable[..., Any]


class Spans(Protocol):
    """The hooks of api/observe/tracing.py, which is imported only where requests are traced."""

    def begin(self) -> None: ...
    def note_status(self, response: Any) -> Any: ...
    def end(self, error: BaseException | None) -> None: ...


class Layer(NamedTuple):
    """The hooks of one concern; an extension registers its own."""

    before: Hook | None = None
    after: Hook | None = None
    teardown: Hook | None = None
    extension: Callable[[Flask], object] | None = None


def pipeline(
    settings: Settings,
    *,
    rate_limits: RateLimits,
    spans: Spans | None,
    metrics: RequestMetrics | None,
    threads: Sequence[PeriodicThread],
) -> list[Layer]:
    """Return the layers of an application, from the outside in."""
    layers = [
        # A span for the request; the log line and all else is within it.
        Layer(spans.begin, spans.note_status, spans.end) if spans else None,
        # The request id; then the headers of every answer, and the log line.
        Layer(begin, finish, forget),
        # CORS headers, after; for an OPTIONS request Flask-CORS fills in Flask's own answer.
        Layer(extension=allow_origins(settings.cors_origins)) if settings.cors_origins else None,
        # 503 where the process has as many requests as it takes on; before the body is read.
        Layer(refuse_when_full),
        # The contract of the route and the caller; a refusal waits until the request is counted below.
        Layer(recognise),
        # 429 where the budget of the key, user or address is used up.
        Layer(extension=rate_limits.limiter.init_app),
        # What is left of that budget, as headers.
        Layer(after=rate_limits.add_headers),
        # 401, 403, or 404 for a factory in which the caller has no role.
        Layer(admit),
        # Requests by route and status, and their duration.
        Layer(extension=metrics.by_route.init_app) if metrics else None,
        # Requests that are being answered.
        Layer(metrics.begin, None, metrics.end) if metrics else None,
        # The background threads of this process are started by its first request.
        *(Layer(thread.ensure_running) for thread in threads),
        # 400 for a query parameter that the contract does not declare.
        Layer(refuse_undeclared),
    ]
    return [layer for layer in layers if layer is not None]


def register_pipeline(app: Flask, layers: Sequence[Layer]) -> None:
    """Register the hooks of each layer. Nothing else may register a hook; a test compares."""
    app.extensions["factory_pipeline"] = layers
    for layer in layers:
        if layer.extension is not None:
            layer.extension(app)
        if layer.before is not None:
            app.before_request(layer.before)
        if layer.after is not None:
            app.after_request(layer.after)
        if layer.teardown is not None:
            app.teardown_request(layer.teardown)
