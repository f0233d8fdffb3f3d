"""A background task starts with the first request of a process and survives its own failures."""

from __future__ import annotations

import logging
import threading

import pytest

from factory.adapters.observe.periodic_thread import PeriodicThread
from factory.domain.errors import Unavailable


def test_it_runs_again_and_again_in_one_thread() -> None:
    ran: list[int] = []
    enough = threading.Event()

    def task() -> None:
        ran.append(threading.get_ident())
        if len(ran) == 3:
            enough.set()

    thread = PeriodicThread("test", 0.001, task)
    for _ in range(5):
        thread.ensure_running()
    assert enough.wait(5)
    thread.stop()
    assert len(set(ran)) == 1


def test_an_interval_of_zero_never_runs() -> None:
    before = threading.active_count()
    PeriodicThread("test", 0, lambda: None).ensure_running()
    assert threading.active_count() == before


def test_a_failure_is_logged_and_the_thread_lives_on(caplog: pytest.LogCaptureFixture) -> None:
    failed = threading.Event()

    def task() -> None:
        failed.set()
        raise RuntimeError("once")

    thread = PeriodicThread("refresh", 0.001, task)
    with caplog.at_level(logging.ERROR):
        thread.ensure_running()
        assert failed.wait(5)
        for _ in range(100):
            if "refresh failed" in caplog.text:
                break
            threading.Event().wait(0.01)
    alive = [one for one in threading.enumerate() if one.name == "refresh"]
    thread.stop()
    assert "refresh failed" in caplog.text
    assert alive


def test_a_database_that_is_away_is_logged_as_a_warning_without_a_stack(caplog: pytest.LogCaptureFixture) -> None:
    failed = threading.Event()

    def task() -> None:
        if failed.is_set():
            return
        failed.set()
        raise Unavailable("The database does not answer")

    thread = PeriodicThread("refresh", 0.001, task)
    with caplog.at_level(logging.WARNING):
        thread.ensure_running()
        assert failed.wait(5)
        for _ in range(100):
            if caplog.records:
                break
            threading.Event().wait(0.01)
    thread.stop()
    [line] = caplog.records
    assert line.levelname == "WARNING"
    assert line.getMessage() == "refresh has to wait: The database does not answer"
    assert line.exc_info is None
