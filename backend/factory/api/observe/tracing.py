"""A span for each request; imported only where there is a collector."""

from __future__ import annotations

from flask import Response, g, request
from opentelemetry import context
from opentelemetry.trace import SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_propagator = TraceContextTextMapPropagator()


class RequestSpans:
    """A span for each request, named by its method and the template of its route.

    It continues the trace that the caller's `traceparent` names.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def begin(self) -> None:
        method = request.method if request.method in _METHODS else "_OTHER"  # a client may send any word
        route = {"http.route": request.url_rule.rule} if request.url_rule else {}
        span = self._tracer.start_span(
            " ".join([method, *route.values()]),
            context=_propagator.extract({"traceparent": request.headers.get("traceparent", "")}),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, **route},
        )
        g.span, g.outside_of_span = span, context.attach(set_span_in_context(span))

    def note_status(self, response: Response) -> Response:
        g.span.set_attribute("http.response.status_code", response.status_code)
        if response.status_code >= 500:
            g.span.set_status(StatusCode.ERROR)
        return response

    def end(self, _error: BaseException | None) -> None:
        if "span" in g:
            g.pop("span").end()
            context.detach(g.pop("outside_of_span"))
