"""The rendered overlays are valid and hang together; each check finds the mistakes that it is for."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kubernetes.checks import CHECKS, EXAMPLES, documented_keys, schemas
from tests.kubernetes.manifests import KUBERNETES, OVERLAYS, Manifests, Object, objects_of

Mistake = Callable[[Manifests], Any]
Release = Callable[..., tuple[int, list[str]]]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("check", CHECKS)
def test_an_overlay_is_as_it_should_be(overlay: str, check: str) -> None:
    assert list(CHECKS[check](Manifests(objects_of(overlay)))) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_valid_for_the_oldest_version_that_the_guide_names(overlay: str) -> None:
    assert list(schemas(Manifests(objects_of(overlay)), version="1.30")) == []


def pod(manifests: Manifests, name: str) -> Object:
    return next(specification for workload, _, specification in manifests.pods() if workload == name)


def container(manifests: Manifests, name: str = "backend") -> Object:
    found: Object = pod(manifests, name)["containers"][0]
    return found


def spec(manifests: Manifests, kind: str, name: str) -> Object:
    one = manifests.named(kind, name)
    assert one is not None
    found: Object = one["spec"]
    return found


def settings(manifests: Manifests, component: str = "backend") -> dict[str, str]:
    name = container(manifests, component)["envFrom"][0]["configMapRef"]["name"]
    one = manifests.named("ConfigMap", name)
    assert one is not None
    found: dict[str, str] = one["data"]
    return found


def remove(manifests: Manifests, kind: str, name: str) -> None:
    manifests.objects[:] = [one for one in manifests.objects if (one["kind"], one["metadata"]["name"]) != (kind, name)]


def admit(manifests: Manifests, name: str, direction: str, port: int) -> None:
    spec(manifests, "NetworkPolicy", name)[direction][0]["ports"].append({"protocol": "TCP", "port": port})


LABEL = "app.kubernetes.io/component"
BACKEND = ("Deployment", "backend")
MISTAKES: list[tuple[str, str, Mistake]] = [
    ("schemas", "an unknown field", lambda m: spec(m, *BACKEND).update(replica=2)),
    ("schemas", "a kind that there is not", lambda m: m.objects[0].update(kind="Namespaces")),
    ("namespaces", "no standard", lambda m: m.of("Namespace")[0]["metadata"]["labels"].clear()),
    ("namespaces", "another namespace", lambda m: m.of("Service")[0]["metadata"].update(namespace="other")),
    ("selectors", "service", lambda m: spec(m, "Service", "frontend")["selector"].update({LABEL: "backend"})),
    ("selectors", "service of all", lambda m: spec(m, "Service", "backend")["selector"].pop(LABEL)),
    ("selectors", "deployment", lambda m: spec(m, *BACKEND)["selector"]["matchLabels"].update({LABEL: "server"})),
    (
        "selectors",
        "budget",
        lambda m: spec(m, "PodDisruptionBudget", "backend")["selector"]["matchLabels"].update({LABEL: "server"}),
    ),
    (
        "selectors",
        "spread",
        lambda m: pod(m, "backend")["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"].update(x="y"),
    ),
    ("spread", "nodes alone", lambda m: pod(m, "backend")["topologySpreadConstraints"].pop(0)),
    ("service_ports", "a name", lambda m: spec(m, "Service", "frontend")["ports"][0].update(targetPort="https")),
    ("service_ports", "headless", lambda m: spec(m, "Service", "backend")["ports"][0].update(port=80)),
    ("service_ports", "a host without TLS", lambda m: spec(m, "Ingress", "frontend").update(tls=[])),
    (
        "service_ports",
        "an unknown service",
        lambda m: spec(m, "Ingress", "frontend")["rules"][0]["http"]["paths"][0]["backend"]["service"].update(name="x"),
    ),
    ("upstream", "an address of its own", lambda m: spec(m, "Service", "backend").pop("clusterIP")),
    ("upstream", "another name", lambda m: settings(m, "frontend").update(NGINX_BACKEND="server:5000")),
    ("upstream", "another port", lambda m: settings(m, "frontend").update(NGINX_BACKEND="backend:80")),
    ("upstream", "not ready", lambda m: spec(m, "Service", "backend").update(publishNotReadyAddresses=True)),
    ("references", "no settings", lambda m: remove(m, "ConfigMap", container(m)["envFrom"][0]["configMapRef"]["name"])),
    ("references", "a committed secret", lambda m: m.objects.append({"kind": "Secret", "metadata": {"name": "x"}})),
    ("references", "an unknown key", lambda m: settings(m).update(SECRET_KEY_FILE="/run/secrets/factory/key")),
    ("references", "another directory", lambda m: settings(m).update(SECRET_KEY_FILE="/run/secrets/secret_key")),
    ("references", "another secret", lambda m: pod(m, "migrate")["volumes"][0]["secret"].update(secretName="x")),
    ("references", "no volume", lambda m: pod(m, "backend")["volumes"].pop()),
    ("options", "an unknown option", lambda m: settings(m).update(WEB_WORKER="2")),
    ("options", "a file of what is no secret", lambda m: settings(m).update(LOG_LEVEL_FILE="/x")),
    ("options", "a bad value", lambda m: settings(m).update(WEB_WORKERS="many")),
    ("options", "no key to sign with", lambda m: settings(m).pop("SECRET_KEY_FILE")),
    ("options", "an unknown one of NGINX", lambda m: settings(m, "frontend").update(NGINX_WORKERS="2")),
    ("probes", "none", lambda m: container(m).pop("startupProbe")),
    ("probes", "no route", lambda m: container(m)["livenessProbe"]["httpGet"].update(path="/api/v1/health/alive")),
    (
        "probes",
        "a route for callers",
        lambda m: container(m)["livenessProbe"]["httpGet"].update(path="/api/v1/events/"),
    ),
    ("probes", "no location", lambda m: container(m, "frontend")["livenessProbe"]["httpGet"].update(path="/status")),
    ("probes", "no port", lambda m: container(m)["readinessProbe"]["httpGet"].update(port="web")),
    (
        "probes",
        "restarted without a database",
        lambda m: container(m)["livenessProbe"]["httpGet"].update(path="/api/v1/health/ready"),
    ),
    ("rollouts", "at once", lambda m: spec(m, *BACKEND)["strategy"]["rollingUpdate"].update(maxUnavailable=1)),
    ("rollouts", "recreated", lambda m: spec(m, *BACKEND).update(strategy={"type": "Recreate"})),
    ("rollouts", "killed", lambda m: pod(m, "backend").update(terminationGracePeriodSeconds=60)),
    ("rollouts", "too soon", lambda m: container(m)["lifecycle"]["preStop"]["exec"].update(command=["sleep", "20"])),
    (
        "scaling",
        "a target that there is not",
        lambda m: spec(m, "HorizontalPodAutoscaler", "backend")["scaleTargetRef"].update(name="server"),
    ),
    ("scaling", "two say how many", lambda m: spec(m, *BACKEND).update(replicas=3)),
    ("scaling", "too late", lambda m: settings(m).update(MAX_REQUESTS_IN_FLIGHT="16")),
    ("scaling", "processor alone", lambda m: spec(m, "HorizontalPodAutoscaler", "backend")["metrics"].pop()),
    (
        "scaling",
        "an unknown metric",
        lambda m: spec(m, "HorizontalPodAutoscaler", "backend")["metrics"][1]["pods"]["metric"].update(name="x"),
    ),
    ("scaling", "none", lambda m: remove(m, "HorizontalPodAutoscaler", "backend")),
    ("disruptions", "none", lambda m: remove(m, "PodDisruptionBudget", "frontend")),
    ("disruptions", "the last one", lambda m: spec(m, "HorizontalPodAutoscaler", "backend").update(minReplicas=1)),
    ("disruptions", "no drain", lambda m: spec(m, "PodDisruptionBudget", "backend").update(maxUnavailable=0)),
    ("images", "no tag", lambda m: container(m).update(image="images.example.org:443/factory-backend")),
    ("images", "latest", lambda m: container(m).update(image="factory-backend:latest")),
    ("images", "two releases", lambda m: container(m, "frontend").update(image="factory-frontend:0.9.0")),
    ("hardening", "root", lambda m: pod(m, "migrate")["securityContext"].update(runAsNonRoot=False)),
    ("hardening", "another user", lambda m: pod(m, "frontend")["securityContext"].update(runAsUser=1000)),
    ("hardening", "no seccomp", lambda m: pod(m, "backend")["securityContext"].pop("seccompProfile")),
    ("hardening", "a token", lambda m: pod(m, "backend").pop("automountServiceAccountToken")),
    ("hardening", "links", lambda m: pod(m, "backend").pop("enableServiceLinks")),
    ("hardening", "the node's network", lambda m: pod(m, "backend").update(hostNetwork=True)),
    ("hardening", "the node's files", lambda m: pod(m, "backend")["volumes"].append({"hostPath": {"path": "/"}})),
    ("hardening", "a writable root", lambda m: container(m)["securityContext"].pop("readOnlyRootFilesystem")),
    ("hardening", "escalation", lambda m: container(m)["securityContext"].pop("allowPrivilegeEscalation")),
    ("hardening", "capabilities", lambda m: container(m)["securityContext"].pop("capabilities")),
    ("hardening", "no limit", lambda m: container(m)["resources"]["limits"].pop("memory")),
    ("hardening", "no request", lambda m: container(m, "migrate")["resources"].pop("requests")),
    ("network", "no denial", lambda m: remove(m, "NetworkPolicy", "default-deny")),
    ("network", "no names", lambda m: remove(m, "NetworkPolicy", "names")),
    ("network", "no frontend", lambda m: remove(m, "NetworkPolicy", "backend-from-frontend")),
    ("network", "a port too many in", lambda m: admit(m, "frontend-from-ingress", "ingress", 8081)),
    ("network", "a port too many out", lambda m: admit(m, "backend-to-redis", "egress", 443)),
    (
        "network",
        "names without UDP",
        lambda m: spec(m, "NetworkPolicy", "names")["egress"][0]["ports"].pop(0),
    ),
    ("network", "all ports", lambda m: spec(m, "NetworkPolicy", "backend-to-redis")["egress"][0].pop("ports")),
    ("network", "everybody", lambda m: spec(m, "NetworkPolicy", "to-postgresql")["egress"][0].pop("to")),
    (
        "network",
        "every address",
        lambda m: spec(m, "NetworkPolicy", "to-postgresql").update(
            egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"protocol": "TCP", "port": 5432}]}]
        ),
    ),
    (
        "network",
        "pods that there are not",
        lambda m: spec(m, "NetworkPolicy", "backend-from-frontend")["ingress"][0]["from"][0]["podSelector"][
            "matchLabels"
        ].update({LABEL: "proxy"}),
    ),
    ("network", "a type left out", lambda m: spec(m, "NetworkPolicy", "names").update(policyTypes=["Ingress"])),
    (
        "release_order",
        "a server before the migration",
        lambda m: next(iter(m.of("Deployment")))["metadata"]["labels"].pop(LABEL),
    ),
    (
        "release_order",
        "a policy after it",
        lambda m: m.of("NetworkPolicy")[0]["metadata"]["labels"].update({LABEL: "backend"}),
    ),
]


@pytest.mark.parametrize(
    ("check", "mistake"), [(c, m) for c, _, m in MISTAKES], ids=[f"{c}: {w}" for c, w, _ in MISTAKES]
)
def test_a_mistake_is_found(check: str, mistake: Mistake) -> None:
    manifests = Manifests(objects_of("production"))
    mistake(manifests)

    assert list(CHECKS[check](manifests)) != []


def test_every_check_has_a_mistake_that_it_finds() -> None:
    assert {check for check, _, _ in MISTAKES} == CHECKS.keys()


def test_the_guide_names_the_keys_of_the_secret() -> None:
    assert documented_keys() == EXAMPLES.keys()


def adapter_query() -> str:
    """Return the expression that prometheus-adapter makes of its rule, for the pods of a namespace."""
    [rule] = yaml.safe_load((KUBERNETES / "monitoring" / "adapter.yml").read_text())["rules"]
    query: str = rule["metricsQuery"]
    for template, value in {
        "<<.Series>>": rule["seriesQuery"].partition("{")[0],
        "<<.LabelMatchers>>": 'namespace="factory",pod=~"backend-1|backend-2"',
        "<<.GroupBy>>": "pod",
    }.items():
        query = query.replace(template, value)
    return query


def promtool(*arguments: str) -> None:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_adapter_tells_of_each_pod_how_many_requests_are_under_way(tmp_path: Path) -> None:
    labels = 'job="backend",namespace="factory"'
    series = {
        f'factory_requests_in_flight{{{labels},pod="backend-1"}}': "10x20",
        f'factory_requests_in_flight{{{labels},pod="backend-2"}}': "30x20",
        'factory_requests_in_flight{job="backend",namespace="other",pod="backend-1"}': "99x20",
    }
    samples = [{"labels": f'{{pod="backend-{number}"}}', "value": value} for number, value in ((1, 10), (2, 30))]
    test = {
        "interval": "15s",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "promql_expr_test": [{"expr": adapter_query(), "eval_time": "4m", "exp_samples": samples}],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"tests": [test]}))

    promtool("test", "rules", str(tmp_path / "test.yml"))


def test_prometheus_reads_the_job_that_scrapes_backends(tmp_path: Path) -> None:
    configuration = yaml.safe_load((KUBERNETES / "monitoring" / "scrape.yml").read_text())
    [job] = configuration["scrape_configs"]
    # Debian's Prometheus is built without the discovery of Kubernetes, and the token is a secret.
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod", "namespaces": {"names": ["factory"]}}]
    job["authorization"]["credentials_file"] = str(tmp_path / "token")
    (tmp_path / "token").write_text("token")
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(configuration))

    promtool("check", "config", str(tmp_path / "prometheus.yml"))


FAKE_KUBECTL = """\
#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in
    kustomize*) echo objects ;;
    *"get job migrate"*) echo "$MIGRATION" ;;
    apply*) cat >/dev/null ;;
