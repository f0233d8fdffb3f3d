"""Clients that post without rest and remember which events were acknowledged."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.servers import RunningServer

START = datetime(2026, 1, 10, 6, tzinfo=timezone.utc)
TYPES = ("working", "idle", "product_count", "product_count")


def make_event(client: int, number: int) -> dict[str, Any]:
    """Make the `number`-th event of a client: shared workers, so that clients meet in the same stretches of time."""
    return {
        "timestamp": (START + timedelta(seconds=97 * (number % 5000), microseconds=client)).isoformat(),
        "worker_id": f"W{number % 5}",
        "workstation_id": f"S{(number + client) % 3}",
        "event_type": TYPES[number % len(TYPES)],
        "event_id": f"{client}-{number}",
    }


@dataclass
class Load:
    """`clients` threads posting single events and batches until `stop`; a failed request ends nothing."""

    server: RunningServer
    clients: int = 6
    acknowledged: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    refused: list[tuple[int, str]] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> Load:
        self.threads = [threading.Thread(target=self._post_until_stopped, args=[n]) for n in range(self.clients)]
        for thread in self.threads:
            thread.start()
        return self

    def stop(self) -> None:
        self.done.set()
        for thread in self.threads:
            thread.join()

    def _post_until_stopped(self, client: int) -> None:
        number = 0
        while not self.done.is_set():
            size = (1, 20, 200)[number % 3] if client % 2 else 1
            events = [make_event(client, number + offset) for offset in range(size)]
            number += size
            ids = {event["event_id"] for event in events}
            self.sent |= ids
            if post_events(self.server, events, self.refused):
                self.acknowledged |= ids


def post_events(server: RunningServer, events: list[dict[str, Any]], refused: list[tuple[int, str]]) -> bool:
    """Return whether every one of `events` was acknowledged; what a dead server says counts as nothing."""
    try:
        if len(events) == 1:
            reply = server.post_json("/api/v1/events/", events[0])
        else:
            reply = server.post_json("/api/v1/events/batch", events)
        body = reply.body
    except (OSError, http.client.HTTPException, json.JSONDecodeError):
        return False
    if reply.status not in (200, 201) or body.get("failed_count"):
        refused.append((reply.status, reply.content.decode()[:300]))
        return False
    return True


def stored_event_ids(server: RunningServer) -> Counter[str]:
    """Count each stored event, read page by page as a client reads them."""
    found: Counter[str] = Counter()
    cursor = ""
    while True:
        page = server.request("GET", f"/api/v1/events/?limit=1000{cursor}").body
        found.update(event["event_id"] for event in page["data"])
        if not page.get("next_cursor"):
            return found
        cursor = f"&cursor={page['next_cursor']}"
