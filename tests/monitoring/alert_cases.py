"""Series of two hours as Prometheus sees them when an alert should fire and when it should be silent."""

from __future__ import annotations

from typing import NamedTuple

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
    """Make the series of a request a second, all faster than so many seconds, none than the bucket below."""
    name = "flask_http_request_duration_seconds_bucket"
    return {
        f'{name}{{le="{bound}"}}': f"0+60x{MINUTES}" if float(bound) >= float(seconds) else f"0x{MINUTES}"
        for bound in ("0.5", "2.5", "5.0", "7.5", "+Inf")
    }


def one_in_fifty(seconds: str) -> Series:
    """Make the series of `slow`, but of a hundred requests ninety-eight are faster than half a second."""
    fast = {series: f"0+58.8x{MINUTES}" for series, values in slow(seconds).items() if values == f"0x{MINUTES}"}
    return slow(seconds) | fast


def constant(series: str, value: float) -> Series:
    return {series: f"{value}x{MINUTES}"}


def nan(minutes: int) -> str:
    """promtool knows no `NaNx90`."""
    return " ".join(["NaN"] * (minutes + 1))


def ended(series: str, value: float, minute: int = 90) -> Series:
    """Make a stopped container's series: it leaves the name service, and Prometheus ends what it had of it."""
    return {series: f"{value}x{minute} stale"}


def growing(series: str, a_minute: float) -> Series:
    return {series: f"0+{a_minute}x{MINUTES}"}


NORTH = 'organisation="acme",factory="north"'
SHIFT = f'factory_shift_running{{{NORTH},organisation_key="1"}}'
AGE = f"factory_newest_event_age_seconds{{{NORTH}}}"
ARRIVAL = 'factory_source_last_arrival_timestamp_seconds{organisation_key="1",factory="north",source="camera-1"}'
OLD_BACKEND, NEW_BACKEND = (SHIFT.replace("{", f'{{instance="{one}",') for one in ("old", "new"))
NIGHT = {AGE: f"30000x{MINUTES}"}
"""A factory whose newest event is of the evening before."""
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


def nodes(series: str, *values: float) -> Series:
    """Make the series that the exporters of a database's nodes tell of theirs, one value each."""
    return {f'{series}{{job="postgres",instance="db{n}"}}': f"{value}x{MINUTES}" for n, value in enumerate(values, 1)}


def scheduled(mark: str, age: float, every: float) -> Series:
    """Make the series of a job that succeeded so many seconds ago and should each so many."""
    return constant(SUCCESS.format(mark), NOW - age) | constant(INTERVAL.format(mark), every)


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
    "CredentialsRefused": Case(
        growing('factory_refused_answers_total{status="401",code="invalid_key"}', 60),
        growing('factory_refused_answers_total{status="401",code="invalid_key"}', 6)
        | growing('factory_refused_answers_total{status="401",code="session_ended"}', 60),
    ),
    "SignInsLockedOut": Case(
        growing('factory_refused_answers_total{status="429",code="locked_out"}', 2),
        constant('factory_refused_answers_total{status="429",code="locked_out"}', 200),
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
    "DatabaseNodeDown": Case(nodes("pg_up", 1, 0), nodes("pg_up", 1, 1)),
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
    "DiskFills": Case(
        {FREE: f"25000000000-100000000x{MINUTES}"} | constant(SIZE, 10**11),
        {FREE: f"25000000000-1000000x{MINUTES}"} | constant(SIZE, 10**11),
    ),
    "DiskAlmostFull": Case(constant(FREE, 5e9) | constant(SIZE, 1e11), constant(FREE, 5e10) | constant(SIZE, 1e11)),
    "NoDiskFigures": Case({}, constant(FREE, 5e9)),
    "BackupOld": Case(scheduled("backup", 2 * DAY, DAY), scheduled("backup", 30 * HOUR, DAY)),
    "WalNotReceived": Case(constant(CONTACT, NOW - 1000), {CONTACT: f"0+60x{MINUTES}"}),
    "BackupCopyOld": Case(scheduled("backup_copy", 2 * DAY, DAY), scheduled("backup_copy", 30 * HOUR, DAY)),
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
    ("BackupCopyOld", Case(BACKED_UP, BACKED_UP | scheduled("backup_copy", HOUR, DAY))),
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
            stopped(scheduled("backup_copy", 2 * DAY, DAY)),
            stopped(scheduled("backup_copy", HOUR, DAY)),
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
    # Where there are several nodes, one that is away is not the database: that is away when no backend reaches it, or,
    # where no backend tells, no exporter.
    ("DatabaseDown", Case(nodes("pg_up", 0, 0), nodes("pg_up", 1, 0))),
    (
        "DatabaseDown",
        Case(
            nodes("pg_up", 0, 1) | constant("factory_store_up", 0),
            nodes("pg_up", 0) | constant("factory_store_up", 1),
        ),
    ),
    (
        "ConnectionsNearLimit",
        Case(
            nodes("pg_stat_database_numbackends", 190, 20) | nodes("pg_settings_max_connections", 200, 200),
            nodes("pg_stat_database_numbackends", 70, 70, 70) | nodes("pg_settings_max_connections", 200, 200, 200),
        ),
    ),
    # Before a shift nobody was there: how long it is silent counts from its start, whichever backends have begun since.
    ("NoEventsFromFactory", Case(NIGHT | {SHIFT: "0x94 1x25"}, NIGHT | {SHIFT: "0x109 1x10"})),
    (
        "NoEventsFromFactory",
        Case(
            NIGHT | {OLD_BACKEND: "0x94 1x5 stale", NEW_BACKEND: "_x99 1x20"},
            NIGHT | {OLD_BACKEND: "0x109 stale", NEW_BACKEND: "_x109 1x10"},
        ),
    ),
    ("NoEventsFromSource", Case({ARRIVAL: "60x120", SHIFT: "0x79 1x40"}, {ARRIVAL: "60x120", SHIFT: "0x94 1x25"})),
    # While no backend tells, nothing is known of a silence.
    ("NoEventsFromFactory", Case(constant(AGE, 1200) | constant(SHIFT, 1), ended(AGE, 60, 110) | ended(SHIFT, 1, 110))),
    (
        "NoEventsFromSource",
        Case(constant(ARRIVAL, 60) | constant(SHIFT, 1), ended(ARRIVAL, 60, 105) | ended(SHIFT, 1, 105)),
    ),
    # A factory that has never delivered has no age.
    ("NoEventsFromFactory", Case(constant(SHIFT, 1), constant(SHIFT, 0))),
    ("NoEventsFromFactory", Case({SHIFT: "_x90 1x29"}, {SHIFT: "_x110 1x9"})),
    ("NoEventsFromFactory", Case({SHIFT: "0x94 1x25"}, {SHIFT: "0x109 1x10"})),
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
