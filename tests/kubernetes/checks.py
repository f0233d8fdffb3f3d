"""Checks of the manifests beyond what a schema can say: each names what is wrong, a sentence each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from kubernetes_validate import SchemaNotFoundError, ValidationError, validate
from tests.conftest import make_settings
from tests.kubernetes.manifests import KUBERNETES, ROOT, Manifests, Object, label, matches, port_numbers
from tests.kubernetes.network import network
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from factory.app import create_app
from factory.server import gunicorn_config
from factory.settings import SettingsError, declared_options, load_settings

Check = Callable[[Manifests], Iterator[str]]

SECRETS = "/run/secrets/factory/"
NAMES_REMEMBERED_SECONDS = 30
"""Time for which the cluster's name server may tell of a pod that has left its Service."""
RESTRICTED = "pod-security.kubernetes.io/enforce"
EXAMPLES = {
    "database_url": "postgresql://factory:secret@db/factory?sslmode=require",
    "replica_url": "postgresql://factory:secret@db2/factory?sslmode=require",
    "secret_key": "an example of a secret key, long enough to sign with",
    "metrics_token": "a token for Prometheus",
    "redis_url": "rediss://:secret@redis:6379/0",
    "oidc_client_secret": "a secret of the provider",
}


@cache
def documented_keys() -> frozenset[str]:
    """Return the keys of the Secret `backend`, which nobody but the operator has, as the guide lists them."""
    guide = (ROOT / "docs" / "operations" / "kubernetes.md").read_text(encoding="utf-8")
    table = guide.partition("| key of `backend` |")[2].partition("\n\n")[0]
    return frozenset(re.findall(r"^\| `([a-z_]+)` ", table, flags=re.MULTILINE))


@cache
def routes() -> MapAdapter:
    """Return the addresses of the application."""
    with TemporaryDirectory() as directory:
        app = create_app(make_settings(f"sqlite:///{directory}/factory.db"))
        app.extensions["factory_store"].close()
    return app.url_map.bind("localhost")


def dockerfile(container: Object) -> str:
    """Return the recipe of a container's image."""
    name = container["image"].rpartition(":")[0].rpartition("-")[2]
    return (ROOT / f"Dockerfile.{name}").read_text(encoding="utf-8")


def schemas(manifests: Manifests, version: str = "1.37") -> Iterator[str]:
    for one in manifests.objects:
        try:
            validate(one, version, strict=True)
        except ValidationError as error:
            yield f"{label(one)}: {error.message}"
        except SchemaNotFoundError as error:
            yield f"{label(one)}: {error.message}"


def namespaces(manifests: Manifests) -> Iterator[str]:
    [namespace] = manifests.of("Namespace")
    if namespace["metadata"]["labels"].get(RESTRICTED) != "restricted":
        yield "the namespace does not enforce the Pod Security Standard restricted"
    for one in manifests.objects:
        if one is not namespace and one["metadata"].get("namespace") != namespace["metadata"]["name"]:
            yield f"{label(one)} is not in the namespace"


def selectors(manifests: Manifests) -> Iterator[str]:
    """Each selector finds pods of one workload, its own where it has some."""
    for one in manifests.of("Service"):
        if manifests.selected({"matchLabels": one["spec"]["selector"]}) != [one["metadata"]["name"]]:
            yield f"{label(one)} does not select the pods of its name"
    for one in [*manifests.of("Deployment"), *manifests.of("PodDisruptionBudget")]:
        if manifests.selected(one["spec"]["selector"]) != [one["metadata"]["name"]]:
            yield f"{label(one)} does not select the pods of its name"
    for name, labels, pod in manifests.pods():
        for spread in pod.get("topologySpreadConstraints", []):
            if not matches(spread["labelSelector"], labels):
                yield f"{name} is spread over {spread['topologyKey']} by the labels of others"


