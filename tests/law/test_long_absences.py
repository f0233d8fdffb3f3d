"""Absences over months and years: the same numbers, and not a page for each hour of them."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Clock
from tests.law.served import Served, any_series, metrics_questions, series_question
from tests.law.test_same_events_same_numbers import ask_some
from tests.reference import Event, Reference, instant, read_event, rfc3339
from tests.strategies import HOUR, SEEDS, deliveries, examples

DAY = 24 * HOUR

NOW = instant("2026-07-15T12:00:00Z")
_MONTHS = [instant(f"2026-{month:02d}-01T00:00:00Z") for month in range(1, 8)]


@st.composite
def rare_events(draw: st.DrawFn) -> tuple[Event, ...]:
    """Mostly absences, often on the edge of a month in Berlin, often at one instant with other confidence."""
    instants = st.one_of(
        st.sampled_from(_MONTHS).flatmap(lambda at: st.sampled_from([at, at - HOUR, at - 2 * HOUR, at + 5 * DAY])),
        st.integers(NOW - 200 * DAY, NOW),
    )
    events = draw(
        st.lists(
            st.tuples(
                instants,
                st.sampled_from(("absent", "absent", "absent", "working", "idle", "product_count")),
                st.sampled_from(("W1", "W2")),
                st.sampled_from(("S1", "S2")),
                st.sampled_from((None, 0.25, 0.5, 1.0)),
            ),
            min_size=2,
            max_size=14,
            unique_by=lambda event: event[:4],
        )
    )
    return tuple(
        read_event(
            {"timestamp": rfc3339(at), "event_type": kind, "worker_id": worker, "workstation_id": station}
            | ({} if confidence is None else {"confidence": confidence})
        )
        for at, kind, worker, station, confidence in events
    )


@examples(3)
@given(events=rare_events(), seed=SEEDS, timeout=st.sampled_from((0, 3600, 604_800)))
def test_numbers_are_right_after_every_delivery(
    served: Served, law_clock: Clock, events: tuple[Event, ...], seed: int, timeout: int
) -> None:
    law_clock.now = NOW
    windows = ((None, None), (_MONTHS[1], _MONTHS[4]), (_MONTHS[2] + 3 * DAY + 1, _MONTHS[5] - HOUR), (NOW - DAY, NOW))
    random = Random(seed)
    factory = served.new_factory("Europe/Berlin", timeout)
    accepted: list[Event] = []
    for delivery in deliveries(events, random):
        served.send(factory, delivery)
        accepted += delivery.events
        reference = Reference(accepted, now=NOW, time_zone="Europe/Berlin", state_timeout_seconds=timeout)
        ask_some(served, factory, reference, windows, random, 3)
    reference = Reference(list(events), now=NOW, time_zone="Europe/Berlin", state_timeout_seconds=timeout)
    for question in metrics_questions(reference, random.choice(windows)):
        served.ask(factory, question)
    served.ask(factory, any_series(reference, windows, random))


def test_years_of_absence_are_answered_with_the_same_numbers_after_each_change(
    served: Served, law_clock: Clock
) -> None:
    """Closing, splitting, ending early and reopening an absence since 2015."""
    law_clock.now = NOW
    steps = [
        ("2015-01-01T00:00:00Z", "absent", 0.5),
        ("2026-07-15T11:00:00Z", "working", 0.5),
        ("2020-05-05T05:05:05Z", "absent", 0.5),
        ("2021-05-05T05:05:05Z", "working", 0.5),
        ("2021-05-05T05:05:05Z", "absent", 0.9),
        ("2026-07-15T11:00:00Z", "absent", 0.9),
    ]
    events = [
        read_event({
            "timestamp": at, "event_type": kind, "worker_id": "W1", "workstation_id": "S1", "confidence": confidence,
        })
        for at, kind, confidence in steps
    ]  # fmt: skip
    factory = served.new_factory("Europe/Berlin")
    for number, event in enumerate(events, start=1):
        served.send(factory, deliveries((event,), Random(1), in_one=True)[0])
        reference = Reference(events[:number], now=NOW, time_zone="Europe/Berlin", state_timeout_seconds=3600)
        for question in metrics_questions(reference, (None, None)):
            served.ask(factory, question)
        served.ask(
            factory,
            series_question(reference, "total_absent_time_hours", "worker", "W1", "month", (None, None)),
        )
