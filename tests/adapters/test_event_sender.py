"""The sender: its work on each answer of a server, and the events that it keeps on disk."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from factory.adapters.events.event_sender import EventSender, SendingRefused
from factory.adapters.events.event_spool import EventSpool, SpoolInUse


@dataclass
class Answering:
    """A server that gives the planned answers, then takes everything."""

    planned: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    received: list[list[Any]] = field(default_factory=list)
    largest: int = 10_000
    url: str = ""

    def answer(self, events: list[Any]) -> tuple[int, dict[str, str], Any]:
        if self.planned:
            return self.planned.pop(0)
        if len(events) > self.largest:
            return 413, {}, {"error": "too many"}
        self.received.append(events)
        return 201, {}, {"created_count": len(events), "duplicate_count": 0, "failed_count": 0, "errors": []}


@pytest.fixture
def server() -> Iterator[Answering]:
    answering = Answering()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers, body = answering.answer(events)
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    answering.url = f"http://127.0.0.1:{listening.server_port}"
    yield answering
    listening.shutdown()
    listening.server_close()
    thread.join()


class Hand:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[EventSpool]:
    opened = EventSpool(tmp_path / "spool.ndjson", limit=10)
    yield opened
    opened.close()


@pytest.fixture
def sender(server: Answering, spool: EventSpool, clock: Hand) -> Iterator[EventSender]:
    made = EventSender(url=server.url, factory_id="default", spool=spool, batch_size=4, clock=clock)
    yield made
    made.close()


def events(first: int, last: int) -> list[dict[str, Any]]:
    return [{"event_id": str(n)} for n in range(first, last + 1)]


def ids(server: Answering) -> list[str]:
    return [event["event_id"] for batch in server.received for event in batch]


def test_events_go_out_in_batches(server: Answering, sender: EventSender) -> None:
    sender.send(events(1, 6))

    assert [len(batch) for batch in server.received] == [4, 2]
    assert (sender.delivery.sent, sender.delivery.acknowledged, sender.stored) == (6, 6, 0)


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_to_wait_is_left_alone_for_so_long(
    status: int, server: Answering, sender: EventSender, clock: Hand
) -> None:
    server.planned = [(status, {"Retry-After": "7"}, {"error": "later"})]
    sender.send(events(1, 3))
    sender.send(events(4, 5))
    clock.now += 6.9
    sender.resend()
    assert (ids(server), sender.stored) == ([], 5)

    clock.now += 0.2
    sender.resend()

    assert (ids(server), sender.stored) == (["1", "2", "3", "4", "5"], 0)


def test_a_server_that_is_not_there_is_tried_again_less_and_less_often(spool: EventSpool, clock: Hand) -> None:
    sender = EventSender(url="http://127.0.0.1:9", factory_id="default", spool=spool, clock=clock)
    sender.send(events(1, 1))
    waits = []
    for _ in range(8):
        waits.append(sender.waits)
        clock.now += sender.waits
        sender.resend()

    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (0.5, 15.0)


def test_a_batch_that_is_too_large_is_halved(server: Answering, sender: EventSender) -> None:
    server.largest = 1

    sender.send(events(1, 4))

    assert ids(server) == ["1", "2", "3", "4"]
    assert sender.stored == 0


def test_events_that_failed_are_counted_and_not_sent_again(server: Answering, sender: EventSender) -> None:
    body = {"created_count": 0, "duplicate_count": 1, "failed_count": 2, "errors": [{"message": "too old"}]}
    server.planned = [(422, {}, body)]

    sender.send(events(1, 3))

    assert (sender.delivery.acknowledged, sender.delivery.duplicates, sender.delivery.failed) == (1, 1, 2)
    assert (sender.delivery.first_failure, sender.stored) == ("too old", 0)


def test_a_refusal_that_will_not_change_stops_and_keeps_the_events(server: Answering, sender: EventSender) -> None:
    server.planned = [(404, {}, {"error": "Factory not found"})]

    with pytest.raises(SendingRefused, match="404: Factory not found"):
        sender.send(events(1, 6))

    assert sender.stored == 6


def test_a_page_that_is_not_this_api_is_not_taken_for_it(server: Answering, sender: EventSender) -> None:
    server.planned = [(200, {}, {"hello": "world"})]

    with pytest.raises(SendingRefused, match="is the address right"):
        sender.send(events(1, 1))


def test_a_full_spool_drops_the_newest_and_says_so(sender: EventSender) -> None:
    sender.connected = False

    sender.send(events(1, 13))

    assert (sender.stored, sender.delivery.dropped) == (10, 3)


def test_what_waits_survives_the_process(server: Answering, tmp_path: Path, clock: Hand) -> None:
    path = tmp_path / "kept.ndjson"
    first = EventSpool(path, limit=10)
    first.append(events(1, 3))
    first.forget(1)
    first.close()
    with path.open("ab") as file:
        file.write(b'{"event_id": "unfinis')

    second = EventSpool(path, limit=10)
    sender = EventSender(url=server.url, factory_id="default", spool=second, clock=clock)
    sender.resend()
    sender.close()
    second.close()

    assert ids(server) == ["2", "3"]
    assert not path.exists()


def test_two_processes_cannot_share_a_spool(spool: EventSpool) -> None:
    with pytest.raises(SpoolInUse):
        EventSpool(spool.path, limit=10)
