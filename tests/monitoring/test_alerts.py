"""Every alert fires when it should and is silent when it should; each has a runbook, a receiver and a dashboard."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from tools.dashboards import DASHBOARDS, DIRECTORY, text

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules"
ALERTMANAGER = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
MINUTES = 120
"""After so long the alerts are looked at; series have a value a minute."""

Series = dict[str, str]
"""The values of each series, in promtool's notation: `0+10x240` is 0, 10, 20, …"""


class Case(NamedTuple):
    fires: Series
    silent: Series


def requests(errors: int) -> Series:
    return {
        'flask_http_request_total{status="200"}': f"0+{6000 - errors}x{MINUTES}",
        'flask_http_request_total{status="500"}': f"0+{errors}x{MINUTES}",
    }


def slow(seconds: str) -> Series:
    """A request a second, all of them faster than so many seconds and none faster than the bucket below."""
    name = "flask_http_request_duration_seconds_bucket"
    return {
        f'{name}{{le="{bound}"}}': f"0+60x{MINUTES}" if float(bound) >= float(seconds) else f"0x{MINUTES}"
        for bound in ("0.5", "2.5", "5.0", "7.5", "+Inf")
    }


def one_in_fifty(seconds: str) -> Series:
    """The same, but of a hundred requests ninety-eight are faster than half a second."""
    fast = {series: f"0+58.8x{MINUTES}" for series, values in slow(seconds).items() if values == f"0x{MINUTES}"}
    return slow(seconds) | fast


def constant(series: str, value: float) -> Series:
    return {series: f"{value}x{MINUTES}"}


def nan(minutes: int) -> str:
    """promtool knows no `NaNx90`."""
    return " ".join(["NaN"] * (minutes + 1))


def ended(series: str, value: float, minute: int = 90) -> Series:
    """A series of a container that is stopped: it leaves the name service, and Prometheus ends what it had of it."""
    return {series: f"{value}x{minute} stale"}


def growing(series: str, a_minute: float) -> Series:
    return {series: f"0+{a_minute}x{MINUTES}"}


NORTH = 'organisation="acme",factory="north"'
SHIFT = f'factory_shift_running{{{NORTH},organisation_key="1"}}'
AGE = f"factory_newest_event_age_seconds{{{NORTH}}}"
ARRIVAL = 'factory_source_last_arrival_timestamp_seconds{organisation_key="1",factory="north",source="camera-1"}'
LATENESS = "factory_event_lateness_seconds_bucket"
CERTIFICATE = "nginx_certificate_expiry_timestamp_seconds"
LAG = 'pg_stat_replication_pg_wal_lsn_diff{job="postgres",application_name="walreceiver"}'
BARMAN = 'pg_stat_replication_pg_wal_lsn_diff{job="postgres",application_name="barman_receive_wal"}'
RECEIVED = {'pg_up{job="postgres"}': f"1x{MINUTES}", BARMAN: nan(MINUTES)}
"""The exporter of a primary whose log Barman receives: who replays nothing has no lag, and NaN stands for it."""
FREE, SIZE = ('node_filesystem_avail_bytes{mountpoint="/data"}', 'node_filesystem_size_bytes{mountpoint="/data"}')
POOLS = constant('factory_database_connections_limit{instance="a"}', 40) | constant(
    'factory_database_connections{instance="a",pool="replica"}', 5
)
DAY, HOUR, NOW = 86_400, 3600, MINUTES * 60
SUCCESS = 'factory_{}_last_success_timestamp_seconds{{job="backup",instance="b"}}'
INTERVAL = 'factory_{}_interval_seconds{{job="backup",instance="b"}}'
CONTACT = 'factory_backup_wal_last_contact_timestamp_seconds{job="backup",instance="b"}'


def scheduled(mark: str, age: float, every: float, schedule: str = "") -> Series:
    """What succeeded so many seconds ago and should each so many."""
    return constant(SUCCESS.format(mark), NOW - age) | constant(INTERVAL.format(schedule or mark), every)


def stopped(series: Series) -> Series:
    return {one: values.replace(f"x{MINUTES}", "x10 stale") for one, values in series.items()}


