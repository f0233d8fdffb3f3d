"""Spans for a collector, by OTLP over HTTP. Imported only where they are asked for: it takes time to load.

Whatever has ended waits in a queue of this process, which a thread of its own sends; a span that finds the queue full
pushes the oldest out. So no request waits for the collector, and none fails with it.
"""

from __future__ import annotations

import atexit
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanContext, Status, Tracer, get_current_span

from factory import __version__

ALLOWED = frozenset(
    {
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "error.type",
        "db.system.name",
        "db.query.text",
    }
)
"""The attributes that may leave: none of them can name a person, a caller or what was asked for."""

SEND_SECONDS = 3.0
"""Time for a batch, repetitions included."""


class AllowedOnly(SpanExporter):
    """Exports spans without anything that is not allowed: other attributes, error messages, a caller's tracestate."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._closing = False
        self._failed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._closing and self._failed:  # the end of the process does not wait for a collector that is away
            return SpanExportResult.FAILURE
        result = self._exporter.export([_allowed(span) for span in spans])
        self._failed = result is not SpanExportResult.SUCCESS
        return result

    def close_soon(self) -> None:
        """Send what waits, but give up at the first failure."""
        self._closing = True

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _allowed(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=_without_state(span.context),
        parent=_without_state(span.parent),
        resource=span.resource,
        attributes={name: value for name, value in (span.attributes or {}).items() if name in ALLOWED},
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _without_state(context: SpanContext | None) -> SpanContext | None:
    if context is None:
        return None
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)


def start_tracing(*, endpoint: str, share: float) -> Tracer:
    """Return a tracer that sends to the collector at `endpoint`, until the process ends.

    `share` is the part of the traces that begin here which are recorded, 0 to 1; of one that a caller began the caller
    decides. Call it in the process that serves, after the fork.
    """
    url = f"{endpoint.rstrip('/')}/v1/traces"
    exporter = AllowedOnly(OTLPSpanExporter(endpoint=url, timeout=SEND_SECONDS))
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(share)),
        resource=Resource.create({"service.name": "factory", "service.version": __version__}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))

    def stop() -> None:
        exporter.close_soon()
        provider.shutdown()

    atexit.register(stop)
    return provider.get_tracer("factory", __version__)


def trace_ids() -> dict[str, str]:
    """Return the trace and the span that this thread is in, for its log lines."""
    context = get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
