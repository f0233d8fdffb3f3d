"""Write Grafana's dashboards from the panels here: `python -m tools.dashboards`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

DIRECTORY = Path(__file__).resolve().parents[1] / "deploy" / "grafana" / "dashboards"
SOURCE = {"type": "prometheus", "uid": "prometheus"}
WIDTH, HEIGHT, COLUMNS = 8, 7, 3


class Panel(NamedTuple):
    """A chart, or a single number; `queries` are PromQL by the legend of their lines."""

    title: str
    unit: str
    queries: dict[str, str]
    kind: str = "timeseries"


DASHBOARDS: dict[str, tuple[str, list[Panel]]] = {
    "events": (
        "Events",
        [
            Panel("Events a second, by outcome", "ops", {"{{outcome}}": "outcome:events:rate5m"}),
            Panel("Events a second, by type", "ops", {"{{type}}": "sum by (type) (rate(factory_events_total[5m]))"}),
            Panel(
                "Events in a delivery, mean",
                "short",
                {"events": "sum(rate(factory_batch_events_sum[5m])) / sum(rate(factory_batch_events_count[5m]))"},
            ),
            Panel("Lateness, 95 % are below", "s", {"lateness": "job:event_lateness_seconds:p95_15m"}),
            Panel(
                "Newest event, age",
                "s",
                {"{{organisation}} {{factory}}": "max by (organisation, factory) (factory_newest_event_age_seconds)"},
            ),
            Panel("Sources, seconds of silence", "s", {"{{factory}} {{source}}": "source:last_arrival_age_seconds"}),
            Panel(
                "A shift runs",
                "short",
                {"{{organisation}} {{factory}}": "max by (organisation, factory) (factory_shift_running)"},
            ),
            Panel(
                "Stretches that wait to be derived",
                "short",
                {"{{organisation}} {{factory}}": "max by (organisation, factory) (factory_dirty_stretches)"},
            ),
            Panel(
                "Commit of a delivery, 95 % are below",
                "s",
                {"commit": "histogram_quantile(0.95, sum by (le) (rate(factory_commit_seconds_bucket[5m])))"},
            ),
        ],
    ),
    "api": (
        "API",
        [
            Panel("Requests a second", "reqps", {"requests": "job:requests:rate5m"}),
            Panel(
                "Requests a second, by status",
                "reqps",
                {"{{status}}": "sum by (status) (rate(flask_http_request_total[5m]))"},
            ),
            Panel("Errors of the server", "percentunit", {"errors": "job:errors:ratio5m"}),
            Panel(
                "Time of a request",
                "s",
                {"95 %": "job:request_seconds:p95_5m", "99 %": "job:request_seconds:p99_5m"},
            ),
            Panel("Time of a request, by route, 95 %", "s", {"{{url_rule}}": "route:request_seconds:p95_5m"}),
            Panel(
                "Requests under way",
                "short",
                {
                    "{{instance}}": "sum by (instance) (factory_requests_in_flight)",
                    "limit": "max(factory_requests_in_flight_limit)",
                },
            ),
            Panel("Backends that answer", "short", {"backends": 'sum(up{job="backend"})'}, "stat"),
            Panel(
                "Answered 503",
                "reqps",
                {"all": "sum(rate(factory_unavailable_answers_total[5m])) or vector(0)"},
            ),
            Panel(
                "Requests counted without Redis",
                "reqps",
                {"all": "sum(rate(factory_rate_limits_in_memory_total[5m])) or vector(0)"},
            ),
        ],
    ),
    "database": (
        "Database",
        [
            Panel(
                "PostgreSQL answers", "short", {"{{instance}}": "pg_up", "backends": "min(factory_store_up)"}, "stat"
            ),
            Panel(
                "Transactions a second",
                "ops",
                {
                    "commits": 'sum(rate(pg_stat_database_xact_commit{datname="factory"}[5m]))',
                    "rollbacks": 'sum(rate(pg_stat_database_xact_rollback{datname="factory"}[5m]))',
                },
            ),
            Panel(
                "Connections",
                "short",
                {
                    "{{instance}}": "sum by (instance) (pg_stat_database_numbackends)",
                    "limit": "max(pg_settings_max_connections)",
                },
            ),
            Panel(
                "Connections of the backends",
                "short",
                {
                    "{{instance}} {{pool}}": "sum by (instance, pool) (factory_database_connections)",
                    "limit": "max(factory_database_connections_limit)",
                },
            ),
            Panel("Size", "bytes", {"{{datname}}": 'pg_database_size_bytes{datname="factory"}'}),
            Panel(
                "Found in memory",
                "percentunit",
                {
                    "hits": 'sum(rate(pg_stat_database_blks_hit{datname="factory"}[5m])) / '
                    '(sum(rate(pg_stat_database_blks_hit{datname="factory"}[5m])) + '
                    'sum(rate(pg_stat_database_blks_read{datname="factory"}[5m])))'
                },
            ),
            Panel(
                "Replica, bytes behind",
                "bytes",
                {"{{application_name}}": "max by (application_name) (pg_stat_replication_pg_wal_lsn_diff >= 0)"},
            ),
            Panel(
                "Readings, by where they went",
                "reqps",
                {"{{from}}": "sum by (from) (rate(factory_reads_total[5m]))"},
            ),
            Panel(
                "Deadlocks a second",
                "ops",
                {"deadlocks": 'sum(rate(pg_stat_database_deadlocks{datname="factory"}[5m]))'},
            ),
            Panel("Longest transaction", "s", {"{{state}}": "max by (state) (pg_stat_activity_max_tx_duration)"}),
        ],
    ),
    "edge": (
        "NGINX and Redis",
        [
            Panel("Requests a second", "reqps", {"{{instance}}": "rate(nginx_http_requests_total[5m])"}),
            Panel(
                "Connections",
                "short",
                {
                    "{{instance}} active": "nginx_connections_active",
                    "{{instance}} waiting": "nginx_connections_waiting",
                },
            ),
            Panel("NGINX answers", "short", {"{{instance}}": "nginx_up"}, "stat"),
            Panel(
                "Certificate, days left",
                "short",
                {"{{instance}}": "(nginx_certificate_expiry_timestamp_seconds - time()) / 86400"},
                "stat",
            ),
            Panel("Redis answers", "short", {"{{instance}}": "redis_up"}, "stat"),
            Panel("Redis, memory", "bytes", {"used": "redis_memory_used_bytes"}),
            Panel("Redis, commands a second", "ops", {"commands": "rate(redis_commands_processed_total[5m])"}),
            Panel("Redis, clients", "short", {"clients": "redis_connected_clients"}),
            Panel("Redis, counts thrown away a second", "ops", {"keys": "rate(redis_evicted_keys_total[5m])"}),
        ],
    ),
    "operation": (
        "Operation",
        [
            Panel("Targets that do not answer", "short", {"down": "count(up == 0) or vector(0)"}, "stat"),
            Panel("Alerts", "short", {"firing": 'count(ALERTS{alertstate="firing"}) or vector(0)'}, "stat"),
            Panel(
                "Newest backup, age", "s", {"backup": "time() - factory_backup_last_success_timestamp_seconds"}, "stat"
            ),
            Panel(
                "Newest restore drill, age",
                "s",
                {"drill": "time() - factory_restore_drill_last_success_timestamp_seconds"},
                "stat",
            ),
            Panel(
                "Encrypted copy, age",
                "s",
                {"copy": "time() - factory_backup_copy_last_success_timestamp_seconds"},
                "stat",
            ),
            Panel(
                "Log received last, age",
                "s",
                {"{{instance}}": "time() - factory_backup_wal_last_contact_timestamp_seconds"},
            ),
            Panel(
                "Disk, free",
                "percentunit",
                {
                    "{{instance}} {{mountpoint}}": 'node_filesystem_avail_bytes{fstype!~"tmpfs|overlay|ramfs|squashfs"}'
                    " / node_filesystem_size_bytes"
                },
            ),
            Panel("Prometheus, series", "short", {"series": "prometheus_tsdb_head_series"}),
        ],
    ),
}


def dashboard(name: str) -> dict[str, Any]:
    """Return Grafana's JSON of a dashboard."""
    title, panels = DASHBOARDS[name]
    return {
        "uid": f"factory-{name}",
        "title": f"Factory: {title}",
        "tags": ["factory"],
        "schemaVersion": 39,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    return {
        "id": number + 1,
        "title": panel.title,
        "type": panel.kind,
        "datasource": SOURCE,
        "gridPos": {
            "x": number % COLUMNS * WIDTH,
            "y": number // COLUMNS * HEIGHT,
            "w": WIDTH,
            "h": HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": query, "legendFormat": legend}
            for place, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def text(name: str) -> str:
    """Return the path of a dashboard's file."""
    return json.dumps(dashboard(name), indent=1) + "\n"


if __name__ == "__main__":
    for one in DASHBOARDS:
        (DIRECTORY / f"{one}.json").write_text(text(one), encoding="utf-8")