CASES: dict[str, Case] = {
    "BackendDown": Case(constant('up{job="backend",instance="a"}', 0), constant('up{job="backend",instance="a"}', 1)),
    "NginxDown": Case(
        constant('nginx_up{instance="plain"}', 1) | constant('nginx_up{instance="tls"}', 0),
        constant('nginx_up{instance="plain"}', 1) | constant('nginx_up{instance="tls"}', 1),
    ),
    "NoBackend": Case(constant('up{job="backend"}', 0), constant('up{job="backend"}', 1)),
    "ApiErrors": Case(requests(600), requests(6)),
    "ApiSlow": Case(slow("2.5"), slow("0.5")),
    "ApiTailSlow": Case(one_in_fifty("7.5"), one_in_fifty("2.5")),
    "RequestsInFlightNearLimit": Case(
        constant("factory_requests_in_flight", 60) | constant("factory_requests_in_flight_limit", 64),
        constant("factory_requests_in_flight", 10) | constant("factory_requests_in_flight_limit", 64),
    ),
    "RequestsRefused": Case(
        growing('factory_unavailable_answers_total{code="overloaded"}', 60),
        growing('factory_unavailable_answers_total{code="overloaded"}', 1),
    ),
    "RateLimitsNotShared": Case(
        growing("factory_rate_limits_in_memory_total", 5), constant("factory_rate_limits_in_memory_total", 5)
    ),
    "CertificateEnds": Case(constant(CERTIFICATE, NOW + 10 * DAY), constant(CERTIFICATE, NOW + 30 * DAY)),
    "CertificateEndsSoon": Case(constant(CERTIFICATE, NOW + 2 * DAY), constant(CERTIFICATE, NOW + 10 * DAY)),
    "NoEventsFromFactory": Case(constant(AGE, 1200) | constant(SHIFT, 1), constant(AGE, 1200) | constant(SHIFT, 0)),
    "NoEventsFromSource": Case(
        constant(ARRIVAL, 60) | constant(SHIFT, 1), {ARRIVAL: f"0+60x{MINUTES}"} | constant(SHIFT, 1)
    ),
    "EventsLate": Case(
        constant(f'{LATENESS}{{le="3600"}}', 0)
        | growing(f'{LATENESS}{{le="21600"}}', 60)
        | growing(f'{LATENESS}{{le="+Inf"}}', 60),
        growing(f'{LATENESS}{{le="3600"}}', 60)
        | growing(f'{LATENESS}{{le="21600"}}', 60)
        | growing(f'{LATENESS}{{le="+Inf"}}', 60),
    ),
    "EventsRefused": Case(
        growing('factory_events_total{outcome="invalid"}', 10) | growing('factory_events_total{outcome="created"}', 90),
        growing('factory_events_total{outcome="invalid"}', 1) | growing('factory_events_total{outcome="created"}', 90),
    ),
    "NumbersLagBehind": Case(
        constant(f"factory_dirty_stretches{{{NORTH}}}", 200_000), constant(f"factory_dirty_stretches{{{NORTH}}}", 200)
    ),
    "DatabaseDown": Case(constant("factory_store_up", 0), constant("factory_store_up", 1)),
    "ReplicaGone": Case(RECEIVED, RECEIVED | constant(LAG, 0)),
    "ReplicaBehind": Case(constant(LAG, 1e9), constant(LAG, 1e6)),
    "ReadsLeaveReplica": Case(
        growing('factory_reads_total{from="primary"}', 600)
        | growing('factory_reads_total{from="replica"}', 1)
        | RECEIVED
        | RECEIVED
        | constant(LAG, 0),
        growing('factory_reads_total{from="primary"}', 60)
        | growing('factory_reads_total{from="replica"}', 600)
        | constant(LAG, 0),
    ),
    "ConnectionsNearLimit": Case(
        constant("pg_stat_database_numbackends", 190) | constant("pg_settings_max_connections", 200),
        constant("pg_stat_database_numbackends", 20) | constant("pg_settings_max_connections", 200),
    ),
    "PoolNearLimit": Case(
        constant('factory_database_connections{instance="a",pool="primary"}', 39) | POOLS,
        constant('factory_database_connections{instance="a",pool="primary"}', 30) | POOLS,
    ),
    "DiskFills": Case({FREE: f"100000000000-200000000x{MINUTES}"}, {FREE: f"100000000000-1000000x{MINUTES}"}),
    "DiskAlmostFull": Case(constant(FREE, 5e9) | constant(SIZE, 1e11), constant(FREE, 5e10) | constant(SIZE, 1e11)),
    "NoDiskFigures": Case({}, constant(FREE, 5e9)),
    "BackupOld": Case(scheduled("backup", 2 * DAY, DAY), scheduled("backup", 30 * HOUR, DAY)),
    "WalNotReceived": Case(constant(CONTACT, NOW - 1000), {CONTACT: f"0+60x{MINUTES}"}),
    "BackupCopyOld": Case(
        scheduled("backup_copy", 2 * DAY, DAY, "backup"), scheduled("backup_copy", 30 * HOUR, DAY, "backup")
    ),
    "RestoreDrillOld": Case(
        scheduled("restore_drill", 10 * DAY, 7 * DAY), scheduled("restore_drill", 8 * DAY, 7 * DAY)
    ),
    "AuditTrailBroken": Case(constant("factory_audit_verified", 0), constant("factory_audit_verified", 1)),
    "BackupMissing": Case(constant('up{job="backup"}', 0), constant('up{job="backup"}', 1)),
    "TargetDown": Case(constant('up{job="redis",instance="r"}', 0), constant('up{job="redis",instance="r"}', 1)),
}


