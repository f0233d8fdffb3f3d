"""Permitted traffic between workloads, by all network policies together."""

from __future__ import annotations

from collections.abc import Iterator

from tests.kubernetes.manifests import Manifests, Object, label, matches, port_numbers

OUTSIDE = "others"
NAMES = {"UDP 53", "TCP 53"}
OUTSIDE_PORTS = {"backend": NAMES | {"TCP 5432", "TCP 6379"}, "migrate": NAMES | {"TCP 5432"}, "frontend": NAMES}
"""Of the name server, PostgreSQL and Redis, by who asks them."""


def network(manifests: Manifests) -> Iterator[str]:
    """Every pod starts from nothing, and is allowed the peers and ports that it serves and asks, and no other."""
    policies = [one["spec"] for one in manifests.of("NetworkPolicy")]
    if {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} not in policies:
        yield "what no policy allows is not denied"
    ports = {name: port_numbers(pod) for name, _, pod in manifests.pods()}
    backend, frontend = (f"TCP {ports[name]['http']}" for name in ("backend", "frontend"))
    served = {"backend": {("frontend", backend), (OUTSIDE, backend)}, "frontend": {(OUTSIDE, frontend)}}
    asked = {name: {(OUTSIDE, port) for port in numbers} for name, numbers in OUTSIDE_PORTS.items()}
    asked["frontend"].add(("backend", backend))
    for name, labels, _ in manifests.pods():
        about = [one for one in policies if matches(one["podSelector"], labels)]
        for direction, peers, needed in (("ingress", "from", served.get(name, set())), ("egress", "to", asked[name])):
            allowed = {
                (peer, f"{port['protocol']} {port['port']}")
                for rule in (rule for one in about for rule in one.get(direction, []))
                for peer in _peers(manifests, rule.get(peers, []))
                for port in rule.get("ports", [{"protocol": "every", "port": "port"}])
            }
            yield from (f"{name}: {direction} with {one} is allowed" for one in allowed - needed)
            yield from (f"{name}: {direction} with {one} is needed" for one in needed - allowed)
    yield from _strangers(manifests)


def _peers(manifests: Manifests, peers: list[Object]) -> Iterator[str]:
    """Yield the workloads that a rule's peers are, or that they are others; without a peer it is everybody."""
    if not peers:
        yield "everybody"
    for peer in peers:
        ours = "podSelector" in peer and "namespaceSelector" not in peer
        yield from manifests.selected(peer["podSelector"]) if ours else [OUTSIDE]


def _strangers(manifests: Manifests) -> Iterator[str]:
    """Check that a policy is about pods of ours or those of cert-manager, and speaks of those that there are."""
    for one in manifests.of("NetworkPolicy"):
        spec = one["spec"]
        if not manifests.selected(spec["podSelector"]) and one["metadata"]["name"] != "acme-from-ingress":
            yield f"{label(one)} is about no pod of ours"
        if any(kind in spec and kind.capitalize() not in spec["policyTypes"] for kind in ("ingress", "egress")):
            yield f"{label(one)} has rules of a type that it does not name"
        for rule in [*spec.get("ingress", []), *spec.get("egress", [])]:
            for peer in [*rule.get("from", []), *rule.get("to", [])]:
                ours = "podSelector" in peer and "namespaceSelector" not in peer
                if ours and not manifests.selected(peer["podSelector"]):
                    yield f"{label(one)} speaks of pods that there are not"
                if peer.get("ipBlock", {}).get("cidr", "").endswith("/0"):
                    yield f"{label(one)} opens the way to every address"
