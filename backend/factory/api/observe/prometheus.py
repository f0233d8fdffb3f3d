"""`/metrics` for Prometheus: of requests by prometheus-flask-exporter, of events and of the store by ours.

Where PROMETHEUS_MULTIPROC_DIR is in the environment, all processes share their series through files there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from flask import Response, g, request
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_flask_exporter import PrometheusMetrics

PROMETHEUS = "prometheus"
"""The endpoint; its address answers with and without a slash behind it."""


class RequestMetrics:
    """Metrics of requests: by route and status, their duration, and how many are being answered.

    `/metrics` adds what `at_scrape` reads at that moment. `most_in_flight` is how many requests the server's processes
    take on together, `most_connections` how many connections each of their pools holds together.
    """

    def __init__(
        self, registry: CollectorRegistry, at_scrape: Collector, *, most_in_flight: int, most_connections: int
    ) -> None:
        self._registry = registry
        self._at_scrape = at_scrape
        self._limits = _Limits(most_in_flight, most_connections)
        self.by_route = PrometheusMetrics(
            None, path=None, registry=registry, group_by="url_rule", excluded_paths="^/metrics"
        )
        self._in_flight = Gauge(
            "factory_requests_in_flight",
            "Requests that are being answered, those for health and metrics left out",
            registry=registry,
            multiprocess_mode="livesum",
        )

    def begin(self) -> None:
        """Count a request that is being answered."""
        if not request.path.startswith(("/metrics", "/api/v1/health")):
            g.in_flight = True
            self._in_flight.inc()

    def end(self, _error: BaseException | None) -> None:
        """Count it no longer."""
        if g.pop("in_flight", False):
            self._in_flight.dec()

    def scrape(self) -> Response:
        """Answer Prometheus; the scrape itself is not counted."""
        request.prom_do_not_track = True  # type: ignore[attr-defined]
        shown = CollectorRegistry()
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            MultiProcessCollector(shown)  # type: ignore[no-untyped-call]
        else:
            shown.register(self._registry)
        shown.register(self._at_scrape)
        shown.register(self._limits)
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(shown), content_type=content_type)


class _Limits(Collector):
    """Numbers that stay; as a Gauge each process would add its own."""

    def __init__(self, most_in_flight: int, most_connections: int) -> None:
        self._most_in_flight, self._most_connections = most_in_flight, most_connections

    def collect(self) -> Iterator[GaugeMetricFamily]:
        name = "factory_requests_in_flight_limit"
        yield GaugeMetricFamily(name, "Requests that the server takes on at once", value=self._most_in_flight)
        name = "factory_database_connections_limit"
        yield GaugeMetricFamily(name, "Connections that each pool may hold", value=self._most_connections)