def spread(manifests: Manifests) -> Iterator[str]:
    for one in manifests.of("Deployment"):
        constraints = one["spec"]["template"]["spec"].get("topologySpreadConstraints", [])
        missing = {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        missing -= {each["topologyKey"] for each in constraints}
        yield from (f"{label(one)} is not spread over {key}" for key in sorted(missing))


def service_ports(manifests: Manifests) -> Iterator[str]:
    pods = {name: pod for name, _, pod in manifests.pods()}
    for one in manifests.of("Service"):
        known = port_numbers(pods[one["metadata"]["name"]])
        for port in one["spec"]["ports"]:
            if port["targetPort"] not in known:
                yield f"{label(one)} leads to the port {port['targetPort']}, which no container names"
            if one["spec"].get("clusterIP") == "None" and known.get(port["targetPort"]) != port["port"]:
                yield f"{label(one)} has no address of its own, so {port['port']} has to be the container's port"
    for one in manifests.of("Ingress"):
        hosts = {host for tls in one["spec"].get("tls", []) for host in tls["hosts"]}
        for rule in one["spec"]["rules"]:
            if rule["host"] not in hosts:
                yield f"{label(one)} serves {rule['host']} without TLS"
            for path in rule["http"]["paths"]:
                target = path["backend"]["service"]
                service = manifests.named("Service", target["name"])
                if service is None or target["port"]["name"] not in {each["name"] for each in service["spec"]["ports"]}:
                    yield f"{label(one)} leads to {target['name']}, which has no such port"


def upstream(manifests: Manifests) -> Iterator[str]:
    """NGINX asks for the addresses of the pods: a Service without an address of its own, on the backends' port."""
    for name, _, container in manifests.containers():
        told = manifests.environment(container).get("NGINX_BACKEND")
        if told is not None:
            host, _, port = told.partition(":")
            service = manifests.named("Service", host)
            if service is None or service["spec"].get("clusterIP") != "None":
                yield f"{name} looks for backends at {host}, which is no headless Service"
            elif int(port) not in {each["port"] for each in service["spec"]["ports"]}:
                yield f"{name} looks for backends at the port {port}, which {host} does not have"
            elif service["spec"].get("publishNotReadyAddresses"):
                yield f"{name} would hear of backends that are ending"


def references(manifests: Manifests) -> Iterator[str]:
    for one in manifests.of("Secret"):
        yield f"{label(one)} stands among the manifests; secrets are the operator's"
    for name, pod, container in manifests.containers():
        for source in container.get("envFrom", []):
            if "configMapRef" not in source or manifests.named("ConfigMap", source["configMapRef"]["name"]) is None:
                yield f"{name} takes variables from {source}, which is not among the manifests"
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                yield f"{name} mounts {mount['name']}, which is no volume of it"
            elif volumes[mount["name"]].get("secret", {}).get("secretName", "backend") != "backend":
                yield f"{name} mounts a Secret that the guide does not name"
        mounted = {
            each["mountPath"] for each in container.get("volumeMounts", []) if "secret" in volumes.get(each["name"], {})
        }
        for variable, path in manifests.environment(container).items():
            directory, _, key = path.rpartition("/")
            if variable.endswith("_FILE") and (directory not in mounted or key not in documented_keys()):
                yield f"{name} reads {variable} from {path}: no key of a Secret that it mounts and the guide names"


def options(manifests: Manifests) -> Iterator[str]:
    """Every variable is a declared one, and a backend starts with them."""
    declared = declared_options().values()
    known = {one.name for one in declared} | {f"{one.name}_FILE" for one in declared if one.secret}
    for name, _, container in manifests.containers():
        recipe = dockerfile(container)
        environment = manifests.environment(container)
        nginx = set(re.findall(r"\b(NGINX_[A-Z_]+)=", recipe))
        for variable in sorted(environment.keys() - (nginx or known)):
            yield f"{name} is told {variable}, which is no option"
        if not nginx:
            yield from (f"{name} does not start: {problem}" for problem in _problems_of_start(environment))


def _problems_of_start(environment: dict[str, str]) -> list[str]:
    with TemporaryDirectory() as directory:
        for key, value in EXAMPLES.items():
            (Path(directory) / key).write_text(value, encoding="utf-8")
        given = {name: value.replace(SECRETS, f"{directory}/") for name, value in environment.items()}
        try:
            load_settings({"HOST": "0.0.0.0", **given})
        except SettingsError as error:
            return error.problems
    return []


def probes(manifests: Manifests) -> Iterator[str]:
    """Each container of a Deployment has all three, at an address that is answered without a credential."""
    nginx = (ROOT / "deploy" / "nginx" / "nginx.conf").read_text(encoding="utf-8")
    for one in manifests.of("Deployment"):
        for container in one["spec"]["template"]["spec"]["containers"]:
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                asked = container.get(kind, {}).get("httpGet", {"path": "", "port": ""})
                if asked["port"] not in ports:
                    yield f"{label(one)} has no {kind} at a port of {container['name']}"
                elif one["metadata"]["name"] == "backend":
                    if not asked["path"].startswith("/api/v1/health/") or not _is_route(asked["path"]):
                        yield f"{label(one)}: {asked['path']} of the {kind} is no route of the health of a server"
                elif asked["path"] != "/" and f"location = {asked['path']} " not in nginx:
                    yield f"{label(one)}: {asked['path']} of the {kind} is no location of NGINX"
            ready, live = (container.get(kind, {}).get("httpGet", {}) for kind in ("readinessProbe", "livenessProbe"))
            if ready == live:
                yield f"{label(one)} is restarted where it should only be left alone"


def _is_route(path: str) -> bool:
    try:
        rule, _ = routes().match(path, method="GET", return_rule=True)
    except HTTPException:
        return False
    return "<path:" not in rule.rule


def rollouts(manifests: Manifests) -> Iterator[str]:
    """Check that a release takes no pod away before another is ready, and that a pod that ends answers its requests."""
    nginx = (ROOT / "deploy" / "nginx" / "proxy.conf").read_text(encoding="utf-8")
    [answer] = re.findall(r"proxy_read_timeout (\d+)s;", nginx)
    work = {"backend": gunicorn_config.graceful_timeout, "frontend": int(answer)}
    known = {"backend": NAMES_REMEMBERED_SECONDS, "frontend": 5}
    for one in manifests.of("Deployment"):
        name, pod = one["metadata"]["name"], one["spec"]["template"]["spec"]
        strategy = one["spec"].get("strategy", {})
        if strategy.get("type") != "RollingUpdate" or strategy["rollingUpdate"]["maxUnavailable"] != 0:
            yield f"{label(one)} takes pods away before others are ready"
        waits = 0
        for container in pod["containers"]:
            command = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])
            waits = max(waits, int(command[1]))
        if waits <= known[name]:
            yield f"{label(one)} ends while others are still told of it"
        if pod.get("terminationGracePeriodSeconds", 30) <= waits + work[name]:
            yield f"{label(one)} is killed before it may have answered what it has begun"


