"""Wiring of the collaborators."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Flask
from prometheus_client import CollectorRegistry

from factory.adapters.access.password_hashes import PasswordHashes
from factory.adapters.observe.logging_setup import configure_logging
from factory.adapters.observe.periodic_thread import PeriodicThread
from factory.adapters.observe.prometheus_metrics import IngestMetrics, StoreGauges
from factory.api.http.request import Collaborators, provide
from factory.api.observe.prometheus import register_metrics
from factory.api.openapi import TITLE
from factory.api.routes import register_routes
from factory.domain.timestamp import SECOND
from factory.operations.access.authenticate import Authenticator
from factory.operations.access.services import sign_in_means
from factory.operations.derive.refresh import BackgroundRefresher
from factory.operations.derive.retention import BackgroundRetention
from factory.operations.events.group_commit import GroupCommit
from factory.operations.observe_store import observe_store
from factory.operations.privacy.views import ViewLog
from factory.settings import Settings, load_settings
from factory.store import migrations, open_store

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

RETENTION_INTERVAL = 60.0
"""Seconds between two searches for raw events that have become too old."""


def system_clock() -> int:
    """Return microseconds since the Unix epoch."""
    return time.time_ns() // 1000


def create_app(
    settings: Settings | None = None,
    *,
    clock: Callable[[], int] = system_clock,
    passwords: PasswordHashes | None = None,
) -> Flask:
    """Make the whole service as a WSGI application; without `settings` they come from the environment."""
    settings = settings or load_settings(os.environ)
    tracer = _begin_to_observe(settings)
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    store = open_store(settings, count_read=metrics.read, report_connections=metrics.connections, tracer=tracer)
    if settings.auto_migrate:
        migrations.upgrade(store)

    app = Flask(__name__, static_folder=None)
    if tracer is not None:
        from factory.api.observe.tracing import trace_requests

        trace_requests(app, tracer)
    provide(
        app,
        Collaborators(
            store=store,
            authenticator=Authenticator(
                store=store,
                secret_key=settings.secret_key,
                patience=int(settings.access_cache_seconds * SECOND),
            ),
            sign_in_means=sign_in_means(
                secret_key=settings.secret_key,
                access_token_minutes=settings.access_token_minutes,
                session_days=settings.session_days,
                password_min_length=settings.password_min_length,
                issuer=TITLE,
                passwords=passwords or PasswordHashes(),
            ),
            group_commit=GroupCommit(store, metrics),
            view_log=ViewLog(),
            settings=settings,
            clock=clock,
            prometheus_metrics=metrics,
        ),
    )
    register_routes(app, settings)
    if settings.metrics_enabled:
        register_metrics(
            app,
            registry,
            StoreGauges(lambda: observe_store(store=store, now=clock())),
            most_in_flight=settings.web_workers * settings.max_requests_in_flight,
            most_connections=settings.web_workers * (settings.db_pool_size + settings.db_max_overflow),
        )

    refresher = PeriodicThread(
        "refresh derived state", settings.refresh_interval_seconds, BackgroundRefresher(store).look
    )
    app.extensions["factory_refresher"] = refresher
    app.before_request(refresher.ensure_running)
    if settings.retention_days:
        retention = BackgroundRetention(store, days=settings.retention_days, clock=clock)
        app.before_request(PeriodicThread("remove old events", RETENTION_INTERVAL, retention.look).ensure_running)
    return app


def _begin_to_observe(settings: Settings) -> Tracer | None:
    """Configure logging, and tracing if there is a collector; without one OpenTelemetry is not imported."""
    if not settings.otel_exporter_otlp_endpoint:
        configure_logging(level=settings.log_level, as_json=settings.logs_as_json)
        return None
    from factory.adapters.observe.tracing import start_tracing, trace_ids

    configure_logging(level=settings.log_level, as_json=settings.logs_as_json, trace_ids=trace_ids)
    return start_tracing(endpoint=settings.otel_exporter_otlp_endpoint, share=settings.otel_traces_sampler_arg)
