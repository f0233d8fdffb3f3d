"""The primary's host is gone in the middle of posts; a standby takes over and nothing acknowledged is missing."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.durability.load import make_event, stored_event_ids
from tests.recovery.patroni_cluster import patroni_cluster, wait_until
from tests.servers import RunningServer

CLIENTS = 6
RESUMES_SECONDS = 30.0
PATIENCE_SECONDS = 40.0
"""More than anybody ever waits for an answer."""


@dataclass
class Answer:
    at: float
    status: int
    retry_after: str | None
    seconds: float


@dataclass
class Senders:
    """Clients that send each delivery unchanged until it is acknowledged, to one server and then to the other."""

    servers: list[RunningServer]
    answers: list[Answer] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    unanswered: list[str] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Senders:
        self._threads = [threading.Thread(target=self._send, args=[client]) for client in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.done.set()
        for thread in self._threads:
            thread.join()

    def _send(self, client: int) -> None:
        number = turn = 0
        while not self.done.is_set():
            size = 50 if client % 3 == 0 else 1
            events = [make_event(client, number + offset) for offset in range(size)]
            number += size
            while not self._delivered(self.servers[turn % 2], events):
                turn += 1
                if self.done.wait(0.2):
                    return

    def _delivered(self, server: RunningServer, events: list[dict[str, object]]) -> bool:
        began = time.monotonic()
        single = len(events) == 1
        try:
            reply = server.post_json(
                "/api/v1/events/" if single else "/api/v1/events/batch",
                events[0] if single else events,
                timeout=PATIENCE_SECONDS,
            )
        except (OSError, http.client.HTTPException) as error:
            self.unanswered.append(repr(error))
            return False
        now = time.monotonic()
        self.answers.append(Answer(now, reply.status, reply.headers.get("retry-after"), now - began))
        if reply.status not in (200, 201) or (not single and json.loads(reply.content)["failed_count"]):
            return False
        self.acknowledged |= {str(event["event_id"]) for event in events}
        return True

    def acknowledged_after(self, moment: float) -> bool:
        return any(answer.status in (200, 201) and answer.at - answer.seconds > moment for answer in list(self.answers))


def factory(server: RunningServer, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "factory.cli.main", *arguments], env=server.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_standby_takes_over_within_30_seconds_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    with patroni_cluster() as cluster:
        cluster.make_database()
        servers = [RunningServer(cluster.database_url, tmp_path / f"{n}.log", WEB_WORKERS="1") for n in range(2)]
        try:
            factory(servers[0], "db", "upgrade")
            for server in servers:
                server.spawn()
            for server in servers:
                server.wait_until_ready()

            before = cluster.primary()
            assert before is not None
            [heir] = cluster.synchronous()
            with Senders(servers) as senders:
                time.sleep(4)
                killed = time.monotonic()
                before.kill()
                resumed = wait_until(
                    lambda: senders.acknowledged_after(killed + 0.5), "posts were taken again", cluster, 60
                )
                assert resumed < RESUMES_SECONDS
                assert cluster.primary() is heir, "another one than the synchronous standby took over"
                before.start()  # the host is repaired
                time.sleep(2)
            rejoined = wait_until(before.follows, "the old primary followed the new one", cluster, 40)

            answers = Counter(answer.status for answer in senders.answers)
            refused = [answer for answer in senders.answers if answer.status not in (200, 201)]
            print(f"taken again after {resumed:.1f} s, rejoined after {rejoined:.1f} s more, answers {dict(answers)}")
            assert senders.unanswered == []
            assert set(answers) <= {200, 201, 503}, answers
            assert refused, "nobody noticed: the test means nothing"
            assert all(int(answer.retry_after or 0) >= 1 for answer in refused)
            assert max(answer.seconds for answer in senders.answers) < RESUMES_SECONDS
            assert len(senders.acknowledged) > 200, "too few events for the test to mean anything"

            stored = stored_event_ids(servers[0])
            assert senders.acknowledged - stored.keys() == set()
            assert {identity: times for identity, times in stored.items() if times > 1} == {}
            factory(servers[0], "verify")
            said = before.log.read_text(errors="replace")
            assert "pg_rewind" in said, "it was copied anew instead of rewound"
            assert before.ask("SELECT pg_is_in_recovery()") is True
            wait_until(lambda: len(cluster.synchronous()) == 1, "there was a synchronous standby again", cluster, 20)
        finally:
            for server in servers:
                server.kill()
    for server in servers:
        assert "Traceback" not in server.read_log(), server.read_log()