def scaling(manifests: Manifests) -> Iterator[str]:
    adapter = (KUBERNETES / "monitoring" / "adapter.yml").read_text(encoding="utf-8")
    for one in manifests.of("HorizontalPodAutoscaler"):
        target = one["spec"]["scaleTargetRef"]
        found = manifests.named(target["kind"], target["name"])
        if found is None or found["apiVersion"] != target["apiVersion"]:
            yield f"{label(one)} scales {target['name']}, which there is not"
            continue
        if "replicas" in found["spec"]:
            yield f"{label(found)} says how many there are, and so does {label(one)}"
        [container] = found["spec"]["template"]["spec"]["containers"]
        environment = manifests.environment(container)
        names = set()
        for metric in one["spec"]["metrics"]:
            if metric["type"] == "Resource":
                names.add(metric["resource"]["name"])
                continue
            names.add(metric["pods"]["metric"]["name"])
            if f"as: {metric['pods']['metric']['name']}\n" not in adapter:
                yield f"{label(one)} goes by {metric['pods']['metric']['name']}, which the adapter does not tell"
            limit = _most_in_flight(environment)
            if int(metric["pods"]["target"]["averageValue"]) > limit / 2:
                yield f"{label(one)} adds pods when more than half of what one takes on, {limit}, is under way"
        if names != {"cpu", "factory_requests_in_flight"}:
            yield f"{label(one)} goes by {names}"
    if {one["spec"]["scaleTargetRef"]["name"] for one in manifests.of("HorizontalPodAutoscaler")} != {"backend"}:
        yield "the backends are not scaled"


