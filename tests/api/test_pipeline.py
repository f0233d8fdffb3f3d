"""The hooks around a request are those of api/pipeline.py, in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from tests.conftest import Clock, close_store, make_settings

EVERYTHING = {
    "ACCESS": "required",
    "SECRET_KEY": "a secret of the tests that is long enough",
    "CORS_ORIGINS": "https://office.example",
    "RETENTION_DAYS": "90",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
}
EXTENSIONS = ("flask_limiter", "flask_cors", "prometheus_flask_exporter")
ORDER = {
    "before": [
        "RequestSpans.begin",
        "begin",
        "refuse_when_full",
        "recognise",
        "flask_limiter",
        "admit",
        "prometheus_flask_exporter",
        "RequestMetrics.begin",
        "PeriodicThread.ensure_running",
        "PeriodicThread.ensure_running",
        "refuse_undeclared",
    ],
    "after": [
        "RequestSpans.note_status",
        "finish",
        "flask_cors",
        "flask_limiter",
        "RateLimits.add_headers",
        "prometheus_flask_exporter",
    ],
    "teardown": [
        "RequestSpans.end",
        "forget",
        "flask_limiter",
        "prometheus_flask_exporter",
        "RequestMetrics.end",
    ],
}


def registered(app: Flask, when: str) -> list[Any]:
    """Return the hooks that Flask has; of one that an extension registered the extension's name."""
    by_blueprint = getattr(app, f"{when}_request_funcs")
    assert set(by_blueprint) <= {None}, "a blueprint has hooks of its own"
    hooks = by_blueprint[None]
    packages = [str(getattr(hook, "func", hook).__module__).partition(".")[0] for hook in hooks]
    return [package if package in EXTENSIONS else hook for package, hook in zip(packages, hooks, strict=True)]


def own(hooks: list[Any]) -> list[Any]:
    return [hook for hook in hooks if not isinstance(hook, str)]


@pytest.fixture(params=[{}, EVERYTHING], ids=["as it comes", "with everything"])
def built(request: pytest.FixtureRequest, fresh_database: Callable[[str], str]) -> Iterator[Flask]:
    from factory.app import create_app

    app = create_app(make_settings(fresh_database("sqlite"), **request.param), clock=Clock())
    yield app
    close_store(app.extensions["factory_store"])


@pytest.mark.parametrize("when", ["before", "after", "teardown"])
def test_flask_has_the_hooks_of_the_pipeline_in_its_order_and_no_other(built: Flask, when: str) -> None:
    position = ("before", "after", "teardown").index(when)
    listed = [layer[position] for layer in built.extensions["factory_pipeline"] if layer[position] is not None]
    assert own(registered(built, when)) == listed


@pytest.mark.parametrize("built", [EVERYTHING], indirect=True)
@pytest.mark.parametrize("when", list(ORDER))
def test_with_everything_on_the_order_is_this(built: Flask, when: str) -> None:
    assert [hook if isinstance(hook, str) else hook.__qualname__ for hook in registered(built, when)] == ORDER[when]
