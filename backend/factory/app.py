"""Wiring: make every collaborator once, and hand it to those that use it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Flask
from prometheus_client import CollectorRegistry

from factory.adapters.access.password_hashes import PasswordHashes
from factory.adapters.clock import ahead_of_system, system_clock
from factory.adapters.observe.logging_setup import configure_logging
from factory.adapters.observe.periodic_thread import PeriodicThread
from factory.adapters.observe.prometheus_metrics import IngestMetrics, StoreGauges
from factory.api.access.rate_limits import register_rate_limits
from factory.api.http.hooks import believe_proxies
from factory.api.http.request import Collaborators, provide
from factory.api.observe.prometheus import PROMETHEUS, RequestMetrics
from factory.api.openapi import TITLE
from factory.api.pipeline import pipeline, register_pipeline
from factory.api.routes import register_routes
from factory.domain.timestamp import SECOND
from factory.operations.access.authenticate import Authenticator
from factory.operations.access.services import auth_services
from factory.operations.derive.refresh import BackgroundRefresher
from factory.operations.derive.retention import BackgroundRetention
from factory.operations.events.group_commit import GroupCommit
from factory.operations.observe_store import observe_store
from factory.operations.privacy.views import ViewLog
from factory.settings import Settings, load_settings
from factory.store import Store, migrations, open_store

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from factory.api.observe.tracing import RequestSpans

RETENTION_INTERVAL = 60.0
"""Seconds between two searches for raw events that have become too old."""


def create_app(
    settings: Settings | None = None,
    *,
    clock: Callable[[], int] | None = None,
    passwords: PasswordHashes | None = None,
) -> Flask:
    """Make the whole service as a WSGI application; without `settings` they come from the environment."""
    settings = settings or load_settings(os.environ)
    clock_ahead = ahead_of_system(settings) if clock is None else 0
    clock = clock or (lambda: system_clock() + clock_ahead)
    tracer = _begin_to_observe(settings)
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    store = open_store(settings, count_read=metrics.read, report_connections=metrics.connections, tracer=tracer)
    if settings.auto_migrate:
        migrations.upgrade(store)

    app = Flask(__name__, static_folder=None)
    provide(
        app,
        Collaborators(
            store=store,
            authenticator=Authenticator(
                store=store,
                secret_key=settings.secret_key,
                patience=int(settings.access_cache_seconds * SECOND),
                second_factor=settings.second_factor,
            ),
            auth_services=auth_services(
                secret_key=settings.secret_key,
                access_token_minutes=settings.access_token_minutes,
                session_days=settings.session_days,
                session_max_days=settings.session_max_days,
                password_min_length=settings.password_min_length,
                issuer=TITLE,
                clock_ahead=clock_ahead,
                passwords=passwords or PasswordHashes(),
            ),
            group_commit=GroupCommit(store, metrics),
            view_log=ViewLog(),
            settings=settings,
            clock=clock,
            prometheus_metrics=metrics,
        ),
    )
    believe_proxies(app, settings.trusted_proxies)
    register_routes(app, settings)
    request_metrics = None
    if settings.metrics_enabled:
        request_metrics = RequestMetrics(
            registry,
            StoreGauges(lambda: observe_store(store=store, now=clock())),
            most_in_flight=settings.web_workers * settings.max_requests_in_flight,
            most_connections=settings.web_workers * (settings.db_pool_size + settings.db_max_overflow),
        )
        app.add_url_rule("/metrics", PROMETHEUS, request_metrics.scrape)
    layers = pipeline(
        settings,
        rate_limits=register_rate_limits(app, settings),
        spans=_request_spans(tracer),
        metrics=request_metrics,
        threads=_background_threads(store, settings, clock),
    )
    register_pipeline(app, layers)
    return app


def _background_threads(store: Store, settings: Settings, clock: Callable[[], int]) -> list[PeriodicThread]:
    refresher = BackgroundRefresher(store)
    threads = [PeriodicThread("refresh derived state", settings.refresh_interval_seconds, refresher.look)]
    if settings.retention_days:
        retention = BackgroundRetention(store, days=settings.retention_days, clock=clock)
        threads.append(PeriodicThread("remove old events", RETENTION_INTERVAL, retention.look))
    return threads


def _request_spans(tracer: Tracer | None) -> RequestSpans | None:
    if tracer is None:
        return None
    from factory.api.observe.tracing import RequestSpans

    return RequestSpans(tracer)


def _begin_to_observe(settings: Settings) -> Tracer | None:
    """Configure logging, and tracing if there is a collector; without one OpenTelemetry is not imported."""
    if not settings.otel_exporter_otlp_endpoint:
        configure_logging(level=settings.log_level, as_json=settings.logs_as_json)
        return None
    from factory.adapters.observe.tracing import start_tracing, trace_ids

    configure_logging(level=settings.log_level, as_json=settings.logs_as_json, trace_ids=trace_ids)
    return start_tracing(endpoint=settings.otel_exporter_otlp_endpoint, share=settings.otel_traces_sampler_arg)