def _most_in_flight(environment: dict[str, str]) -> int:
    """Return the number of requests that a pod takes on."""
    known = {name: environment[name] for name in ("WEB_WORKERS", "MAX_REQUESTS_IN_FLIGHT") if name in environment}
    settings = load_settings(known)
    return settings.web_workers * settings.max_requests_in_flight


def disruptions(manifests: Manifests) -> Iterator[str]:
    """Check that a drain of a node may take a pod of each Deployment, and never the last."""
    fewest = {one["metadata"]["name"]: one["spec"].get("replicas", 1) for one in manifests.of("Deployment")}
    for one in manifests.of("HorizontalPodAutoscaler"):
        fewest[one["spec"]["scaleTargetRef"]["name"]] = one["spec"]["minReplicas"]
    for name, pods in fewest.items():
        budget = manifests.named("PodDisruptionBudget", name)
        if budget is None:
            yield f"{name} has no PodDisruptionBudget"
        elif not 1 <= budget["spec"]["maxUnavailable"] < pods:
            yield f"of {pods} pods of {name} {budget['spec']['maxUnavailable']} may be taken away"


def images(manifests: Manifests) -> Iterator[str]:
    for name, _, container in manifests.containers():
        tag = container["image"].rpartition("/")[2].partition(":")[2]
        if tag in ("", "latest"):
            yield f"{name} runs {container['image']}, which is no particular release"
    if len({container["image"].rpartition(":")[2] for _, _, container in manifests.containers()}) != 1:
        yield "the images are not of one release"


def hardening(manifests: Manifests) -> Iterator[str]:
    for name, _, pod in manifests.pods():
        security = pod.get("securityContext", {})
        if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{name} may call whatever the kernel offers"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name} has a token for the API server"
        if pod.get("enableServiceLinks") is not False:
            yield f"{name} gets variables of every Service"
        if {"hostNetwork", "hostPID", "hostIPC"} & pod.keys() or any("hostPath" in one for one in pod["volumes"]):
            yield f"{name} shares something with its node"
        if security.get("runAsNonRoot") is not True:
            yield f"{name} may run as root"
        for container in pod["containers"]:
            user = f"USER {security.get('runAsUser')}:{security.get('runAsGroup')}\n"
            if user not in dockerfile(container):
                yield f"{name} runs as another user than its image"
    for name, _, container in manifests.containers():
        security = container.get("securityContext", {})
        if security.get("readOnlyRootFilesystem") is not True:
            yield f"{name} can write its root file system"
        if security.get("allowPrivilegeEscalation") is not False:
            yield f"{name} can gain privileges"
        if security.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{name} keeps capabilities"
        for kind in ("requests", "limits"):
            if not {"cpu", "memory", "ephemeral-storage"} <= container.get("resources", {}).get(kind, {}).keys():
                yield f"{name} has no {kind} of processor, memory and disk"


def release_order(manifests: Manifests) -> Iterator[str]:
    """Each object is in one step of deploy/kubernetes/release: whatever pods need, the migration, the servers."""
    script = (KUBERNETES / "release").read_text(encoding="utf-8")
    migration, first, servers = re.findall(r'^ *apply "\$component(.*)"$', script, flags=re.MULTILINE)
    [names] = re.findall(r"^ in \((.*)\)$", servers)
    after = [migration.removeprefix("="), *names.split(",")]
    if first != f" notin ({','.join(names.split(',') + after[:1])})":
        yield "the steps of a release do not make up a whole"
    for one in manifests.objects:
        component = one["metadata"].get("labels", {}).get("app.kubernetes.io/component")
        if one in manifests.workloads() and component not in after:
            yield f"{label(one)} would be started before the migration"
        if one["kind"] in ("ConfigMap", "Namespace", "NetworkPolicy") and component in after:
            yield f"{label(one)} would come after the migration, which needs it"


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        schemas,
        namespaces,
        selectors,
        spread,
        service_ports,
        upstream,
        references,
        options,
        probes,
        rollouts,
        scaling,
        disruptions,
        images,
        hardening,
        network,
        release_order,
    )
}