BACKED_UP = constant('up{job="backup",instance="b"}', 1)
BACKENDS = constant('up{job="backend",instance="a"}', 1) | constant('up{job="backend",instance="b"}', 1)
READ_FROM_PRIMARY = growing('factory_reads_total{from="primary"}', 600) | growing(
    'factory_reads_total{from="replica"}', 1
)
MORE: list[tuple[str, Case]] = [
    # What has never succeeded has no series that could grow old.
    ("BackupOld", Case(BACKED_UP, BACKED_UP | scheduled("backup", HOUR, DAY))),
    ("BackupCopyOld", Case(BACKED_UP, BACKED_UP | scheduled("backup_copy", HOUR, DAY, "backup"))),
    ("RestoreDrillOld", Case(BACKED_UP, BACKED_UP | scheduled("restore_drill", HOUR, DAY))),
    ("WalNotReceived", Case(BACKED_UP, BACKED_UP | {CONTACT: f"0+60x{MINUTES}"})),
    # Intervals are settings. A full backup of a large database takes hours.
    ("BackupOld", Case(scheduled("backup", 6 * HOUR, 2 * HOUR), scheduled("backup", 40 * HOUR, 48 * HOUR))),
    ("RestoreDrillOld", Case(scheduled("restore_drill", 3 * DAY, DAY), scheduled("restore_drill", 20 * DAY, 30 * DAY))),
    # Containers that are stopped take their series with them.
    ("BackendDown", Case(BACKENDS | ended('up{job="backend",instance="b"}', 1), BACKENDS)),
    (
        "BackupMissing",
        Case(
            ended('up{job="backup",instance="old"}', 1),
            ended('up{job="backup",instance="old"}', 1) | constant('up{job="backup",instance="new"}', 1),
        ),
    ),
    ("BackupOld", Case(stopped(scheduled("backup", 2 * DAY, DAY)), stopped(scheduled("backup", HOUR, DAY)))),
    (
        "BackupCopyOld",
        Case(
            stopped(scheduled("backup_copy", 2 * DAY, DAY, "backup")),
            stopped(scheduled("backup_copy", HOUR, DAY, "backup")),
        ),
    ),
    (
        "RestoreDrillOld",
        Case(
            stopped(scheduled("restore_drill", 10 * DAY, 7 * DAY)), stopped(scheduled("restore_drill", HOUR, 7 * DAY))
        ),
    ),
    ("WalNotReceived", Case(ended(CONTACT, 60), ended(CONTACT, NOW - 60))),
    ("CertificateEnds", Case(ended(CERTIFICATE, NOW + 10 * DAY), ended(CERTIFICATE, NOW + 30 * DAY))),
    ("CertificateEndsSoon", Case(ended(CERTIFICATE, NOW + 2 * DAY), ended(CERTIFICATE, NOW + 10 * DAY))),
    *(
        ("TargetDown", Case(ended(f'up{{job="{job}"}}', 1), constant(f'up{{job="{job}"}}', 1)))
        for job in ("certificate", "nginx-tls", "node")
    ),
    # A rolling update runs twice as many for some minutes, and Kubernetes as many as it takes.
    (
        "BackendDown",
        Case(
            ended('up{job="backend",instance="a"}', 1) | ended('up{job="backend",instance="b"}', 1, minute=100),
            BACKENDS | {f'up{{job="backend",instance="{one}"}}': "_x105 1x5 stale" for one in ("c", "d")},
        ),
    ),
    (
        "BackendDown",
        Case(
            constant('up{job="backend",pod="a"}', 0),
            constant('up{job="backend",pod="a"}', 1) | ended('up{job="backend",pod="b"}', 1),
        ),
    ),
    # Barman's host has no container; the exporter of the primary sees who receives.
    (
        "WalNotReceived",
        Case(RECEIVED | {BARMAN: f"{nan(90)} stale"}, dict.fromkeys(RECEIVED, "1x90 stale")),
    ),
    ("WalNotReceived", Case(RECEIVED | {BARMAN: f"{nan(90)} stale"}, RECEIVED)),
    # A standby of Patroni's has the name of its member.
    ("ReplicaGone", Case(RECEIVED, RECEIVED | constant(LAG.replace("walreceiver", "db2"), 0))),
    # Whether a replica streams is unknown while nobody asks the primary.
    ("ReplicaGone", Case(RECEIVED | ended(LAG, 0), dict.fromkeys((*RECEIVED, LAG), "0x90 stale"))),
    ("ReadsLeaveReplica", Case(READ_FROM_PRIMARY | RECEIVED | constant(LAG, 0), READ_FROM_PRIMARY | RECEIVED)),
]


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
    tests = [
        {
            "interval": interval,
            "name": f"{name} {'fires' if firing else 'is silent'}: {', '.join(series)}",
            "input_series": [{"series": one, "values": values} for one, values in series.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
                    "eval_time": at,
                    "exp_samples": [{"labels": "{}", "value": 1}] if firing else [],
                }
            ],
        }
        for name, case in cases
        for series, firing in ((case.fires, True), (case.silent, False))
    ]
    # Prometheus looks back five minutes, so in any order; an interval of an hour has to see what was just recorded.
    suite = {
        "rule_files": [str(RULES / "*.yml")],
        "evaluation_interval": interval,
        "group_eval_order": list(
            dict.fromkeys(group["name"] for name in ("recording", "alerts") for group in groups(name))
        ),
        "tests": tests,
    }
    file = directory / "tests.json"
    file.write_text(json.dumps(suite), encoding="utf-8")

    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)

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


