"""The composed stack: what it publishes, how it answers through NGINX, and what it survives."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.stack.conftest import BACKENDS, ROOT, Stack, compose_command, make_certificate, run
from tests.stack.senders import Senders, stored
from tools.composition import profiles

from factory.api.http.hooks import OVER_TLS, SECURITY_HEADERS

DAY = "from=2026-01-15T10:00:00Z&to=2026-01-15T12:00:00Z"


def test_only_nginx_is_published_beyond_loopback(stack: Stack) -> None:
    template = "{{range $port, $bound := .NetworkSettings.Ports}}{{range $bound}}{{.HostIp}} {{end}}{{end}}"
    secure = stack.container("nginx-tls")

    published = {one: stack.inspect(one, template).split() for one in stack.containers()}

    assert all(set(addresses) <= {"127.0.0.1"} for one, addresses in published.items() if one != secure)
    assert "0.0.0.0" in published[secure]


@pytest.mark.parametrize("service", ["postgres", "postgres-replica", "pgbouncer", "prometheus", "nginx-exporter"])
def test_a_container_of_others_can_gain_nothing(stack: Stack, service: str) -> None:
    one = stack.containers(service)[0]

    assert stack.inspect(one, "{{.HostConfig.CapDrop}}") == "[ALL]"
    assert "no-new-privileges:true" in stack.inspect(one, "{{.HostConfig.SecurityOpt}}")
    first = stack.execute(one, "cat", "/proc/1/status") if "exporter" not in service else "CapEff:\t0000000000000000"
    assert "CapEff:\t0000000000000000" in first, "its first process has capabilities"


@pytest.mark.parametrize("service", ["backend", "nginx", "nginx-tls", "redis"])
def test_a_container_has_no_privileges_and_a_root_that_it_cannot_write(stack: Stack, service: str) -> None:
    one = stack.containers(service)[0]

    assert stack.inspect(one, "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}") == "true [ALL]"
    assert "no-new-privileges:true" in stack.inspect(one, "{{.HostConfig.SecurityOpt}}")
    assert int(stack.inspect(one, "{{.HostConfig.Memory}}")) > 0
    assert int(stack.execute(one, "id", "-u")) > 0


def test_the_backend_image_holds_no_compiler_and_no_installer(stack: Stack) -> None:
    look = "for tool in gcc cc g++ make pip; do command -v $tool && echo found; done; find / -name 'cc1*' 2>/dev/null"
    entrypoint = ["docker", "run", "--rm", "--entrypoint", "sh", stack.environment["BACKEND_IMAGE"], "-c"]

    found = run([*entrypoint, f"{look}; /opt/factory/bin/python -m pip --version 2>&1"], stack.environment, check=False)

    assert "found" not in found.replace("/usr/local/bin/pip\nfound", "")  # the base image's own, not the server's
    assert "No module named pip" in found


COMPILED = """
import importlib, os, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
source = [name for name, module in sys.modules.items()
          if getattr(module, "__cached__", None) and not os.path.exists(module.__cached__)]
