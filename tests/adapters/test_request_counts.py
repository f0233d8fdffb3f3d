"""Counting requests in a process: windows, threads, and what is forgotten."""

from __future__ import annotations

import threading

import pytest
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from factory.adapters.access import request_counts
from factory.adapters.access.request_counts import RequestCounts


class Hand:
    now = 1_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    clock = Hand()
    monkeypatch.setattr(request_counts, "time", clock)
    return clock


def test_a_time_begins_with_its_first_request_and_then_the_budget_is_full_again(hand: Hand) -> None:
    counts = RequestCounts()
    limiter, limit = FixedWindowRateLimiter(counts), parse("2/minute")

    assert [limiter.hit(limit, "a") for _ in range(3)] == [True, True, False]
    assert limiter.hit(limit, "b")
    window = limiter.get_window_stats(limit, "a")
    assert (window.reset_time, window.remaining) == (1_060.0, 0)
    hand.now += 59.9
    assert not limiter.hit(limit, "a")
    hand.now += 0.1
    assert limiter.test(limit, "a")
    assert [limiter.hit(limit, "a") for _ in range(3)] == [True, True, False]


def test_of_many_threads_just_as_many_pass_as_may() -> None:
    limiter, limit = FixedWindowRateLimiter(RequestCounts()), parse("1000/hour")
    passed: list[bool] = []

    def ask() -> None:
        passed.extend([limiter.hit(limit, "a") for _ in range(500)])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed.count(True) == 1000


def test_what_has_ended_is_forgotten_and_what_goes_on_is_kept(hand: Hand) -> None:
    counts = RequestCounts()
    counts.incr("long", 3600)
    for number in range(20_000):
        counts.incr(f"short {number}", 1)
        hand.now += 0.01

    assert counts.reset() < 3_000
    counts.incr("long", 3600)
    counts.clear("long")
    assert counts.get("long") == 0


def test_counting_begins_no_thread() -> None:
    before = threading.active_count()
    counts = storage_from_string("process://")
    assert isinstance(counts, RequestCounts)
    for _ in range(100):
        counts.incr("a", 1)
    assert threading.active_count() == before
    assert counts.check()
