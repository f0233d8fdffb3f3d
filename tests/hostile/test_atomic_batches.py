"""All or nothing, and what a refused event leaves behind: nothing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.hostile.site import GOOD, Site, assert_batch, assert_is_error, event


def shown(value: object) -> str:
    return repr(value)[:30]


@pytest.mark.parametrize(
    "bad", [{}, event(count=-1), event(count=6), event(timestamp="2027-01-01T00:00:00Z")], ids=shown
)
def test_an_atomic_batch_with_one_failure_stores_and_registers_nothing(site: Site, bad: dict[str, Any]) -> None:
    site.post("/events/", event(count=5))
    answer = site.post("/events/batch?atomic=true", [event(worker_id="W7"), bad, event(count=5)])
    assert answer.status == 422
    assert (answer.body["success_count"], answer.body["created_count"], answer.body["duplicate_count"]) == (0, 0, 0)
    assert (answer.body["failed_count"], answer.body["failed_indices"], answer.body["total_count"]) == (1, [1], 3)
    assert {error["index"] for error in answer.body["errors"]} == {1}
    assert len(site.stored()) == 1
    assert site.get("/workers/W7").status == 404


def test_an_atomic_batch_of_duplicates_succeeds(site: Site) -> None:
    assert_batch(site.post("/events/batch?atomic=true", [GOOD]), 201, created=1, failed=[])
    assert_batch(site.post("/events/batch?atomic=true", [GOOD, GOOD]), 200, duplicates=2, failed=[])
    assert_batch(site.post("/events/batch?atomic=true", []), 200, failed=[])


@pytest.mark.parametrize("value", ["banana", "2", "", "true%00", "[]"])
def test_atomic_is_true_or_false(site: Site, value: str) -> None:
    assert_is_error(site.post(f"/events/batch?atomic={value}", [GOOD]), 400)
    assert site.stored() == []


def test_a_failed_event_registers_nobody(site: Site) -> None:
    site.post("/events/batch", [event(worker_id="W8", count=-1), event(worker_id="W9", workstation_id="S9 ")])
    assert site.get("/workers/").body["data"] == []
    assert site.get("/workstations/").body["data"] == []
