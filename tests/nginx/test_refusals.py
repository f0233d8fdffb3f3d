"""What NGINX refuses by itself, in the shape of the API's errors: never with a page of its own."""

from __future__ import annotations

import json
import re
import socket

import pytest
from tests.nginx.conftest import SITE, Nginx


def send(port: int, request: bytes) -> tuple[int, dict[str, object]]:
    """Send bytes as they stand; return the status and the body of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
        link.sendall(request)
        link.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: link.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    status = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    assert status, received
    return int(status[1]), json.loads(body)


@pytest.mark.parametrize("clear", [False, True], ids=["site", "redirect"])
@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"GET /../x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /api/../../x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 400),
        (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", 405),
        (b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/7.7\r\nHost: localhost\r\n\r\n", 505),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_cannot_be_read_is_refused_in_the_one_shape(
    nginx: Nginx, request_bytes: bytes, expected: int, clear: bool
) -> None:
    status, body = send(nginx.clear_port if clear else nginx.port, request_bytes)

    assert (status, body["status"]) in {(expected, expected), (400, 400)}
    assert body.keys() == {"error", "code", "status", "timestamp", "path", "request_id"}


@pytest.mark.parametrize("path", ["/api/v1/events/", "/api", "/api/v1/openapi.json", "//api/v1/events/", "/%61pi/v1/"])
def test_the_api_is_not_led_from_http_to_https(nginx: Nginx, path: str) -> None:
    for method in ("GET", "POST"):
        key = "Authorization: Bearer fk_x"
        length = "Content-Length: 0"
        request = f"{method} {path} HTTP/1.1\r\nHost: {SITE}\r\n{key}\r\n{length}\r\nConnection: close\r\n\r\n"
        status, body = send(nginx.clear_port, request.encode())
        assert (status, body["code"]) == (403, "https_required")


def test_the_page_is_led_to_https(nginx: Nginx) -> None:
    with socket.create_connection(("127.0.0.1", nginx.clear_port), timeout=5) as link:
        link.sendall(f"GET /?view=workers HTTP/1.1\r\nHost: {SITE}\r\nConnection: close\r\n\r\n".encode())
        received = b"".join(iter(lambda: link.recv(65536), b"")).decode()
    assert received.startswith("HTTP/1.1 308 ")
    assert f"Location: https://{SITE}/?view=workers\r\n" in received


def test_another_name_is_not_answered(nginx: Nginx) -> None:
    for path in ("/", "/api/v1/session/", "/api/v1/session/oidc"):
        request = f"GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        status, body = send(nginx.port, request.encode())
        assert (status, body["code"]) == (421, "misdirected_request")
