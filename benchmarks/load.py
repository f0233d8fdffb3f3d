"""The load generator: one process, raw sockets, requests that were made before.

Each connection sends the next request as soon as its last one is answered.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from benchmarks.child import be_child, read_parts


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.rest = memoryview(b"")
        self.answer = bytearray()
        self.sent_at = 0.0

    def begin(self, request: bytes) -> None:
        self.rest, self.answer, self.sent_at = memoryview(request), bytearray(), time.perf_counter()
        self.send()

    def send(self) -> None:
        try:
            while self.rest:
                self.rest = self.rest[self.socket.send(self.rest) :]
        except BlockingIOError:
            pass

    def receive(self) -> bool:
        """Whether the answer is complete."""
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return False
        if not data:
            raise ConnectionError("the server hung up")
        self.answer += data
        end = self.answer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self.answer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        return len(self.answer) >= end + 4 + length


def _prepare(given: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    requests = read_parts(given["file"])
    last = [given["last"].encode()] if given["last"] else []
    connections = [_Connection(given["port"]) for _ in range(min(given["connections"], len(requests)))]

    def run() -> dict[str, Any]:
        deadline = time.perf_counter() + (given["seconds"] or 1e9)
        latencies, statuses, _ = _drive(connections, requests, deadline)
        # What was sent counts only when the numbers show it.
        lasts, last_statuses, body = _drive(connections[:1], last, float("inf"))
        return {
            "requests": len(latencies),
            "statuses": statuses + last_statuses,
            "latencies": sorted(latencies),
            "last_latency": lasts[0] if lasts else None,
            "last_body": body,
        }

    return run


def _drive(
    connections: list[_Connection], requests: list[bytes], deadline: float
) -> tuple[list[float], Counter[str], str]:
    """Seconds of each request, how many answers of each status, and the last body."""
    latencies: list[float] = []
    statuses: Counter[str] = Counter()
    body = ""
    remaining = iter(requests)
    with selectors.DefaultSelector() as selector:

        def next_one(connection: _Connection) -> bool:
            request = next(remaining, None) if time.perf_counter() < deadline else None
            if request is None:
                return False
            connection.begin(request)
            return True

        for connection in connections:
            if next_one(connection):
                selector.register(connection.socket, _interest(connection), connection)
        while selector.get_map():
            for key, ready in selector.select():
                connection = key.data
                if ready & selectors.EVENT_WRITE:
                    connection.send()
                if ready & selectors.EVENT_READ and connection.receive():
                    latencies.append(time.perf_counter() - connection.sent_at)
                    statuses[connection.answer[9:12].decode()] += 1
                    if not next_one(connection):
                        body = connection.answer.split(b"\r\n\r\n", 1)[1].decode()
                        selector.unregister(connection.socket)
                        continue
                if key.events != _interest(connection):
                    selector.modify(connection.socket, _interest(connection), connection)
    return latencies, statuses, body


def _interest(connection: _Connection) -> int:
    return selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.rest else 0)


if __name__ == "__main__":
    be_child(_prepare)
