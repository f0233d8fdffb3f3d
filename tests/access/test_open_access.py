"""Open access is for the machine itself: a name that leads there from elsewhere is refused."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "[::1]", "LOCALHOST"])
def test_loopback_names_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/api/v1/workers/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["factory.example", "factory.example:5000", "127.0.0.1.attacker.example", "10.0.0.7"])
def test_another_name_is_refused_and_nothing_is_changed(client: FlaskClient, host: str) -> None:
    answer = client.post("/api/v1/workers/", json={"worker_id": "W9"}, headers={"Host": host})

    assert answer.status_code == 403
    assert answer.json is not None
    assert answer.json["code"] == "foreign_host"
    assert client.get("/api/v1/workers/W9").status_code == 404