def test_each_alert_says_how_bad_it_is_and_where_its_runbook_stands() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "RUNBOOKS.md").read_text(), flags=re.MULTILINE)

    assert sorted(headings) == sorted(alerts())
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        assert rule["annotations"]["runbook_url"].endswith(f"#{name.lower()}")


@pytest.mark.parametrize("given", ["", "https://wiki.example.org/runbooks"])
def test_the_link_to_a_runbook_begins_with_what_prometheus_is_told(given: str, tmp_path: Path) -> None:
    promtool = tool("promtool", "prometheus")
    annotations = alerts()["NoBackend"]["annotations"] | {"runbook_url": f"{given or 'docs/RUNBOOKS.md'}#nobackend"}
    test = {
        "interval": "1m",
        "input_series": [{"series": 'up{job="backend"}', "values": "0x10"}],
        "external_labels": {"runbooks": given} if given else {},
        "alert_rule_test": [
            {
                "eval_time": "5m",
                "alertname": "NoBackend",
                "exp_alerts": [{"exp_labels": {"severity": "page"}, "exp_annotations": annotations}],
            }
        ],
    }
    file = tmp_path / "test.json"
    file.write_text(json.dumps({"rule_files": [str(RULES / "*.yml")], "evaluation_interval": "1m", "tests": [test]}))

    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["severity=page", "alertname=DatabaseDown"], "on-call"),
        (["severity=page", "alertname=NoEventsFromFactory"], "on-call"),
        (["severity=ticket", "alertname=NoEventsFromSource"], "tickets"),
        (["severity=ticket", "alertname=ReplicaBehind"], "tickets"),
    ],
)
def test_an_alert_goes_to_whom_it_concerns(labels: list[str], receiver: str) -> None:
    amtool = tool("amtool", "prometheus-alertmanager")

    done = subprocess.run(
        [amtool, "config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels], capture_output=True, text=True
    )

    assert done.stdout.strip() == receiver


def test_the_alertmanager_reads_its_configuration_and_mutes_only_alerts_that_there_are() -> None:
    amtool = tool("amtool", "prometheus-alertmanager")
    named = set(re.findall(r"\b[A-Z][a-z]+[A-Z]\w+\b", ALERTMANAGER.read_text()))

    done = subprocess.run([amtool, "check-config", str(ALERTMANAGER)], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert {"DatabaseDown", "NoBackend"} <= named <= set(alerts())


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_what_its_panels_make(name: str) -> None:
    assert (DIRECTORY / f"{name}.json").read_text() == text(name), "run make dashboards"
