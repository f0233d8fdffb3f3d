"""Prometheus and Grafana on the running stack: every panel's query finds something."""

from __future__ import annotations

import json
import math
import re
import time
from typing import Any
from urllib.parse import quote

import pytest
from tests.stack.conftest import BACKENDS, ROOT, Stack, run
from tests.stack.senders import Senders

pytestmark = pytest.mark.usefixtures("backup_container")

NOT_HERE = {
    "Disk, free": "the exporter of the host's disks has no image here",
}
"""Panels that the composition of the tests can have no data for."""

JOBS = {"nginx", "nginx-tls", "postgres", "redis", "prometheus", "alertmanager", "certificate", "backup"}
SECONDS = 100.0


def ask(stack: Stack, path: str) -> Any:
    text = run(["curl", "--silent", f"{stack.url('PROMETHEUS_PORT')}{path}"], stack.environment)
    return json.loads(text)["data"]


def finds_something(stack: Stack, query: str) -> bool:
    found = ask(stack, f"/api/v1/query?query={quote(query)}")["result"]
    return any(not math.isnan(float(one["value"][1])) for one in found)


def queries() -> dict[tuple[str, str], str]:
    """Every query of every panel, by the panel's title and the query itself."""
    found = {}
    for file in sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                found[panel["title"], target["expr"]] = target["expr"]
    return found


def named_by_alerts() -> set[str]:
    """Every series of ours, of NGINX and of PostgreSQL that an alert names."""
    rules = (ROOT / "deploy" / "prometheus" / "rules" / "alerts.yml").read_text()
    named = set(re.findall(r"\b(?:factory|nginx|pg)_[a-z_]+", rules))
    return named - {"factory_unavailable_answers_total"}  # it begins with the first request that is answered 503


def test_prometheus_reaches_everything(stack: Stack) -> None:
    def up() -> bool:
        targets = ask(stack, "/api/v1/targets?state=active")["activeTargets"]
        backends = [one for one in targets if one["labels"]["job"] == "backend" and one["health"] == "up"]
        others = [one for one in targets if one["labels"]["job"] != "backend"]
        found = len(backends) >= BACKENDS and {one["labels"]["job"] for one in others} >= JOBS
        return found and all(one["health"] == "up" for one in others)

    stack.wait_until(up, "every target is up")


def test_every_query_of_every_panel_and_every_series_of_an_alert_finds_something(stack: Stack) -> None:
    left = {where: query for where, query in queries().items() if where[0] not in NOT_HERE}
    left |= {("alerts", name): name for name in named_by_alerts()}
    assert len(left) > 60
    assert NOT_HERE.keys() <= {title for title, _ in queries()}, "a panel that is left out is there no longer"

    deadline = time.monotonic() + SECONDS
    body = json.dumps(
        [
            {"timestamp": "2026-11-01T10:00:00Z", "worker_id": "W1", "workstation_id": "S1"} | more
            for more in ({"event_type": "working", "source_id": "camera-1"}, {"event_type": "nonsense"})
        ]
    ).encode()
    headers = {"X-API-Key": stack.key, "Content-Type": "application/json"}
    with Senders(stack):
        while left and time.monotonic() < deadline:
            stack.ask("GET", "/api/v1/metrics/factory")
            stack.ask("POST", "/api/v1/events/batch", body, headers)
            time.sleep(2)
            left = {where: query for where, query in left.items() if not finds_something(stack, query)}

    assert left == {}


def test_a_container_that_is_stopped_is_missed(stack: Stack) -> None:
    """It leaves the name service, and Prometheus its target: that has to be no way to be forgotten."""

    def instances() -> list[str]:
        targets = ask(stack, "/api/v1/targets?state=active")["activeTargets"]
        return [one["labels"]["instance"] for one in targets if one["labels"]["job"] == "backup"]

    def missed() -> bool:
        query = quote('ALERTS{alertname="BackupMissing"}')
        return bool(ask(stack, f"/api/v1/query?query={query}")["result"])

    stack.wait_until(lambda: instances() == ["backup:9188"] and not missed(), "the backup container is watched")
    stack.compose("stop", "--timeout", "5", "backup")
    try:
        stack.wait_until(missed, "the backup container is missed")
    finally:
        stack.compose("start", "backup")

    stack.wait_until(lambda: not missed(), "the backup container is there again")


def test_the_rules_are_evaluated_and_alertmanager_hears_of_them(stack: Stack) -> None:
    groups = ask(stack, "/api/v1/rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]

    assert {rule["name"] for rule in rules} >= {"ApiErrors", "BackupOld", "job:requests:rate5m"}
    assert [rule["name"] for rule in rules if rule["health"] == "err"] == []
    assert ask(stack, "/api/v1/alertmanagers")["activeAlertmanagers"] != []
