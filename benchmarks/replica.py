"""The cost of the replica's check for a read, and the share of reads that it serves: `python -m benchmarks.replica`.

Both sides of the first figure are the same application in one process, in turns: with the replica, and as if there
were none. The second is counted while events are posted. Primary and replica run on this machine, as in the tests.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import closing
from statistics import median
from typing import Any

from tests.conftest import make_settings
from tests.scale.postgres import make_primary, make_replica, wait_until, workplace

from benchmarks.workload import Stream, json_arrays
from factory.app import create_app

_EVENTS = 20_000
_READS, _TURNS = 100, 6
_PATHS = ("/api/v1/metrics/factory", "/api/v1/metrics/now", "/api/v1/metrics/workers")
_MIXES = ((0, 20), (2, 20), (10, 20), (50, 20))
"""Posts and reads a second."""
_SECONDS = 8.0


def main() -> None:
    with workplace() as directory:
        primary = make_primary(directory)
        replica = make_replica(primary)
        try:
            settings = make_settings(primary.url(), DATABASE_REPLICA_URL=replica.url(), REFRESH_INTERVAL_SECONDS="1")
            app = create_app(settings)
            with closing(app.extensions["factory_store"]) as store:
                _measure(app, store)
        finally:
            replica.stop()
            primary.stop()


def _measure(app: Any, store: Any) -> None:
    client, counted = app.test_client(), Counter[str]()
    store.replica.count = lambda where, because: counted.update([because or where])
    stream = Stream(workers=500, stations=50, shift_minutes=480)
    for body in json_arrays(stream.take(_EVENTS), 5000):
        assert client.post("/api/v1/events/batch", data=body, content_type="application/json").status_code < 300
    wait_until(lambda: client.get(_PATHS[0]).status_code == 200 and counted["replica"] > 0, "the replica is read")
    for path in _PATHS:
        _cost(client, store, path)
    for posts, reads in _MIXES:
        counted.clear()
        _mix(app, stream, posts, reads)
        print(f"{posts} posts/s, {reads} reads/s: {dict(counted)}")


def _cost(client: Any, store: Any, path: str) -> None:
    milliseconds: dict[str, list[float]] = {"primary": [], "replica": []}
    sides = {"primary": None, "replica": store.replica}
    for turn in range(_TURNS):
        for side in sorted(sides, reverse=turn % 2 == 0):
            store.replica = sides[side]
            milliseconds[side] += [_time(client, path) for _ in range(_READS)]
    store.replica = sides["replica"]
    ours, plain = median(milliseconds["replica"]), median(milliseconds["primary"])
    print(f"{path}: p50 {ours:.2f} ms on the replica, {plain:.2f} ms without one: {ours / plain:.2f}")


def _time(client: Any, path: str) -> float:
    began = time.perf_counter()
    assert client.get(path).status_code == 200
    return (time.perf_counter() - began) * 1000


def _mix(app: Any, stream: Stream, posts: int, reads: int) -> None:
    bodies = iter(json_arrays(stream.take(int(posts * _SECONDS) + 1), 1))
    until = time.monotonic() + _SECONDS

    def often(rate: int, work: Any) -> None:
        while rate and time.monotonic() < until:
            work()
            time.sleep(1 / rate)

    def post(client: Any = app.test_client()) -> None:  # noqa: B008 - one client a thread
        client.post("/api/v1/events/batch", data=next(bodies), content_type="application/json")

    def read(client: Any = app.test_client()) -> None:  # noqa: B008
        client.get(_PATHS[0])

    threads = [threading.Thread(target=often, args=pair) for pair in ((posts, post), (reads, read))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
