"""The law: the same events give the same numbers, whatever time zone data a store was made under."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from tests.conftest import NOON, Clock
from tests.law.served import API, Served, any_series, metrics_questions
from tests.law.test_retention import store_of
from tests.reference import instant, rfc3339
from tests.strategies import HOUR, SEEDS, History, deliveries, examples, histories
from tests.time_zone_data import Use, other_data

from factory.domain.states.calendar import DAYS, HOURS
from factory.domain.states.zone_rules import ZoneRules, rules_of
from factory.operations.derive.refresh import remake_rows_of_others
from factory.operations.derive.retention import retain
from factory.operations.derive.verify import verify_derived, zone_data
from factory.operations.derive.zone_rules import noted
from factory.store import factories
from factory.store.derived import rollups as stored_rollups
from factory.store.factories import Factory
from factory.store.schema import rollups

DAY = 24 * HOUR

# By whole hours, by half an hour, by a day, and by minutes; in summer, and in none.
RULES = (
    "America/Los_Angeles",
    "America/Phoenix",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Pacific/Apia",
    "America/St_Johns",
    "Africa/Casablanca",
    "UTC",
)
ZONE = "America/Vancouver"


@pytest.fixture
def use() -> Iterator[Use]:
    with tempfile.TemporaryDirectory() as directory, other_data(Path(directory)) as use:
        yield use


@examples(6)
@given(
    history=histories(max_events=24),
    seed=SEEDS,
    before=st.sampled_from(RULES),
    after=st.sampled_from(RULES),
    version=st.sampled_from(("2025b", "2026a", "2026b")),
)
def test_the_numbers_are_those_of_the_data_of_now(
    served: Served, law_clock: Clock, use: Use, history: History, seed: int, before: str, after: str, version: str
) -> None:
    law_clock.now = history.now
    random = Random(seed)
    store = store_of(served)
    use(version, ZONE, before)
    factory = served.new_factory(ZONE, history.state_timeout_seconds)
    late = [event for event in history.events if random.random() < 0.2]
    early = tuple(event for event in history.events if event not in late)
    for delivery in deliveries(early, random):
        served.send(factory, delivery)
    served.client.get(f"{API}/metrics/factory", query_string={"factory": factory})
    if random.random() < 0.3:
        retain(store=store, factory_id=factory, before=_old(history, random), now=history.now)
        late = []
    for delivery in deliveries(tuple(late), random):
        served.send(factory, delivery)

    use("2026b", ZONE, after)
    reference = replace(history, time_zone=ZONE, events=early + tuple(late)).reference()
    questions = [q for window in history.windows for q in metrics_questions(reference, window)]
    questions = [q for q in questions if not q.path.endswith("/intervals")]
    for question in random.sample(questions, min(6, len(questions))):
        served.ask(factory, question)
    for _ in range(4):
        served.ask(factory, any_series(reference, history.windows, random))
    assert verify_derived(store=store, factory_id=factory, now=history.now) == []


def _old(history: History, random: Random) -> int:
    return random.choice(history.events).timestamp // (60 * 1_000_000) * (60 * 1_000_000)


# In the old data Vancouver's clocks went back on 2 November 2025; in the new ones they stay at UTC-7.
OLD, NEW = ("2025b", ZONE, "America/Los_Angeles"), ("2026f", ZONE, "America/Phoenix")
TODAY = instant("2026-01-15T00:00:00Z")
FIRST = instant("2025-10-20T00:00:00Z")


def an_hour_a_day(served: Served, factory: str, first: int = FIRST, end: int = TODAY) -> None:
    """Send an hour of work from 07:00 UTC on each day: the last of the day at UTC-8, the first at UTC-7."""
    events = [
        {"timestamp": rfc3339(day + at * HOUR), "worker_id": "W1", "workstation_id": "S1", "event_type": kind}
        for day in range(first, end, DAY)
        for at, kind in ((7, "working"), (8, "absent"))
    ]
    answer = served.client.post(f"{API}/events/batch", json=events, query_string={"factory": factory})
    assert answer.status_code in (200, 201), answer.text


def by_day(served: Served, factory: str, metric: str, first: int = FIRST) -> list[float]:
    window = {"from": rfc3339(first + 7 * HOUR), "to": rfc3339(TODAY + 7 * HOUR)}
    asked = {"factory": factory, "metric": metric, "entity": "factory", "bucket": "day", **window}
    answer = served.client.get(f"{API}/metrics/timeseries", query_string=asked)
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    return [row["value"] for row in answer.json["data"]]


def row_of(served: Served, factory: str) -> Factory:
    with store_of(served).snapshot() as tx:
        return factories.find(tx, factory)


def blocks(served: Served, factory: str) -> dict[tuple[int, int, int], bytes]:
    """Return the roll-up blocks in use by kind, level and start."""
    row, c = row_of(served, factory), rollups.c
    with store_of(served).snapshot() as tx:
        found = tx.execute(
            select(c.kind, c.level, c.start_at, c.page).where(
                c.factory_key == row.factory_key, c.generation == row.generation
            )
        )
        return {(kind, level, start): bytes(page) for kind, level, start, page in found}


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Return the blocks that are put in the place of others, as (level, start)."""
    found: list[tuple[int, int]] = []
    replace_blocks = stored_rollups.replace

    def counted(tx: Any, key: int, generation: int, kind: int, level: int, starts: Any, rows: Any) -> None:
        found.extend((level, start) for start in starts.tolist())
        replace_blocks(tx, key, generation, kind, level, starts, rows)

    monkeypatch.setattr(stored_rollups, "replace", counted)
    return found