print(*source)
"""


@pytest.mark.parametrize(
    ("image", "modules"), [("backend", ["factory.app", "factory.cli.main"]), ("backup", ["factory.cli.main", "barman"])]
)
def test_nothing_is_compiled_at_each_start_of_a_container(
    images: dict[str, str], image: str, modules: list[str]
) -> None:
    command = ["docker", "run", "--rm", "--entrypoint", "/opt/factory/bin/python", images[image], "-c", COMPILED]

    assert run([*command, *modules], dict(os.environ)).split() == []


def test_the_page_comes_from_nginx_with_the_headers_of_the_backends(stack: Stack) -> None:
    plain, secure = stack.ask("GET", "/", tls=False), stack.ask("GET", "/")
    api = stack.ask("GET", "/api/v1/health/")

    for answer in (plain, secure, api):
        assert answer.status == 200
        assert {name: answer.headers[name.lower()] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert secure.headers["strict-transport-security"] == OVER_TLS["Strict-Transport-Security"]
    assert api.headers["strict-transport-security"] == OVER_TLS["Strict-Transport-Security"]
    assert "strict-transport-security" not in plain.headers
    assert secure.content == (ROOT / "frontend" / "index.html").read_bytes()


def test_the_page_is_compressed_beforehand_and_asked_for_again_with_a_tag(stack: Stack) -> None:
    first = stack.ask("GET", "/main.js", headers={"Accept-Encoding": "gzip"})
    again = stack.ask("GET", "/main.js", headers={"If-None-Match": first.headers["etag"], "Accept-Encoding": "gzip"})

    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["content-type"].startswith(("application/javascript", "text/javascript"))
    assert again.status == 304
    assert stack.ask("GET", "/icons/icon.svg").headers["cache-control"] == "public, max-age=86400"
    assert stack.ask("GET", "/manifest.webmanifest").headers["content-type"].startswith("application/manifest+json")


def test_http_leads_to_https_which_speaks_http_2_and_no_old_tls(stack: Stack) -> None:
    port = stack.environment["TLS_REDIRECT_PORT"]
    certificate = f"{stack.environment['TLS_CERTIFICATES']}/fullchain.pem"
    curl = ["curl", "--silent", "--output", os.devnull, "--cacert", certificate, "--write-out"]

    led = run([*curl, "%{http_code} %{redirect_url}", f"http://localhost:{port}/?view=wall"], stack.environment)
    version = run([*curl, "%{http_version}", f"{stack.url('TLS_PORT')}/"], stack.environment)

    assert led == "308 https://localhost/?view=wall"
    assert version == "2"
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers("AES128-SHA")  # no forward secrecy
    with (
        socket.create_connection(("localhost", int(stack.environment["TLS_PORT"]))) as link,
        pytest.raises(ssl.SSLError),
    ):
        old.wrap_socket(link)


def test_a_renewed_certificate_is_served_at_once_and_its_challenge_answered(stack: Stack, tmp_path: Path) -> None:
    challenge = Path(stack.environment["ACME_WEBROOT"]) / ".well-known" / "acme-challenge" / "token"
    challenge.parent.mkdir(parents=True, exist_ok=True)
    challenge.write_text("proof")
    port = stack.environment["TLS_REDIRECT_PORT"]
    make_certificate(tmp_path)
    before = _served_certificate(stack)

    proof = run(["curl", "--silent", f"http://localhost:{port}/.well-known/acme-challenge/token"], stack.environment)
    renewed = {**stack.environment, "RENEWED_LINEAGE": str(tmp_path)}
    run([*as_root(), str(ROOT / "deploy" / "install-certificate"), "-p", stack.project], renewed)

    assert proof == "proof"
    stack.wait_until(lambda: _served_certificate(stack) == (tmp_path / "fullchain.pem").read_text(), "it is served")
    assert before != _served_certificate(stack)
    assert stack.ask("GET", "/").status == 200


def _served_certificate(stack: Stack) -> str:
    return ssl.get_server_certificate(("localhost", int(stack.environment["TLS_PORT"])))


def as_root() -> list[str]:
    return [] if os.geteuid() == 0 else ["sudo", "--preserve-env"]


def test_what_nginx_refuses_itself_has_the_shape_of_the_apis_errors(stack: Stack) -> None:
    missing = stack.ask("GET", '/no"such/page')
    large = stack.ask("POST", "/api/v1/events/batch", b" " * (17 << 20))

    assert (missing.status, missing.body["code"], missing.body["path"]) == (404, "not_found", "/no")
    assert (large.status, large.body["code"]) == (413, "too_large")
    for answer in (missing, large):
        assert answer.body.keys() == {"error", "code", "status", "timestamp", "path", "request_id"}
        assert answer.body["status"] == answer.status
        assert answer.headers["x-request-id"] == answer.body["request_id"]
    assert stack.ask("GET", "/metrics").status == 404


def test_too_many_sign_ins_are_refused_in_the_same_shape(stack: Stack) -> None:
    body = json.dumps({"email": "nobody@example.org", "password": "a wrong password"}).encode()
    json_type = {"Content-Type": "application/json"}

    answers = [stack.ask("POST", "/api/v1/session/", body, json_type) for _ in range(30)]

    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    assert {answer.body["code"] for answer in refused} <= {"too_many_requests", "locked_out"}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)


def test_events_sent_through_nginx_are_in_the_metrics(stack: Stack, key_header: dict[str, str]) -> None:
    one = {"worker_id": "M1", "workstation_id": "S1", "source_id": "camera-1"}  # of whom no other test speaks
    events = [
        {**one, "timestamp": "2026-01-15T10:00:00Z", "event_type": "working"},
        {**one, "timestamp": "2026-01-15T10:20:00Z", "event_type": "product_count", "count": 7},
        {**one, "timestamp": "2026-01-15T10:30:00Z", "event_type": "idle"},
        {**one, "timestamp": "2026-01-15T11:00:00Z", "event_type": "absent"},
    ]

    assert stack.ask("POST", "/api/v1/events/", json.dumps(events[0]).encode(), key_header).status == 201
    assert stack.ask("POST", "/api/v1/events/batch", json.dumps(events).encode(), key_header).body["created_count"] == 3

    # Whichever backend answers, from the primary or the replica.
    for _ in range(2 * BACKENDS):
        figures = stack.ask("GET", f"/api/v1/metrics/workers/M1?{DAY}").body["data"]
        assert figures["total_active_time_hours"] == 0.5
        assert figures["total_idle_time_hours"] == 0.5
        assert figures["total_absent_time_hours"] == 1.0
        assert figures["total_units_produced"] == 7


def test_the_replica_streams_and_answers_readings(stack: Stack) -> None:
    assert stack.sql("SELECT state FROM pg_stat_replication WHERE usename = 'replicator'") == ["streaming"]
    assert stack.sql("SELECT pg_is_in_recovery()", "postgres-replica") == ["t"]

    before = stack.sql("SELECT xact_commit FROM pg_stat_database WHERE datname = 'factory'", "postgres-replica")
    for _ in range(20):
        assert stack.ask("GET", f"/api/v1/metrics/factory?{DAY}").status == 200

    stack.wait_until(
        lambda: (
            int(stack.sql("SELECT xact_commit FROM pg_stat_database WHERE datname = 'factory'", "postgres-replica")[0])
            >= int(before[0]) + 15
        ),
        "the replica has answered the readings",
        seconds=120,
    )


def test_the_server_works_through_the_pooler(stack: Stack) -> None:
    stack.wait_until(lambda: stack.healthy("pgbouncer"), "PgBouncer is healthy")
    pooled = ["-e", "DB_POOLER=transaction", "-e", "DATABASE_URL_FILE=/run/secrets/pooled_database_url"]

    verified = stack.compose("run", "--rm", "--no-deps", *pooled, "migrate", "verify")

    assert "follows from the events" in verified
    assert "login attempt: db=factory user=factory" in stack.compose("logs", "--no-color", "pgbouncer")


def test_nothing_between_the_containers_is_in_clear(stack: Stack) -> None:
    asked = "SELECT count(*) FILTER (WHERE NOT ssl), count(*) > 3 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
    assert stack.sql(f"{asked} WHERE client_addr IS NOT NULL AND NOT client_addr <<= '127.0.0.0/8'") == ["0|t"]
    assert "PONG" not in ask_redis(stack, "ping")
    assert "PONG" in ask_redis(stack, f"{VERIFIED} ping")
    stack.ask("GET", "/api/v1/metrics/factory")
    assert int(ask_redis(stack, f"{VERIFIED} dbsize")) > 0, "the backends count in memory alone"


VERIFIED = "--tls --cacert /run/secrets/internal_certificate"


def ask_redis(stack: Stack, command: str) -> str:
    asked = f"REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli {command}"
    return run(["docker", "exec", stack.container("redis"), "sh", "-c", asked], stack.environment, check=False)


def hold(stack: Stack, senders: Senders) -> None:
    """Each acknowledged event is stored once, and the numbers are those of the events."""
    found = stored(stack, senders)
    assert len(found) == len(set(found))
    assert set(senders.acknowledged) <= set(found)
    assert senders.without_retry_after == 0
    verified = stack.execute(stack.containers("backend")[0], "factory", "verify")  # fails where a number differs
    assert "follows from the events" in verified


def test_a_backend_that_dies_under_load_costs_no_acknowledged_event(stack: Stack) -> None:
    victim = stack.containers("backend")[0]
    with Senders(stack) as senders:
        senders.wait_for(50)
        run([*as_root(), "kill", "-KILL", stack.inspect(victim, "{{.State.Pid}}")], stack.environment)
        senders.wait_for(200)

    assert set(senders.answers) <= {200, 201, 503}
    stack.wait_until(lambda: stack.healthy("backend"), "the backend is started again")
    hold(stack, senders)


def test_a_restart_of_postgresql_under_load_is_waited_for(stack: Stack) -> None:
    with Senders(stack) as senders:
        senders.wait_for(50)
        run(["docker", "restart", stack.container("postgres")], stack.environment)
        senders.wait_for(200)

    assert set(senders.answers) <= {200, 201, 503}
    hold(stack, senders)


def test_a_rolling_update_fails_no_request(stack: Stack) -> None:
    before = stack.containers("backend")
    command = [str(ROOT / "deploy" / "rolling-update"), "-p", stack.project]
    with Senders(stack) as senders:
        senders.wait_for(50)
        run(command, stack.environment)
        senders.wait_for(100)

    after = stack.containers("backend")
    assert len(after) == BACKENDS
    assert set(after).isdisjoint(before)
    assert set(senders.answers) == {201}
    hold(stack, senders)


def test_no_secret_is_in_a_log(stack: Stack) -> None:
    assert stack.secrets_in_logs() == []


# What cannot ask itself: two images that hold one program and no shell, and Filebeat, which answers nobody.
WITHOUT_HEALTH_CHECK = {"redis-exporter", "nginx-exporter", "nginx-tls-exporter", "filebeat"}


def test_every_service_has_a_limit_of_resources_and_a_health_check() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    limits = {name: service["deploy"]["resources"]["limits"] for name, service in services.items()}
    unchecked = {name for name, service in services.items() if not checks_health(service)}

    assert all(limit.keys() == {"cpus", "memory"} for limit in limits.values())
    assert unchecked == {*WITHOUT_HEALTH_CHECK, "migrate"}  # which ends


def checks_health(service: dict[str, Any]) -> bool:
    """Return whether a service has a health check of its own, or its image that is built here."""
    if "test" in service.get("healthcheck", {}):
        return True
    dockerfile = service.get("build", {}).get("dockerfile")
    disabled = service.get("healthcheck", {}).get("disable", False)
    return dockerfile is not None and not disabled and "\nHEALTHCHECK " in (ROOT / dockerfile).read_text()


def test_every_option_of_the_server_can_be_set_for_the_containers() -> None:
    from factory.settings import declared_options

    composition = (ROOT / "docker-compose.yml").read_text()
    fixed = {"HOST", "PORT", "FRONTEND_DIR", "PROMETHEUS_MULTIPROC_DIR", "METRICS_ENABLED"}

    missing = [
        option.name
        for option in declared_options().values()
        if option.name not in fixed and f"\n  {option.name}:" not in composition.replace("_FILE:", ":")
    ]

    assert missing == []


@pytest.mark.parametrize("profile", profiles())
def test_a_profile_is_valid_and_the_files_that_it_mounts_are_here(profile: str) -> None:
    command = [*compose_command(), "--profile", profile, "config"]

    parsed = yaml.safe_load(run(command, {**os.environ, "BACKENDS": "3"}))

    mounts = [one for service in parsed["services"].values() for one in service.get("volumes", [])]
    sources = [one["source"] if isinstance(one, dict) else one.split(":")[0] for one in mounts]
    files = [source for source in sources if source.startswith(str(ROOT))]
    assert any(profile in service.get("profiles", []) for service in parsed["services"].values())
    assert [file for file in files if not Path(file).exists()] == []
    assert parsed["services"]["backend"]["deploy"]["replicas"] == 3


def test_a_migration_asks_the_database_for_which_it_waits_and_not_the_pooler() -> None:
    pooled = {"COMPOSE_PROFILES": "pooler", "DATABASE_URL_SECRET": "pooled_database_url"}

    services = yaml.safe_load(run([*compose_command(), "config"], {**os.environ, **pooled}))["services"]

    asks = {name: services[name]["environment"]["DATABASE_URL_FILE"] for name in ("backend", "migrate")}
    assert asks == {"backend": "/run/secrets/pooled_database_url", "migrate": "/run/secrets/database_url"}
    assert services["migrate"]["environment"].keys() == services["backend"]["environment"].keys()
    assert list(services["migrate"]["depends_on"]) == ["postgres"]


@pytest.mark.parametrize("dockerfile", ["Dockerfile.backend", "Dockerfile.frontend", "deploy/backup/Dockerfile"])
def test_a_dockerfile_is_clean(dockerfile: str) -> None:
    hadolint = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "hadolint"
    if not hadolint.exists():
        pytest.skip("hadolint is not installed")

    done = subprocess.run([str(hadolint), dockerfile], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.stdout == ""
    assert done.returncode == 0
