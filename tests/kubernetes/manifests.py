"""The objects that an overlay renders to, and how they hang together."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())

Object = dict[str, Any]
Labels = dict[str, str]


@cache
def rendered(overlay: str) -> str:
    """Return the text that `kubectl apply -k` would send."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed (Debian: apt-get install kubernetes-client)")
    command = [kubectl, "kustomize", str(KUBERNETES / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects_of(overlay: str) -> list[Object]:
    """Fresh copies, to be changed at will."""
    return list(yaml.safe_load_all(rendered(overlay)))


class Manifests:
    """The objects of one overlay."""

    def __init__(self, objects: list[Object]) -> None:
        self.objects = objects

    def of(self, kind: str) -> list[Object]:
        return [one for one in self.objects if one["kind"] == kind]

    def named(self, kind: str, name: str) -> Object | None:
        return next((one for one in self.of(kind) if one["metadata"]["name"] == name), None)

    def workloads(self) -> list[Object]:
        """Whatever makes pods."""
        return [one for one in self.objects if "template" in one.get("spec", {})]

    def pods(self) -> Iterator[tuple[str, Labels, Object]]:
        """Of each workload its name, and the labels and the specification of its pods."""
        for one in self.workloads():
            template = one["spec"]["template"]
            yield one["metadata"]["name"], template["metadata"]["labels"], template["spec"]

    def containers(self) -> Iterator[tuple[str, Object, Object]]:
        """Of each container its workload's name, its pod's specification and its own."""
        for name, _, pod in self.pods():
            for container in [*pod["containers"], *pod.get("initContainers", [])]:
                yield name, pod, container

    def selected(self, selector: Object) -> list[str]:
        """Return the workloads whose pods a selector of labels matches; an empty one matches all."""
        return [name for name, labels, _ in self.pods() if matches(selector, labels)]

    def environment(self, container: Object) -> Labels:
        """Return the variables that a container gets; a ConfigMap that is not there gives none."""
        found: Labels = {}
        for source in container.get("envFrom", []):
            settings = self.named("ConfigMap", source["configMapRef"]["name"])
            found |= settings["data"] if settings else {}
        return found | {one["name"]: one.get("value", "") for one in container.get("env", [])}


def label(one: Object) -> str:
    return f"{one['kind']} {one['metadata']['name']}"


def matches(selector: Object, labels: Labels) -> bool:
    """Return whether a LabelSelector matches; of its expressions, those with In."""
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(
        one["operator"] == "In" and labels.get(one["key"]) in one["values"]
        for one in selector.get("matchExpressions", [])
    )


def port_numbers(pod: Object) -> dict[str, int]:
    """Return the named ports of a pod."""
    return {port["name"]: port["containerPort"] for one in pod["containers"] for port in one.get("ports", [])}