esac
"""


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """Return a function that runs the script of a release on a stand-in API server: exit code and requests."""
    (tmp_path / "kubectl").write_text(FAKE_KUBECTL)
    (tmp_path / "kubectl").chmod(0o755)

    def run(*arguments: str, migration: str = "SuccessCriteriaMet Complete") -> tuple[int, list[str]]:
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CALLS": str(tmp_path / "calls"), "MIGRATION": migration}
        command = [str(KUBERNETES / "release"), *arguments]
        done = subprocess.run(
            command, env=environment | {"PATIENCE_SECONDS": "4"}, capture_output=True, text=True, check=False
        )
        return done.returncode, (tmp_path / "calls").read_text().splitlines()

    return run


def steps(calls: list[str]) -> list[str]:
    """Return the requests to the API server in turn, as far as they change pods."""
    known = {"component notin": "settings", "component=migrate": "migration", "component in": "pods", "rollout": "wait"}
    return [step for call in calls for words, step in known.items() if words in call]


def test_a_release_migrates_before_it_rolls_out(release: Release) -> None:
    code, calls = release("production")

    assert code == 0
    assert steps(calls) == ["settings", "migration", "pods", "wait", "wait"]
    assert all("--namespace factory" in call for call in calls if not call.startswith(("kustomize", "apply")))


@pytest.mark.parametrize("migration", ["FailureTarget Failed", ""])
def test_a_release_whose_migration_does_not_succeed_rolls_nothing_out(release: Release, migration: str) -> None:
    code, calls = release("staging", migration=migration)

    assert code == 1
    assert steps(calls) == ["settings", "migration"]
