"""The budget of an address: what is counted, and that no way of writing an address goes round it."""

from __future__ import annotations

import socket
from collections import Counter

import pytest
from tests.nginx.conftest import SETTINGS, Nginx, wait_for

BURST = 400
"""Of readings, in site.conf."""


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/workers/",
        "/api/v1/workers/x%20/api/v1/health",
        "/api/v1/workers/x%0a%20/api/v1/health",
        "/api/v1/healthxyz",
        "/api/v1/health/../workers/",
        "//api/v1/workers/",
    ],
)
def test_readings_of_an_address_have_a_budget(nginx: Nginx, path: str) -> None:
    answers = Counter(nginx.ask("GET", path).status for _ in range(BURST + 10))

    assert answers[429] >= 9  # a second may have brought one more


def test_health_and_the_page_can_be_asked_for_without_end(nginx: Nginx) -> None:
    paths = ("/api/v1/health", "/api/v1/health/ready", "/api/v1/health/live/", "/")

    answers = {path: {nginx.ask("GET", path).status for _ in range(BURST + 10)} for path in paths}

    assert all(429 not in statuses for statuses in answers.values())


def test_an_address_has_so_many_requests_under_way_and_no_more(nginx: Nginx) -> None:
    most = int(SETTINGS["NGINX_CONNECTIONS"])
    head = b"POST /api/v1/events/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345"
    slow = [socket.create_connection(("127.0.0.1", nginx.port)) for _ in range(most)]
    try:
        for client in slow:
            client.sendall(head)
        wait_for(lambda: nginx.ask("GET", "/api/v1/events/").status == 429, "the limit")

        refused = nginx.ask("GET", "/api/v1/events/")
        page = nginx.ask("GET", "/")
        slow[0].sendall(b"67890")
        answered = slow[0].recv(100)
        slow[0].close()
        after = nginx.ask("GET", "/api/v1/events/")
    finally:
        for client in slow:
            client.close()

    assert (refused.body["code"], refused.headers["retry-after"]) == ("too_many_requests", "1")
    assert page.status != 429
    assert answered.startswith(b"HTTP/1.1 200")
    assert after.status == 200
