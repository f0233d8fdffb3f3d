"""The runbooks' address is told to Prometheus from outside deploy/, over which each release is laid."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def test_the_address_of_the_runbooks_is_a_variable_of_the_composition() -> None:
    configuration = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    prometheus = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["prometheus"]

    assert configuration["global"]["external_labels"] == {"runbooks": "${RUNBOOKS_URL}"}
    assert prometheus["environment"]["RUNBOOKS_URL"] == "${RUNBOOKS_URL:-docs/RUNBOOKS.md}"
