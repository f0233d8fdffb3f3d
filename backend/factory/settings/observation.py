"""Logs, Prometheus metrics and traces."""

from dataclasses import dataclass

from factory.settings.types import boolean, http_url, one_of, option, optional_text, share, upper_one_of


@dataclass(frozen=True, kw_only=True)
class ObservationOptions:
    """Observation."""

    log_level: str = option(
        "INFO",
        "DEBUG, INFO, WARNING or ERROR.",
        upper_one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    )
    log_format: str = option(
        "auto", "json, text, or auto: text in development, else json.", one_of("auto", "json", "text")
    )
    metrics_enabled: bool = option("true", "Serve Prometheus metrics at /metrics.", boolean)
    metrics_token: str | None = option(
        "", "Bearer token required by /metrics; empty requires none.", optional_text, secret=True
    )
    prometheus_multiproc_dir: str | None = option(
        "", "Directory in which server processes share their Prometheus series; empty makes one.", optional_text
    )
    otel_exporter_otlp_endpoint: str = option(
        "",
        "URL of an OpenTelemetry collector for OTLP over HTTP, such as http://collector:4318; empty: no traces.",
        lambda text: http_url(text) if text else "",
    )
    otel_traces_sampler_arg: float = option(
        "1.0", "Share of recorded traces, 0 to 1; a caller's traceparent decides for its own request.", share
    )