def test_a_store_made_under_older_data_gives_each_day_its_own_hour(
    served: Served, use: Use, replaced: list[tuple[int, int]]
) -> None:
    use(*OLD)
    factory = served.new_factory(ZONE)
    an_hour_a_day(served, factory)
    assert max(by_day(served, factory, "total_events")) == 3, "the day of 25 hours"
    before = blocks(served, factory)

    use(*NEW)
    replaced.clear()

    days = (TODAY - FIRST) // DAY
    assert by_day(served, factory, "total_events") == [2] * days
    first = instant("2025-11-01T07:00:00Z")
    assert min(start for _, start in replaced) == first
    assert not [start for level, start in replaced if level == HOURS], "whole hours stay, and no event is read"
    assert {key: page for key, page in before.items() if key[2] < first}.items() <= blocks(served, factory).items()
    assert verify_derived(store=store_of(served), factory_id=factory, now=NOON) == []
    replaced.clear()
    assert by_day(served, factory, "total_events") == [2] * days
    assert replaced == []


def test_data_that_change_nothing_in_the_past_derive_nothing_anew(
    served: Served, use: Use, replaced: list[tuple[int, int]]
) -> None:
    use(*OLD)
    factory = served.new_factory(ZONE)
    an_hour_a_day(served, factory, end=instant("2025-11-01T00:00:00Z"))
    was = by_day(served, factory, "total_events")
    replaced.clear()

    use(*NEW)

    assert by_day(served, factory, "total_events")[:10] == was[:10]
    assert replaced == []
    assert "2026f" in (row_of(served, factory).zone_rules or "")


def test_a_process_with_older_data_computes_by_the_newer_rules_that_the_store_follows(
    served: Served, use: Use, replaced: list[tuple[int, int]]
) -> None:
    use(*NEW)
    factory = served.new_factory(ZONE)
    an_hour_a_day(served, factory, end=TODAY - DAY)
    expected = by_day(served, factory, "total_events")
    noted = row_of(served, factory).zone_rules
    replaced.clear()

    use(*OLD)

    assert by_day(served, factory, "total_events") == expected
    assert replaced == []
    an_hour_a_day(served, factory, first=TODAY - DAY)
    assert by_day(served, factory, "total_events") == [2] * ((TODAY - FIRST) // DAY)
    assert row_of(served, factory).zone_rules == noted
    assert verify_derived(store=store_of(served), factory_id=factory, now=NOON) == []


def test_a_store_without_a_version_is_looked_through_before_its_first_answer(served: Served, use: Use) -> None:
    use(*OLD)
    factory = served.new_factory(ZONE)
    an_hour_a_day(served, factory)
    by_day(served, factory, "total_events")
    with store_of(served).writing() as tx:
        factories.change(tx, row_of_in(tx, factory).factory_key, {"zone_rules": None, "zone_file": None})

    use(*NEW)

    assert by_day(served, factory, "total_events") == [2] * ((TODAY - FIRST) // DAY)
    assert verify_derived(store=store_of(served), factory_id=factory, now=NOON) == []


def test_rows_of_a_release_that_notes_no_rules_are_found_and_made_anew(served: Served, use: Use) -> None:
    """The release before serves beside this one for a while, and derives by its own data."""
    use(*OLD)
    factory = served.new_factory(ZONE)
    an_hour_a_day(served, factory)
    by_day(served, factory, "total_events")
    new = noted(rules_of_new(use))
    with store_of(served).writing() as tx:
        factories.change(tx, row_of_in(tx, factory).factory_key, new)

    assert remake_rows_of_others(store_of(served), factory)
    assert not remake_rows_of_others(store_of(served), factory)
    assert by_day(served, factory, "total_events") == [2] * ((TODAY - FIRST) // DAY)
    assert verify_derived(store=store_of(served), factory_id=factory, now=NOON) == []


def test_a_month_of_absence_follows_its_new_borders(served: Served, use: Use) -> None:
    """From 30 November, 23:30 at UTC-7, to the end of December at UTC-8; December ends an hour earlier now."""
    use(*OLD)
    factory = served.new_factory(ZONE)
    events = [
        {"timestamp": at, "worker_id": worker, "workstation_id": "S1", "event_type": kind}
        for worker, ends in (("W1", "2026-01-01T07:30:00Z"), ("W2", "2026-01-10T00:00:00Z"))
        for at, kind in (("2025-12-01T06:30:00Z", "absent"), (ends, "working"))
    ]
    answer = served.client.post(f"{API}/events/batch", json=events, query_string={"factory": factory})
    assert answer.status_code in (200, 201), answer.text
    by_day(served, factory, "total_events")

    use(*NEW)

    by_day(served, factory, "total_events")
    assert verify_derived(store=store_of(served), factory_id=factory, now=NOON) == []


def test_several_processes_that_start_at_once_make_the_rows_anew_once(
    served: Served, use: Use, replaced: list[tuple[int, int]]
) -> None:
    use(*OLD)
    factory = served.new_factory(ZONE)
    an_hour_a_day(served, factory)
    by_day(served, factory, "total_events")
    use(*NEW)
    replaced.clear()
    answers: list[list[float]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(by_day(served, factory, "total_events"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [[2] * ((TODAY - FIRST) // DAY)] * 4
    starts = [start for level, start in replaced if level == DAYS]
    assert max(starts.count(start) for start in starts) <= 4, "each kind of row, gone and made anew"


def test_verify_names_the_version(served: Served, use: Use) -> None:
    use(*NEW)
    factory = served.new_factory(ZONE)
    said = zone_data(store=store_of(served), factory_id=factory)
    assert said == [f"{factory}: America/Vancouver by the time zone data 2026f"]


def row_of_in(tx: Any, factory: str) -> Factory:
    return factories.find(tx, factory)


def rules_of_new(use: Use) -> ZoneRules:
    use(*NEW)
    return rules_of(ZONE)
