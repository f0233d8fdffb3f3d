"""Every alert fires when it should and is silent when it should; each has a runbook, a receiver and a dashboard."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.monitoring.alert_cases import (
    AGE,
    ARRIVAL,
    CASES,
    DAY,
    FREE,
    HOUR,
    MINUTES,
    MORE,
    SHIFT,
    SIZE,
    Case,
    Series,
    constant,
)
from tools.dashboards import DASHBOARDS, DIRECTORY, text

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules"
ALERTMANAGER = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"


def tool(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {package})")
    return found


def groups(file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((RULES / f"{file}.yml").read_text())["groups"]
    return found


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for group in groups("alerts") for rule in group["rules"]}


def test_every_alert_has_a_case() -> None:
    assert CASES.keys() == alerts().keys()


def test_the_rules_and_the_configuration_are_valid(tmp_path: Path) -> None:
    promtool = tool("promtool", "prometheus")
    # The token is a secret of the composition.
    configuration = (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text()
    (tmp_path / "token").write_text("token")
    (tmp_path / "prometheus.yml").write_text(
        configuration.replace("/run/secrets/metrics_token", str(tmp_path / "token"))
    )
    (tmp_path / "rules").symlink_to(RULES)

    done = subprocess.run(
        [promtool, "check", "config", str(tmp_path / "prometheus.yml")], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(CASES)} rules found" in done.stdout


def hold(cases: list[tuple[str, Case]], directory: Path, *, interval: str, at: str) -> None:
    """Let promtool look at each alert after so long, in both cases; series have a value an interval."""
    promtool = tool("promtool", "prometheus")
    suites = []
    for alert in dict.fromkeys(name for name, _case in cases):
        tests = [
            {
                "interval": interval,
                "name": f"{alert} {'fires' if firing else 'is silent'}: {', '.join(series)}",
                "input_series": [{"series": one, "values": values} for one, values in series.items()],
                "promql_expr_test": [
                    {
                        "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
                        "eval_time": at,
                        "exp_samples": [{"labels": "{}", "value": 1}] if firing else [],
                    }
                ],
            }
            for name, case in cases
            if name == alert
            for series, firing in ((case.fires, True), (case.silent, False))
        ]
        # The alert alone, for promtool evaluates all that it is given, each minute of each case.
        rules = directory / f"{alert}.rules.json"
        rules.write_text(json.dumps({"groups": [{"name": "alert", "rules": [alerts()[alert]]}]}), encoding="utf-8")
        # Prometheus looks back five minutes, so in any order; an interval of an hour has to see what was just recorded.
        suite = {
            "rule_files": [str(RULES / "recording.yml"), str(rules)],
            "evaluation_interval": interval,
            "group_eval_order": [group["name"] for group in groups("recording")] + ["alert"],
            "tests": tests,
        }
        suites.append(directory / f"{alert}.json")
        suites[-1].write_text(json.dumps(suite), encoding="utf-8")

    done = subprocess.run([promtool, "test", "rules", *suites], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    hold([*CASES.items(), *MORE], tmp_path, interval="1m", at=f"{MINUTES}m")


def test_a_source_is_missed_after_its_backends_have_gone_and_forgotten_after_a_week(tmp_path: Path) -> None:
    shift = {SHIFT: "1x240"}
    cases = [
        # A camera dies on the first day, the backends are made anew that day, and a shift runs on the fourth.
        Case({ARRIVAL: "3600x9 stale"} | shift, {ARRIVAL: f"3600x9 _x80 {90 * HOUR}+3600x240"} | shift),
        # Another was taken down; a process that has not ended goes on telling of it.
        Case({ARRIVAL: "3600x240"} | shift, {ARRIVAL: f"{-4 * DAY}x240"} | shift),
    ]

    hold([("NoEventsFromSource", case) for case in cases], tmp_path, interval="1h", at="96h")


@pytest.mark.parametrize("at", ["75h", "96h"])
def test_a_disk_that_fills_steadily_is_told_and_the_step_of_a_full_backup_is_not(at: str, tmp_path: Path) -> None:
    size = {SIZE: f"{10**11}x100"}
    steady = {FREE: "60000000000-500000000x100"} | size
    steps = [
        {FREE: f"{before}x72 {after}x28"} | size
        for before, after in ((62 * 10**9, 47 * 10**9), (29 * 10**9, 25 * 10**9))
    ]

    hold([("DiskFills", Case(steady, step)) for step in steps], tmp_path, interval="1h", at=at)


def test_each_alert_says_how_bad_it_is_and_where_its_runbook_stands() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "RUNBOOKS.md").read_text(), flags=re.MULTILINE)

    assert sorted(headings) == sorted(alerts())
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        assert rule["annotations"]["runbook_url"].endswith(f"#{name.lower()}")


def hold_told(alert: str, series: Series, told: dict[str, Any], directory: Path, **more: Any) -> None:
    """Let promtool look at what an alert says when it fires after an hour."""
    promtool = tool("promtool", "prometheus")
    test = {
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "alert_rule_test": [{"eval_time": "1h", "alertname": alert, "exp_alerts": [told]}],
    }
    file = directory / "test.json"
    suite = {"rule_files": [str(RULES / "*.yml")], "evaluation_interval": "1m", "tests": [test | more]}
    file.write_text(json.dumps(suite))

    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("given", ["", "https://wiki.example.org/runbooks"])
def test_the_link_to_a_runbook_begins_with_what_prometheus_is_told(given: str, tmp_path: Path) -> None:
    annotations = alerts()["NoBackend"]["annotations"] | {"runbook_url": f"{given or 'docs/RUNBOOKS.md'}#nobackend"}

    hold_told(
        "NoBackend",
        constant('up{job="backend"}', 0),
        {"exp_labels": {"severity": "page"}, "exp_annotations": annotations},
        tmp_path,
        external_labels={"runbooks": given} if given else {},
    )


@pytest.mark.parametrize(
    ("age", "summary", "description"),
    [
        ({}, "No event has ever come from north, and a shift runs", "Connect its senders, or set its shifts; silence"),
        (
            constant(AGE, 1200),
            "Nothing has happened for 20m 0s in north while a shift runs",
            "No event has an instant of",
        ),
    ],
    ids=["never", "no longer"],
)
def test_a_silent_factory_is_told_apart_from_one_that_never_delivered(
    age: Series, summary: str, description: str, tmp_path: Path
) -> None:
    template = alerts()["NoEventsFromFactory"]["annotations"]["description"]
    described = next(one for one in re.split(r"{{.*?}}", template) if one.startswith(description))

    hold_told(
        "NoEventsFromFactory",
        age | constant(SHIFT, 1),
        {
            "exp_labels": {"severity": "page", "organisation": "acme", "organisation_key": "1", "factory": "north"},
            "exp_annotations": {
                "summary": summary,
                "description": described,
                "runbook_url": "docs/RUNBOOKS.md#noeventsfromfactory",
            },
        },
        tmp_path,
    )


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["severity=page", "alertname=DatabaseDown"], "on-call"),
        (["severity=page", "alertname=NoEventsFromFactory"], "on-call"),
        (["severity=ticket", "alertname=NoEventsFromSource"], "tickets"),
        (["severity=ticket", "alertname=ReplicaBehind"], "tickets"),
        (["severity=ticket", "alertname=DatabaseNodeDown"], "tickets"),
    ],
)
def test_an_alert_goes_to_whom_it_concerns(labels: list[str], receiver: str) -> None:
    amtool = tool("amtool", "prometheus-alertmanager")

    done = subprocess.run(
        [amtool, "config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels], capture_output=True, text=True
    )

    assert done.stdout.strip() == receiver


def route_of(alert: str) -> dict[str, Any]:
    """Return the route of an alert: it has from the one above it what it does not say itself."""
    labels = {f'{name}="{value}"' for name, value in {"alertname": alert, **alerts()[alert]["labels"]}.items()}
    found = route = yaml.safe_load(ALERTMANAGER.read_text())["route"]
    while route := next((one for one in route.get("routes", []) if labels >= set(one["matchers"])), None):
        found = found | route
    return found


@pytest.mark.parametrize("alert", alerts())
def test_a_page_is_repeated_each_hour_and_a_ticket_twice_a_day(alert: str) -> None:
    every = {"page": "1h", "ticket": "12h"}

    assert route_of(alert)["repeat_interval"] == every[alerts()[alert]["labels"]["severity"]]


def test_only_silence_is_muted_at_the_weekend_which_is_that_of_a_place() -> None:
    intervals = yaml.safe_load(ALERTMANAGER.read_text())["time_intervals"]

    assert [alert for alert in alerts() if "mute_time_intervals" in route_of(alert)] == [
        "NoEventsFromFactory",
        "NoEventsFromSource",
    ]
    assert all("location" in stretch for one in intervals for stretch in one["time_intervals"])


def test_a_factory_that_is_silent_mutes_the_sources_of_its_own_organisation_alone() -> None:
    rules = yaml.safe_load(ALERTMANAGER.read_text())["inhibit_rules"]
    equal = next(one["equal"] for one in rules if one["source_matchers"] == ['alertname="NoEventsFromFactory"'])

    assert sorted(equal) == ["factory", "organisation_key"]


def test_the_alertmanager_reads_its_configuration_and_mutes_only_alerts_that_there_are() -> None:
    amtool = tool("amtool", "prometheus-alertmanager")
    named = set(re.findall(r"\b[A-Z][a-z]+[A-Z]\w+\b", ALERTMANAGER.read_text()))

    done = subprocess.run([amtool, "check-config", str(ALERTMANAGER)], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert {"DatabaseDown", "NoBackend"} <= named <= set(alerts())


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_what_its_panels_make(name: str) -> None:
    assert (DIRECTORY / f"{name}.json").read_text() == text(name), "run make dashboards"
