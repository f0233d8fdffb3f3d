"""The faults of a soak, one at a time, chosen by a seed."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

import psutil
import psycopg2

from tools.soak.plant import Plant


@dataclass
class Fault:
    """Times are those of the monotonic clock; `recovered` is the first acknowledgement after the repair."""

    name: str
    began: float
    repaired: float = 0.0
    recovered: float | None = None
    statuses: dict[int, int] = field(default_factory=dict)
    slowest: float = 0.0


def kinds(plant: Plant) -> dict[str, Callable[[Random], None]]:
    """List the faults: each function breaks something, waits, and repairs it."""
    first, second = plant.backends

    def kill_backend(random: Random) -> None:
        second.kill()
        time.sleep(random.uniform(1, 10))
        second.spawn()
        second.wait_until_ready()

    def kill_server_process(random: Random) -> None:
        assert second.process is not None
        children = psutil.Process(second.process.pid).children()
        os.kill(random.choice(children).pid, signal.SIGKILL)
        time.sleep(3)

    def restart_postgresql(_: Random) -> None:
        plant.postgres.restart()
        plant.postgres.wait_until_ready()

    def kill_postgresql(_: Random) -> None:
        plant.postgres.kill()
        plant.postgres.wait_until_ready()

    def stop_redis(random: Random) -> None:
        plant.redis.kill()
        time.sleep(random.uniform(5, 20))
        plant.redis.start()

    def slow_network(random: Random) -> None:
        plant.link.delay_seconds = random.uniform(0.01, 0.06)
        time.sleep(random.uniform(10, 20))
        plant.link.restore()

    def cut_network(random: Random) -> None:
        plant.link.cut()
        time.sleep(random.uniform(3, 15))
        plant.link.restore()

    def stall_network(random: Random) -> None:
        plant.link.stalled = True
        time.sleep(random.uniform(3, 15))
        plant.link.restore()

    def fill_disk(random: Random) -> None:
        plant.disk.fill()
        if random.random() < 0.5:  # the log needs a new segment too, and PostgreSQL goes down
            with contextlib.suppress(psycopg2.Error):
                for _ in range(12):
                    plant.postgres.ask("SELECT pg_logical_emit_message(false, 'soak', 'x'), pg_switch_wal()")
        time.sleep(random.uniform(10, 20))
        plant.disk.free()
        plant.postgres.wait_until_ready()

    found = {
        "backend killed": kill_backend,
        "server process killed": kill_server_process,
        "PostgreSQL restarted": restart_postgresql,
        "PostgreSQL killed": kill_postgresql,
        "Redis gone": stop_redis,
        "network slow": slow_network,
        "network cut": cut_network,
        "network stalled": stall_network,
    }
    if plant.disk.is_small:
        found["disk full"] = fill_disk
    assert first is not second, "the first backend is never killed: its memory is watched"
    return found


def _bags(names: list[str], random: Random) -> Iterator[str]:
    """Each kind once, in any order, then all of them again."""
    while True:
        random.shuffle(names)
        yield from names


class Saboteur(threading.Thread):
    """Breaks something, repairs it, lets the plant come to itself, and so on."""

    def __init__(
        self, plant: Plant, *, seed: int, stop: threading.Event, pause: float, say: Callable[[str], None]
    ) -> None:
        super().__init__(name="saboteur", daemon=True)
        self.faults: list[Fault] = []
        self.error: str | None = None
        self._plant, self._random, self._over, self._pause, self._say = plant, Random(seed), stop, pause, say

    def run(self) -> None:
        todo = kinds(self._plant)
        names = _bags(sorted(todo), self._random)
        while not self._over.wait(self._random.uniform(0.7, 1.3) * self._pause):
            fault = Fault(next(names), time.monotonic())
            self.faults.append(fault)
            self._say(fault.name)
            try:
                todo[fault.name](self._random)
            except Exception as error:  # the report tells it, and the soak fails
                self.error = f"{fault.name}: {error!r}"
                return
            finally:
                fault.repaired = time.monotonic()
