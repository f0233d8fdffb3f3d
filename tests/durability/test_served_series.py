"""The processes of a server tell Prometheus one sum, whichever of them answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.servers import RunningServer

IMPORTED = """
import os
before = dict(os.environ)
import factory.server.gunicorn_config
assert dict(os.environ) == before, set(os.environ) - set(before)
"""
REQUESTS = 20


def posted(server: RunningServer) -> float:
    """Return the requests to /events/ that the server says it answered."""
    lines = server.request("GET", "/metrics").content.decode().splitlines()
    counts = [line for line in lines if line.startswith("flask_http_request_total{") and 'method="POST"' in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in counts)


def test_reading_the_configuration_changes_nothing_of_the_process() -> None:
    subprocess.run([sys.executable, "-c", IMPORTED], check=True, timeout=60)


@pytest.mark.parametrize("named", [False, True], ids=["a-directory-of-its-own", "a-named-one"])
def test_every_process_tells_the_sum_of_all(named: bool, tmp_path: Path) -> None:
    temporary, series = tmp_path / "temporary", tmp_path / "series"
    temporary.mkdir()
    options = {"WEB_WORKERS": "2", "TMPDIR": str(temporary)} | (
        {"PROMETHEUS_MULTIPROC_DIR": str(series)} if named else {}
    )
    with RunningServer(f"sqlite:///{tmp_path}/factory.db", tmp_path / "server.log", **options) as server:
        for _ in range(REQUESTS):  # each on a connection of its own, so that both processes answer some
            assert server.request("POST", "/api/v1/events/", b"[]").status in {400, 415, 422}
        assert {posted(server) for _ in range(REQUESTS)} == {REQUESTS}
        [directory] = [series] if named else temporary.glob("factory-metrics-*")
        assert list(directory.glob("*.db")) != []
        assert server.process is not None
        server.process.terminate()
        assert server.process.wait(timeout=60) == 0

    assert directory.exists() == named
    if named:
        with server:
            assert posted(server) == 0, "the series of the run before are forgotten"
