"""The product with its sample data, on a free port, for as long as a block lasts."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.server import Server


@contextlib.contextmanager
def sample_server() -> Iterator[str]:
    """Serve the page with data of the last two weeks, deleted at the end; yield its address."""
    with tempfile.TemporaryDirectory(prefix="factory-sample-") as name:
        directory = Path(name)
        database_url = f"sqlite:///{directory / 'factory.db'}"
        with Server(database_url, directory, ENVIRONMENT="development", DEMO_MODE="true") as server:
            status, answer = server.request("POST", "/api/v1/demo/seed")
            if status >= 300:
                raise RuntimeError(f"The sample data was refused: {answer.decode()}")
            yield f"http://127.0.0.1:{server.port}/"
